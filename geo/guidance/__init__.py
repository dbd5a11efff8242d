"""A route as a driver needs it: steps, what to mind, in words."""
