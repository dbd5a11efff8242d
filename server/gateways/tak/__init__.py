"""TAK clients (ATAK, WinTAK, iTAK, pytak) as guests: their port, what they see, what they say.

`port` listens and lets in, `client` is one connection, `room` knows them all and passes on what
they say to each other, `picture` tells them of the county, `correspondence` carries orders and
answers.
The stream itself is `devices.tak`, the events are `protocols.cot`, certificates are `server.tak`.
"""
