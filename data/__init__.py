"""What is kept: tables, transactions, files and keys. Imports nothing else of ours."""
