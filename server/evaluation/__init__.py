"""A county in virtual time: what a way of choosing units would have come to, seed by seed.

`scenario` says what happens, the same for every policy; `county` is the ground, `trips` how units
move on it, `policies` how they are chosen, by the product's own decision code; `run` lives through
it event by event and `inspection` sees to it that nothing happens which cannot. `figures` counts.
Values in, values out: no socket, no clock, no database.
"""
