"""Every queue and size of the room has its name here, with the number it may reach.

Knows no socket and no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from server.dispatch.stance import WAR_H_MAX
from server.envvalues import positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Named maxima; the environment sets one as RIDGELINE_BODY_BYTES_MAX and so on."""

    body_bytes_max: int = 64 * 1024
    """Body of one HTTP request."""
    roster_bytes_max: int = 2 * 1024 * 1024
    """Of a roster file that an administrator takes in: some 15,000 officers."""
    request_head_s: float = 20.0
    """From the connection, or the answer before, to the whole head of a request."""
    request_body_s: float = 30.0
    """From the head to the end of the body; then 408."""
    websocket_message_bytes_max: int = 64 * 1024
    """One WebSocket message before the protocol looks at it; its own limit is smaller."""
    connections_max: int = 12_000
    """Of one process, WebSockets included; more get 503."""
    listen_backlog_len: int = 2048
    """Connections that wait to be accepted; small ones make a reconnect storm last for minutes."""
    pool_connections_max: int = 10
    """Connections to PostgreSQL of one process."""
    fanout_queue_len_max: int = 10_000
    """Messages that wait for Redis; more are dropped and counted."""
    session_idle_s: float = 12.0 * 3600
    """A signed-in user is forgotten after this long without a request."""
    session_total_s: float = 7 * 24 * 3600
    """And after this long whatever happens."""
    sessions_per_user_max: int = 20
    """The oldest is signed out when one more signs in."""
    login_failures_max: int = 8
    """Wrong passwords per user name and address within the window, then 429."""
    login_name_failures_max: int = 100
    """Wrong passwords per user name from wherever the user is not signed in."""
    login_address_failures_max: int = 40
    """Wrong passwords per address, whatever the user name."""
    login_window_s: float = 300.0
    """How long a wrong password counts."""
    login_tracked_max: int = 10_000
    """User names and addresses remembered for the rate limit; the oldest is forgotten."""
    password_hashes_at_once_max: int = 2
    """Argon2 runs at once (64 MiB each); others wait."""
    password_hashes_waiting_max: int = 64
    """Sign-ins that may wait for one; more get 503."""
    device_connections_max: int = 10_000
    """Devices connected to one process; more get 503."""
    device_strangers_per_address_max: int = 1_000
    """Of them, those of one address that have not been let in yet; more get 503."""
    device_heartbeat_s: int = 45
    """How often a device speaks at least; silence of two means that the link is dead."""
    device_standby_heartbeat_s: int = 240
    """The same while its unit is off duty; below the 4.5 min of impatient mobile networks."""
    device_frames_per_s_max: int = 50
    """Of one device in the long run; above it, it is read more slowly."""
    device_frames_burst_max: int = 2000
    """So many at once are read at full speed: the backlog of a long dead zone."""
    device_queue_bytes_max: int = 256 * 1024
    """Frames that wait for one device to read; beyond it, it is closed with 4004 and resumes."""
    jt808_connections_max: int = 5_000
    """JT/T 808 terminals of one process, those over UDP included; more are cut."""
    jt808_strangers_per_address_max: int = 2_000
    """Of them, those of one address that are not known yet: a carrier's gateway may put all behind
    one, and all come back at once."""
    jt808_silence_s: float = 300.0
    """A terminal unheard for so long is gone; those of 2019 are asked at half of it."""
    consoles_max: int = 200
    """Consoles connected to one process; more get 503."""
    console_queue_bytes_max: int = 4 * 1024 * 1024
    """Text that waits for one console to read; beyond it, it is closed and comes back."""
    photo_bytes_max: int = 2 * 1024 * 1024
    """Of one photo; handsets send less than 1 MiB."""
    photos_per_order_max: int = 40
    """More are refused for good."""
    photos_per_device_day_max: int = 200
    """Within 24 hours; more wait on the device."""
    photo_uploads_per_device_max: int = 20
    """Begun and not finished; more wait on the device."""
    photo_upload_days: int = 7
    """One that has not gone on for so long is forgotten, and begins anew."""
    photos_total_bytes_max: int = 20 * 1024**3
    """Of all photos in the database; beyond it they wait on the devices."""
    positions_interval_s: float = 1.0
    """Between two commits of positions."""
    positions_buffer_len_max: int = 20_000
    """Positions that wait for PostgreSQL; beyond it devices are read no further."""
    charging_log_days: int = 400
    """How long the charging log of devices is kept."""
    batteries_keep_s: float = 60.0
    """Between two times that what was learned of batteries is kept; a crash loses at most this."""
    war_hours_max: float = WAR_H_MAX
    """How long one order of war may last; a new one prolongs it."""
    shutdown_s: float = 10.0
    """For peers to close and buffers to drain when the server stops."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Limits:
        """Defaults, changed by the environment. Raises `SettingsError`."""
        changed: dict[str, Any] = {}
        for each in fields(cls):
            name = f"RIDGELINE_{each.name.upper()}"
            if text := env.get(name, ""):
                changed[each.name] = positive(name, text, whole=each.type == "int")
        return cls(**changed)
