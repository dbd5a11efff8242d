"""Thin I/O around the device cores: the asyncio client and the fleet simulator."""
