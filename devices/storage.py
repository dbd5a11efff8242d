"""What a device remembers through a crash: a small map from key to bytes, changed atomically.

A port: flash, SQLite (`devices.shell.storage`), IndexedDB or a file with a journal will do, as long
as `save` is all or nothing and durable when it returns. Everything the reference client promises
rests on that one step. Knows nothing of what is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum, auto
from typing import Protocol

from devices.errors import StorageFailed


class Storage(Protocol):
    """Durable memory of one installation."""

    def load(self) -> dict[str, bytes]:
        """Everything that was saved. Raises StorageFailed."""
        ...

    def save(self, puts: Mapping[str, bytes], deletes: Collection[str]) -> None:
        """Make all changes or none; durable on return. Raises StorageFailed."""
        ...


class Batch:
    """Changes that become durable together."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._puts: dict[str, bytes] = {}
        self._deletes: set[str] = set()

    def put(self, key: str, value: bytes) -> None:
        self._deletes.discard(key)
        self._puts[key] = value

    def delete(self, key: str) -> None:
        self._puts.pop(key, None)
        self._deletes.add(key)

    def commit(self) -> None:
        """Save what was staged. After StorageFailed, start again from `Storage.load`."""
        if self._puts or self._deletes:
            self._storage.save(self._puts, self._deletes)
            self._puts, self._deletes = {}, set()


class Fault(Enum):
    """What happens at the next save of a `MemoryStorage`."""

    NONE = auto()
    FAIL = auto()
    """StorageFailed, nothing written: a full disk."""
    CRASH_BEFORE = auto()
    """The device dies; nothing was written."""
    CRASH_AFTER = auto()
    """The device dies; everything was written."""


class Crash(Exception):
    """The simulated device died here. Only a test or a simulator catches it."""


class MemoryStorage:
    """Storage that survives the client object, not the process. Faults can be ordered."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.next_fault = Fault.NONE

    def load(self) -> dict[str, bytes]:
        return dict(self.entries)

    def save(self, puts: Mapping[str, bytes], deletes: Collection[str]) -> None:
        fault, self.next_fault = self.next_fault, Fault.NONE
        if fault is Fault.FAIL:
            raise StorageFailed("simulated: no space left on the device")
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        self.entries.update(puts)
        for key in deletes:
            self.entries.pop(key, None)
        if fault is Fault.CRASH_AFTER:
            raise Crash
