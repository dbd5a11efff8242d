"""Both ends of a JT/T 808 link, without I/O: the platform's and a terminal's (docs/devices.md)."""
