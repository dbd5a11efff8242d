"""The ASGI application around any set of routes: guards, compression, one form of errors.

Outermost first: security, compression, failures, access, routes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from server.accesslog import AccessLog
from server.http.access import AccessMiddleware
from server.http.auth import Auth
from server.http.errors import STARLETTE_HANDLERS, FailureMiddleware
from server.http.security import SecurityMiddleware

BODY_S_MAX = 30.0
COMPRESS_BYTES_MIN = 1000
COMPRESS_LEVEL = 5
"""A vector tile in about a millisecond."""

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def assemble(
    routes: Sequence[BaseRoute],
    *,
    auth: Auth,
    access: AccessLog,
    body_bytes_max: int,
    body_s_max: float = BODY_S_MAX,
    larger: Mapping[str, int] | None = None,
    tls: bool = False,
    lifespan: Lifespan | None = None,
) -> Starlette:
    """An application whose handlers can `require` a user of `auth`; `access` hears who looked.

    `larger`: paths whose bodies may have more than `body_bytes_max`.
    """
    app = Starlette(
        routes=list(routes),
        middleware=[
            Middleware(
                SecurityMiddleware,
                body_bytes_max=body_bytes_max,
                body_s_max=body_s_max,
                tls=tls,
                larger=larger,
            ),
            Middleware(
                GZipMiddleware, minimum_size=COMPRESS_BYTES_MIN, compresslevel=COMPRESS_LEVEL
            ),
            Middleware(FailureMiddleware),
            Middleware(AccessMiddleware, log=access, routes=list(routes)),
        ],
        exception_handlers=STARLETTE_HANDLERS,
        lifespan=lifespan,
    )
    app.state.auth = auth
    return app
