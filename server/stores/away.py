"""What PostgreSQL's client raises when the store cannot be used just now: one list for everybody.

Knows no caller: whether to wait, to send away, or to answer 503 is theirs.
"""

from __future__ import annotations

from typing import Final

import asyncpg

NO_ANSWER: Final = (
    asyncpg.PostgresConnectionError,  # SQLSTATE class 08
    asyncpg.InvalidAuthorizationSpecificationError,  # 28: its password was changed
    asyncpg.InvalidCatalogNameError,  # 3D: the database is not there (yet, or any more)
    asyncpg.TransactionRollbackError,  # 40: deadlock, lost race; the same again may succeed
    asyncpg.InsufficientResourcesError,  # 53: full disk, no memory, too many connections
    asyncpg.ObjectNotInPrerequisiteStateError,  # 55000: accepts no connections
    asyncpg.OperatorInterventionError,  # 57: starting, stopping, crashed, cancelled
    asyncpg.InterfaceError,  # the connection ended under the client
    asyncpg.InternalClientError,  # "another operation is in progress": lost while connecting
    OSError,  # no route, refused; a unix socket that is not there is a FileNotFoundError
    TimeoutError,
)
"""Away, restarting or overloaded. `asyncpg.InterfaceError` with `ValueError`: a wrong value."""

STORE_AWAY: Final = (*NO_ANSWER, asyncpg.PostgresError)
"""For what must go on whatever the store says; what it says is logged there."""
