"""What can be wrong with an event.

MalformedEvent           bytes that are no event; the stream they came in may go on
└── UnsafeXml            a document type or an entity, which nothing honest sends
"""


class MalformedEvent(ValueError):
    """Not an event of Cursor on Target; the text says what is wrong with it."""

    def __init__(self, reason: str, *, uid: str = "", kind: str = "") -> None:
        """`uid` and `kind` (its type), where that much of it could be read."""
        super().__init__(reason)
        self.uid, self.kind = uid, kind


class UnsafeXml(MalformedEvent):
    """XML that declares a document type or entities; it is refused before it is expanded."""
