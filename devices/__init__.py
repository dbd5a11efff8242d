"""The field: what one device knows and owes us. Sans-I/O but for `devices.shell`."""
