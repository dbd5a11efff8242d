"""What can go wrong on the wire.

ProtocolError            the peer broke the protocol; carries the close code
└── FrameTooLarge        one frame over the limit
"""

import msgspec

MALFORMED_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes that are not the wanted JSON raises: not the form, not UTF-8, too deep."""


class ProtocolError(Exception):
    """The peer broke the wire protocol; the connection closes with `code`.

    `reason` is sent in the close frame, so it stays under 123 bytes of UTF-8 (RFC 6455 §5.5).
    """

    def __init__(self, reason: str, *, code: int = 4003) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:120].decode(errors="ignore")


class FrameTooLarge(ProtocolError):
    """A frame exceeded `FRAME_BYTES_MAX`."""
