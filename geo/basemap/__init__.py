"""The map as people see it: vector tiles and relief."""
