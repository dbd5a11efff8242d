"""What is reached in time: from where, how far, whom."""
