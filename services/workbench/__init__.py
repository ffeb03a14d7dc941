"""The visit: notes, diagnoses, orders and prescriptions (诊疗)."""
