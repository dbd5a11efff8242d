"""A private PostgreSQL and a private Valkey: found, started, watched over and stopped by us."""
