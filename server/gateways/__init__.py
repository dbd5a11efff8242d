"""WebSocket doors: devices and consoles."""
