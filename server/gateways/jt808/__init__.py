"""The door of JT/T 808 terminals: TCP and UDP, on the core that all foreign devices share."""
