"""A county's roster from a file: its shape, what it changes, and the one transaction that does."""
