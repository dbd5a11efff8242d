"""The decision: incidents, ranking, orders. Values in, values out."""
