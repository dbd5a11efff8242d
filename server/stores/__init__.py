"""PostgreSQL and Valkey adapters: the only modules that speak SQL or Redis."""
