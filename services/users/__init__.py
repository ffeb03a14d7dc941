"""Who people are: accounts, sessions, patients and their families, clinicians and their papers."""
