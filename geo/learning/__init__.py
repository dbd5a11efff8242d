"""What our own drives say about the roads: match tracks, observe, count, give factors."""
