"""`ridgeline serve` and `ridgeline demo` as an operator meets them: processes, ports, signals."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import httpx
import pytest

from devices.battery.ambient import SEA_LEVEL_C
from devices.session_flow import SessionLimits
from server import bootstrap, jt808settings
from server.dispatch import demand, sights
from server.dispatch.batteryrules import Rules
from server.dispatch.cover import Rules as CoverRules
from server.dispatch.turnout import Turnout
from server.embedded import process
from server.embedded.launcher import Running
from server.envvalues import SettingsError
from server.gateways.hub import HubLimits
from server.gateways.sessions import GatewayLimits
from server.limits import Limits
from server.listening import OTHER_FILES_MAX, CannotListen, listen
from server.retentionpolicy import Policy
from server.review.points import Weights
from server.settings import SHIFT_H, Settings, from_env, names, timer_defaults
from server.stores.positions import WriterLimits
from server.tak import options as tak_options
from server.tak.options import TakOptions
from tests.patience import PATIENCE_S
from tests.server_process import START_S_MAX

TLS = Path(__file__).with_name("tls")
"""Made for these tests; they guard nothing."""
CERTIFICATE = TLS / "certificate.pem"
SERVES = r"Ridgeline serves (http://127\.0\.0\.1:\d+)"


class Program:
    """A `ridgeline` command in a process of its own, read line by line."""

    def __init__(self, *arguments: str | Path, **env: str) -> None:
        cleared = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        self.child = subprocess.Popen(
            [sys.executable, "-m", "server.cli", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=cleared | {"COLUMNS": "160"} | env,
        )
        self.text = ""

    def until(self, pattern: str) -> str:
        """Read until a line matches; the first group of the match."""
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.text += line
            if match := re.search(pattern, line):
                return match[1]
        raise AssertionError(f"no line with {pattern!r} in:\n{self.text}")

    def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, read the rest, return the exit code."""
        if number is not None:
            self.child.send_signal(number)
        self.text += self.child.communicate(timeout=START_S_MAX)[0]
        return self.child.returncode


@contextmanager
def ridgeline(*arguments: str | Path, **env: str) -> Iterator[Program]:
    program = Program(*arguments, **env)
    try:
        yield program
    finally:
        program.child.kill()
        program.child.communicate()


def serving(map_dir: Path, data_dir: Path, *more: str | Path) -> tuple[str | Path, ...]:
    return ("serve", "--map", map_dir, "--data", data_dir, "--port", "0", *more)


def servers_of(data_dir: Path) -> list[int]:
    """Processes of the private databases of that folder."""
    return [
        *process.processes_naming("postgres", data_dir / "pg"),
        *process.processes_naming("valkey-server", data_dir / "run"),
    ]


# -- a first start, and the next ----------------------------------------------------------


def test_first_start_makes_an_admin_with_a_one_time_password(
    small_map_dir: Path, short_dir: Path
) -> None:
    with ridgeline(*serving(small_map_dir, short_dir / "data")) as first:
        password = first.until(r"one-time password (\S+)")
        url = first.until(SERVES)
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
            body = {"username": "admin", "password": password}
            user = client.post("/api/login", json=body).json()
            assert (user["roles"], user["must_change_password"]) == (["admin"], True)
            new = {"old": password, "new": "a better pass phrase"}
            assert client.post("/api/me/password", json=new).status_code == 204
            assert client.get("/readyz").json()["status"] == "ok"
        assert first.end(signal.SIGTERM) == 0
    assert servers_of(short_dir / "data") == []

    with ridgeline(*serving(small_map_dir, short_dir / "data")) as second:
        url = second.until(SERVES)
        body = {"username": "admin", "password": "a better pass phrase"}
        assert httpx.post(f"{url}/api/login", json=body, timeout=PATIENCE_S).status_code == 200
        assert second.end(signal.SIGINT) == 0
    assert "one-time password" not in second.text


def test_given_stores_are_used_and_nothing_private_is_started(
    small_map_dir: Path, short_dir: Path, database_url: str, redis_url: str
) -> None:
    stores = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    with ridgeline(*serving(small_map_dir, short_dir / "data"), **stores) as program:
        url = program.until(SERVES)
        assert httpx.get(f"{url}/readyz", timeout=PATIENCE_S).status_code == 200
        assert program.end(signal.SIGTERM) == 0

    assert not (short_dir / "data" / "pg").exists()


