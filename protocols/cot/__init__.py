"""Cursor on Target: the events that TAK clients exchange, as XML and protobuf, and their streams.

`event` holds the values, `xmltext` and `messages` write and read them, `stream` parts the bytes of
a connection into events. `units`, `chat`, `alerts` and `control` know what the details of the
common types mean. Who may say what, and what becomes of it, is decided elsewhere.

Sources: the protocol description and *.proto files of ATAK-CIV's commoncommo, ATAK-CIV's
GeoChatService, and what pytak, node-tak and WinTAK were seen to send.
"""
