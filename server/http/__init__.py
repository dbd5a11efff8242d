"""HTTP doors: sessions, roles, and the API of docs/http-api.md."""
