"""What those at the desk, those who plan, and the hall see of shifts and lines."""
