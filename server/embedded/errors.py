"""Why a private server cannot run; each text says what is wrong, where, and what to do next.

EmbeddedError
├── DataFolderInUse      another process holds the data folder
├── DataFolderError      the data folder cannot be used: rights, disk, another version
├── BinaryMissing        no PostgreSQL or no Valkey on this machine
└── StartFailed          the server did not come up; quotes the end of its log
"""


class EmbeddedError(Exception):
    """Base of everything the launcher raises on purpose."""


class DataFolderInUse(EmbeddedError):
    """Another process holds the lock."""


class DataFolderError(EmbeddedError):
    """The folder, its rights, its disk or its version."""


class BinaryMissing(EmbeddedError):
    """Nothing to run."""


class StartFailed(EmbeddedError):
    """It was run and did not become ready."""
