"""The review: what the work of a span of time came to, in figures that say how sure they are."""
