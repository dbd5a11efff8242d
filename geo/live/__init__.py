"""What differs from the map just now: roads closed or slowed, and conditions by area."""
