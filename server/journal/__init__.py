"""The memory: the command log."""
