"""The ground: metres, elevation, roads, travel time, routing, the base map.

Knows nothing else of ours.
"""
