"""What can go wrong in the field, on the device's side.

DeviceError
├── StorageFailed     the durable store could not be read or written; nothing of the step was kept
├── InboxFull         so many orders and questions wait that no more are taken; the server is told
├── OutboxFull        too many reports wait for the link; the new one was refused
├── UnknownCommand    a report about a command that this device does not have
└── OrderOver         a report about an order that has ended: done, declined, cancelled or expired
"""


class DeviceError(Exception):
    """Base of everything a device raises on purpose; its text is fit for a person to read."""


class StorageFailed(DeviceError):
    """The durable store could not be read or written; the step left no trace."""


class InboxFull(DeviceError):
    """Everything that the device remembers still waits for somebody: there is no room for more."""


class OutboxFull(DeviceError):
    """More reports wait than the device may keep; the officer should be told."""


class UnknownCommand(DeviceError):
    """The device has no command of that id."""


class OrderOver(DeviceError):
    """The order has ended; there is nothing more to report about it."""
