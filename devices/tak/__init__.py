"""TAK clients as field devices: the server's side of their stream, what is told and heard."""
