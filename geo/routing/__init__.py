"""Shortest travel times on a graph of nodes and arcs, by interchangeable engines."""
