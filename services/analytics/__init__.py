"""Figures for the hospital and its regulator (统计)."""
