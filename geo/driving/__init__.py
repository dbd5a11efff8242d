"""How fast a vehicle drives each road: the shape of the road, the vehicle, the law, the weather."""
