"""The room: sockets, HTTP, stores, clock, wiring; and inside it the decision and the memory."""
