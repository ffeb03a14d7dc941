"""What is known about a patient, and who may know it (病历)."""
