"""What an administrator sees of webhooks. The same rules as in `server.views`."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class WebhookView(Struct, frozen=True, kw_only=True):
    """Somebody who is told of what the command log says."""

    id: str
    name: str
    url: str
    kinds: list[str]
    """Of the log, whole or their first part: `order` is every `order.…`."""
    waiting: int
    """Deliveries that are due or will be tried again."""
    dead: int
    """Deliveries that were given up."""
    behind: int
    """Entries of the log that were not looked at yet."""
    delivered_at: datetime | None
    """Last success."""
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    ended_why: str


class NewWebhookView(Struct, frozen=True, kw_only=True):
    """With its secret, which is shown this once."""

    webhook: WebhookView
    secret: str


class DeadDeliveryView(Struct, frozen=True, kw_only=True):
    """A delivery that was given up."""

    what: str
    """`entry` or `checkpoint`."""
    number: int
    """The entry's seq, the checkpoint's size."""
    kind: str
    attempts: int
    last_error: str
    dead_at: datetime


class DeadPageView(Struct, frozen=True, kw_only=True):
    """Newest first; `next` is the `before` of the following page, None at the end."""

    deliveries: list[DeadDeliveryView]
    next: int | None
