"""What all devices have in common that do not speak our protocol: identity, fixes, calls, commands.

A gateway of such a protocol (`server.gateways.jt808`, `tak`, `phones`) asks `Guests` who somebody
is and stands for it with a `Guest`; both know no socket and no protocol.
"""
