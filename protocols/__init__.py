"""The wire: bytes to messages and back. Knows no sockets, no clock and nothing else of ours."""
