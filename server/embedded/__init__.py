"""PostgreSQL and Valkey run privately, for a county on one machine."""
