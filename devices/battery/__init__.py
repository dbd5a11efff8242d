"""Batteries: how fast each device drains, learned from its reports, and how long it will last.

`model` holds the numbers and the prior of a device model, `reports` what comes in and is kept,
`estimator` learns, `outlook` looks ahead, `pool` makes one prior of many devices. Nothing here
knows a clock, a database or what an order is.
"""