def test_dead_database_ends_the_server_with_a_reason(small_map_dir: Path, short_dir: Path) -> None:
    with ridgeline(*serving(small_map_dir, short_dir / "data")) as program:
        program.until(SERVES)
        postmaster = (short_dir / "data" / "pg" / "postmaster.pid").read_text().split()[0]

        os.kill(int(postmaster), signal.SIGKILL)

        assert program.end() == 1
    assert "PostgreSQL ended by itself; the logs are in" in program.text


# -- what keeps it from starting: one line, exit code 1 -----------------------------------


def refusal(*arguments: str | Path, **env: str) -> str:
    with ridgeline(*arguments, **env) as program:
        assert program.end() == 1, program.text
    lines = [line for line in program.text.splitlines() if " INFO " not in line]
    assert len(lines) == 1, program.text
    return lines[0]


def test_port_in_use(small_map_dir: Path, short_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = f"{other.getsockname()[1]}"

        said = refusal(*serving(small_map_dir, short_dir / "data"), "--port", port)

    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use." in said
    assert "--port" in said


def test_data_folder_in_use(small_map_dir: Path, short_dir: Path) -> None:
    with ridgeline(*serving(small_map_dir, short_dir / "data")) as first:
        first.until(SERVES)

        said = refusal(*serving(small_map_dir, short_dir / "data"))

    assert f"is in use by process {first.child.pid} (" in said


def test_missing_map_folder_is_found_before_anything_starts(short_dir: Path) -> None:
    said = refusal(*serving(short_dir / "nowhere", short_dir / "data"))

    assert "nowhere: there is no such folder" in said
    assert not (short_dir / "data").exists()


def test_unreachable_database(small_map_dir: Path, short_dir: Path) -> None:
    url = f"postgresql://app@/ridgeline?host={short_dir}"
    said = refusal(
        *serving(small_map_dir, short_dir), DATABASE_URL=url, REDIS_URL="redis://127.0.0.1:1"
    )

    assert "PostgreSQL cannot be used" in said
    assert "DATABASE_URL" in said


@pytest.mark.parametrize(
    ("more", "env", "expected"),
    [
        (("--tls-cert", __file__), {}, "both --tls-cert and --tls-key"),
        (("--tls-cert", __file__, "--tls-key", __file__), {}, "certificate or its key cannot be"),
        (("--tls-cert", CERTIFICATE, "--tls-key", TLS / "other.key"), {}, "values mismatch"),
        (("--tls-cert", CERTIFICATE, "--tls-key", TLS / "encrypted.key"), {}, "has a passphrase"),
        (("--host", "192.0.2.1"), {}, "choose another with --host"),
        (("--host", "a..b"), {}, "There is no address a..b"),
        ((), {"REDIS_URL": "127.0.0.1:6379"}, "REDIS_URL cannot be read"),
        ((), {"REDIS_URL": "redis://:pa/ss@127.0.0.1"}, "REDIS_URL cannot be read"),
        ((), {"DATABASE_URL": "mysql://a@b/c"}, "scheme is expected to be"),
        ((), {"DATABASE_URL": "postgresql://u:pa/ss@127.0.0.1/x"}, "written %2F and %40"),
        ((), {"RIDGELINE_BODY_BYTES_MAX": "many"}, "RIDGELINE_BODY_BYTES_MAX is 'many'"),
        ((), {"RIDGELINE_SESSION_IDLE_S": "-1"}, "must be a number above 0"),
        ((), {"RIDGELINE_SESSION_TOTAL_S": "1e300"}, "above 0, at most 1,000,000,000"),
        ((), {"RIDGELINE_SESSION_TOTAL_S": "nan"}, "must be a number above 0"),
        ((), {"RIDGELINE_WEBSOCKET_DEFLATE": "maybe"}, "must be yes or no"),
        ((), {"RIDGELINE_URGENT_AGAINST_ONE_WAYS": "sometimes"}, "must be yes or no"),
        ((), {"RIDGELINE_BODY_BYTE_MAX": "1"}, "RIDGELINE_BODY_BYTES_MAX is one"),
        ((), {"RIDGELINE_TRUSTED_PROXIES": "*"}, "it takes addresses and networks"),
        ((), {"RIDGELINE_TRUSTED_PROXIES": "10.0.0.1/8"}, "has host bits set"),
    ],
)
def test_wrong_settings(
    small_map_dir: Path,
    short_dir: Path,
    more: tuple[str | Path, ...],
    env: dict[str, str],
    expected: str,
) -> None:
    stores = {"REDIS_URL": "redis://127.0.0.1:1"} if "DATABASE_URL" in env else {}
    said = refusal(*serving(small_map_dir, short_dir / "data", *more), **stores, **env)

    assert expected in said
    assert "pa/ss" not in said
    assert "'pa'" not in said
    assert not (short_dir / "data").exists()


def test_administration_refuses_wrong_settings_in_a_line(short_dir: Path) -> None:
    who = (
        "user",
        "add",
        "li",
        "--name",
        "Li",
        "--role",
        "dispatcher",
        "--data",
        short_dir / "data",
    )

    for env in (
        {"DATABASE_URL": "postgresql://u:pa/ss@127.0.0.1/x"},
        {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x"},
        {"RIDGELINE_BODY_BYTES_MAX": "many"},
    ):
        code, text = run(*who, **env)

        assert (code, text.count("\n")) == (1, 1), text


def test_unreadable_map_is_one_line_and_leaves_nothing_running(
    small_map_dir: Path, short_dir: Path
) -> None:
    broken, data_dir = short_dir / "map", short_dir / "data"
    shutil.copytree(small_map_dir, broken)
    edges = broken / "edge_tail.npy"
    edges.write_bytes(edges.read_bytes()[:-1])

    said = refusal(*serving(broken, data_dir))

    assert "edge_tail.npy" in said
    assert servers_of(data_dir) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_as_many_files_may_be_open_as_connections(small_map_dir: Path, short_dir: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        with ridgeline(*serving(small_map_dir, short_dir / "data")) as program:
            program.until(SERVES)
            limits = Path(f"/proc/{program.child.pid}/limits").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    [allowed] = re.findall(r"Max open files +(\d+)", limits)
    doors = Limits().connections_max + Limits().jt808_connections_max + TakOptions().connections_max
    assert int(allowed) == min(hard, doors + OTHER_FILES_MAX)


def test_unknown_host_cannot_be_listened_on(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, map_dir=tmp_path, host="256.1.2.3")

    with pytest.raises(CannotListen, match=r"256\.1\.2\.3"):
        listen(settings)


def test_a_port_is_taken_before_another_door_or_server_can_come_between(tmp_path: Path) -> None:
    [first] = listen(Settings(data_dir=tmp_path, map_dir=tmp_path, port=0))
    port = first.getsockname()[1]

    with first, pytest.raises(CannotListen, match="choose another with --port"):
        listen(Settings(data_dir=tmp_path, map_dir=tmp_path, port=port))


def test_every_address_of_a_name_gets_the_same_port(tmp_path: Path) -> None:
    sockets = listen(Settings(data_dir=tmp_path, map_dir=tmp_path, host="localhost", port=0))
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
    finally:
        for each in sockets:
            each.close()


def test_limits_come_from_the_environment(tmp_path: Path) -> None:
    env = {"RIDGELINE_BODY_BYTES_MAX": "1000", "RIDGELINE_SESSION_IDLE_S": "0.5"}

    limits = from_env(data_dir=tmp_path, map_dir=tmp_path, env=env).limits

    assert limits == Limits(body_bytes_max=1000, session_idle_s=0.5)
    with pytest.raises(SettingsError, match="whole number"):
        from_env(data_dir=tmp_path, map_dir=tmp_path, env={"RIDGELINE_BODY_BYTES_MAX": "1.5"})


def test_every_setting_is_documented_with_its_default() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    documented = dict(re.findall(r"\| `(RIDGELINE_\w+)` \| ([\d.]+) \|", docs))

    defaults = {f"RIDGELINE_{f.name.upper()}": getattr(Limits(), f.name) for f in fields(Limits)}
    defaults |= timer_defaults()
    for each in fields(Turnout):
        defaults[f"RIDGELINE_TURNOUT_{each.name.upper()}"] = getattr(Turnout(), each.name)
    for each in fields(Rules):
        defaults[f"RIDGELINE_BATTERY_{each.name.upper()}"] = getattr(Rules(), each.name)
    for each in fields(CoverRules):
        defaults[f"RIDGELINE_COVER_{each.name.upper()}"] = getattr(CoverRules(), each.name)
    for each in fields(Weights):
        defaults[f"RIDGELINE_POINTS_{each.name.upper()}"] = getattr(Weights(), each.name)
    for name in demand.RULE_NAMES:
        defaults[f"RIDGELINE_PLAN_{name.upper()}"] = getattr(demand.Rules(), name)
    for name in sights.RULE_NAMES:
        defaults[f"RIDGELINE_EN_ROUTE_{name.upper()}"] = getattr(sights.Rules(), name)
    for each in fields(Policy):
        defaults[f"RIDGELINE_POSITIONS_{each.name.upper()}"] = getattr(Policy(), each.name)
    defaults["RIDGELINE_JT808_PORT"] = jt808settings.PORT_DEFAULT
    defaults["RIDGELINE_TAK_PORT"] = tak_options.PORT_DEFAULT
    defaults["RIDGELINE_TAK_CONNECTIONS_MAX"] = tak_options.CONNECTIONS_DEFAULT
    defaults |= {"RIDGELINE_SEA_LEVEL_C": SEA_LEVEL_C, "RIDGELINE_SHIFT_H": SHIFT_H}
    assert {name: float(text) for name, text in documented.items()} == defaults
    assert all(f"`{name}`" in docs for name in names())


def test_limits_left_alone_are_those_of_the_parts() -> None:
    limits = Limits()

    assert bootstrap.writer_limits(limits) == WriterLimits()
    assert bootstrap.gateway_limits(limits) == GatewayLimits()
    assert bootstrap.session_limits(limits) == SessionLimits()
    assert bootstrap.hub_limits(limits) == HubLimits()


def test_nothing_private_has_ended_when_nothing_was_started() -> None:
    assert not Running(postgres=None, valkey=None).ended()


# -- administration without a browser -----------------------------------------------------


def run(*arguments: str | Path, **env: str) -> tuple[int, str]:
    with ridgeline(*arguments, **env) as program:
        return program.end(), program.text


def test_users_and_devices_are_added_from_the_command_line(
    database_url: str, short_dir: Path
) -> None:
    env = {"DATABASE_URL": database_url}
    who = ("user", "add", "li", "--name", "Li", "--role", "dispatcher", "--data", short_dir)

    assert re.fullmatch(r"li: one-time password \S{19}\n", run(*who, **env)[1])
    assert run(*who, **env) == (1, "Error: There is a user li already.\n")
    assert run("user", "reset", "li", "--data", short_dir, **env)[0] == 0
    assert run("user", "reset", "wu", "--data", short_dir, **env)[1].endswith("no user wu.\n")
    camera = ("device", "add", "cam-1", "--kind", "body_camera", "--data", short_dir)
    assert re.fullmatch(r"cam-1: token \S{43}\n", run(*camera, **env)[1])
    assert run(*camera, "--unit", "P-99", **env) == (1, "Error: There is no unit P-99.\n")


def test_users_are_added_while_the_server_runs(small_map_dir: Path, short_dir: Path) -> None:
    with ridgeline(*serving(small_map_dir, short_dir / "data")) as program:
        url = program.until(SERVES)

        add = ("user", "add", "li", "--name", "Li", "--role", "admin", "--data", short_dir / "data")
        code, text = run(*add)

        assert code == 0, text
        body = {"username": "li", "password": text.split()[-1]}
        assert httpx.post(f"{url}/api/login", json=body, timeout=PATIENCE_S).status_code == 200


def test_a_roster_is_loaded_once_and_its_secrets_are_only_in_their_file(
    database_url: str, short_dir: Path
) -> None:
    env = {"DATABASE_URL": database_url}
    file, secrets = short_dir / "roster.json", short_dir / "secrets.json"
    file.write_text(run("roster", "template")[1])
    load = ("roster", "load", file, "--data", short_dir)

    assert run(*load, "--dry-run", **env)[1].endswith(
        "16 changes would be made, 6 of them with a new token or password.\n"
    )
    assert "with --tokens" in run(*load, **env)[1]
    code, told = run(*load, "--tokens", secrets, **env)

    assert code == 0
    assert told.startswith("new station North Station: lon 100.2336, lat 26.8721\n")
    assert told.endswith(f"16 changes made. Secrets are in {secrets}.\n")
    kept = json.loads(secrets.read_text())
    assert not any(each["token"] in told for each in kept["devices"])
    assert not any(each["one_time_password"] in told for each in kept["users"])
    assert run(*load, **env) == (0, "Nothing to change.\n")
    again = run(*load, "--tokens", secrets, **env)
    assert again == (1, f"Error: {secrets} exists; --tokens wants a new file.\n")


def test_a_wrong_roster_is_told_entry_by_entry(database_url: str, short_dir: Path) -> None:
    file = short_dir / "roster.json"
    file.write_text('{"officers": [{"badge": "1"}], "devices": [{"id": "a b", "kind": "handset"}]}')

    code, told = run("roster", "load", file, DATABASE_URL=database_url)

    assert code == 1
    assert told.splitlines()[:2] == [
        f"Error: {file} was not loaded.",
        "officers, entry 1 (1): Object missing required field `name`.",
    ]
    assert "devices, entry 1 (a b): id: " in told


def test_an_officer_of_the_roster_signs_in_to_a_running_server(
    small_map_dir: Path, short_dir: Path
) -> None:
    data_dir, file, secrets = (short_dir / name for name in ("data", "r.json", "s.json"))
    file.write_text(run("roster", "template")[1])
    load = ("roster", "load", file, "--data", data_dir, "--tokens", secrets)
    assert run(*load)[0] == 0

    with ridgeline(*serving(small_map_dir, data_dir)) as program:
        program.until(r"(one-time) password")
        url = program.until(SERVES)
        assert run(*load[:-2]) == (0, "Nothing to change.\n")
        login = json.loads(secrets.read_text())["users"][0]
        body = {"username": login["username"], "password": login["one_time_password"]}
        answer = httpx.post(f"{url}/api/login", json=body, timeout=PATIENCE_S)

    assert answer.status_code == 200
    assert answer.json()["officer_badge"] == "0412"


# -- demo ---------------------------------------------------------------------------------


def demo(map_dir: Path, data_dir: Path) -> tuple[str | Path, ...]:
    return ("demo", "--map", map_dir, "--data", data_dir, "--port", "0", "--units", "3")


def test_demo_starts_everything_prints_logins_and_stops_everything(
    small_map_dir: Path, short_dir: Path
) -> None:
    data_dir = short_dir / "data"
    with ridgeline(*demo(small_map_dir, data_dir)) as program:
        url = program.until(SERVES)
        password = program.until(r"dispatcher +(\S+) ")
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
            body = {"username": "dispatcher", "password": password}
            assert client.post("/api/login", json=body).status_code == 200
            assert len(client.get("/api/units").json()) == 3
        simulator = simulator_of(data_dir)

        assert program.end(signal.SIGINT) == 0
    assert not process.alive(simulator)
    assert servers_of(data_dir) == []
    assert (data_dir / "fleet.json").stat().st_mode & 0o777 == 0o600
    assert (data_dir / "demo.json").stat().st_mode & 0o777 == 0o600

    with ridgeline(*demo(small_map_dir, data_dir)) as again:
        assert again.until(r"dispatcher +(\S+) ") == password
        pids = [simulator_of(data_dir), *servers_of(data_dir)]
        assert len(pids) >= 3  # a backend just forked still carries the postmaster's name
        again.end(signal.SIGKILL)
    assert all(process.wait_gone(pid, PATIENCE_S) for pid in pids)


def test_demo_leaves_a_database_alone_that_it_did_not_fill(
    small_map_dir: Path, short_dir: Path, database_url: str, redis_url: str
) -> None:
    env = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    add = ("user", "add", "li", "--name", "Li", "--role", "admin", "--data", short_dir)
    assert run(*add, **env)[0] == 0

    code, text = run(*demo(small_map_dir, short_dir / "data"), **env)

    assert code == 1
    assert "the demo did not fill it" in text


def simulator_of(data_dir: Path) -> int:
    """Its process, which has no name for the moment in which its program is exchanged (execve)."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := process.processes_naming("python", data_dir / "fleet.json")):
        assert time.monotonic() < deadline, (data_dir / "logs" / "simulator.log").read_text()
        time.sleep(0.01)  # between two looks at another process; nothing else tells
    [pid] = found
    return pid


def test_demo_of_another_map_is_refused(small_map_dir: Path, short_dir: Path) -> None:
    data_dir = short_dir / "data"
    with ridgeline(*demo(small_map_dir, data_dir), "--no-sim") as program:
        program.until(SERVES)
        assert program.end(signal.SIGTERM) == 0
    kept = json.loads((data_dir / "demo.json").read_text())
    (data_dir / "demo.json").write_text(json.dumps(kept | {"map_id": "another"}))

    code, text = run(*demo(small_map_dir, data_dir), "--no-sim")

    assert code == 1
    assert "made for another map" in text
