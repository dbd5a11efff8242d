"""`python -m server.cli`, the same as `ridgeline`."""

from server.cli import main

main(prog_name="ridgeline")
