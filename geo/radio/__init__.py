"""Where radio ends: what our own silences say about the roads, and what lies ahead of a unit."""
