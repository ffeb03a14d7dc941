"""Instruments that measure a patient, read in the words of their own standards."""
