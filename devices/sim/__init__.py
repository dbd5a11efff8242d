"""A simulated county in the field: how cars move, batteries drain and officers answer. Sans-I/O."""
