"""TAK clients (ATAK, WinTAK, iTAK): whom we let in by certificate, and what they are told."""
