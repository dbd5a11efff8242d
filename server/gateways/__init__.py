"""WebSocket doors: devices (`/v1/device`) and dispatchers' consoles (`/v1/console`)."""
