"""The simulated dispatcher against a hand-written county desk, and the command's plain errors."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from devices.shell import autopilot
from devices.shell.api import Api, ApiProblem, Unreachable
from devices.shell.autopilot import Autopilot, Tally
from devices.sim.incidents import Kind, Planned
from server.cli.sim import device_url, sim_command
from tests.patience import PATIENCE_S

QUICK = 2000.0
"""Simulated seconds a second: people take milliseconds."""


class Desk:
    """What the server would answer; orders end as the script says."""

    def __init__(self, outcomes: list[str]) -> None:
        self.outcomes = outcomes
        """What becomes of the orders, in turn: done, unable, busy (409 at dispatch)."""
        self.incidents: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.sent_to: list[str] = []
        self.signed_in = True
        self.down = 0

    async def sign_in(self) -> None:
        self.calls["sign_in"] += 1
        self.signed_in = True

    async def get(self, path: str) -> Any:
        self._gate("get")
        if path == "/api/incident-types":
            return [{"code": "theft", "priority": "routine"}]
        if path == "/api/units":
            status = {"u1": "off_duty", "u2": "available", "manned": "off_duty"}
            return [{"id": name, "status": each} for name, each in status.items()]
        if path.startswith("/api/incidents?"):
            return [each for each in self.incidents.values() if each["status"] != "closed"]
        return self.incidents[path.split("/")[3]]

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        self._gate("post")
        body = body or {}
        if path == "/api/incidents":
            incident = {"id": f"i{len(self.incidents)}", "status": "open", "orders": [], **body}
            self.incidents[incident["id"]] = incident
            return incident
        if path.endswith("/shift"):
            self.calls[path] += 1
            return {}
        incident = self.incidents[path.split("/")[3]]
        if path.endswith("/recommendation"):
            ranked = [{"unit_id": f"u{rank}", "rank": rank} for rank in (2, 1, 3)]
            others = [{"unit_id": "far", "rank": None}, {"unit_id": "manned", "rank": 0}]
            return {"id": "r1", "candidates": [*others, *ranked]}
        return self._dispatch(incident, body["unit_ids"][0])

    def _dispatch(self, incident: dict[str, Any], unit_id: str) -> Any:
        outcome = self.outcomes.pop(0) if self.outcomes else "done"
        if outcome == "busy":
            raise ApiProblem(409, "unit_busy", "already has an order")
        self.sent_to.append(unit_id)
        incident["orders"].append({"unit_id": unit_id, "state": outcome})
        incident["status"] = "closed" if outcome == "done" else "open"
        return [{"id": "o1"}]

    def _gate(self, call: str) -> None:
        self.calls[call] += 1
        if self.down:
            self.down -= 1
            raise Unreachable("connection refused")
        if not self.signed_in:
            raise ApiProblem(401, "not_signed_in", "sign in first")


def a_plan(count: int) -> Callable[[list[Kind]], Iterator[Planned]]:
    def plan(kinds: list[Kind]) -> Iterator[Planned]:
        for number in range(1, count + 1):
            yield Planned(
                number=number,
                at_s=10.0 * number,
                type=kinds[0].code,
                priority=kinds[0].priority,
                note="",
                lon=1.5,
                lat=42.5,
            )

    return plan


async def work(desk: Desk, *, count: int = 1) -> Tally:
    """Run until all planned incidents are closed."""
    tally = Tally()
    pilot = Autopilot(
        desk,  # type: ignore[arg-type]
        sign_in=desk.sign_in,
        plan=a_plan(count),
        rng=Random(1),
        speed=QUICK,
        tally=tally,
        unit_ids=frozenset({"u1", "u2", "u3", "far"}),
    )
    task = asyncio.create_task(pilot.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while tally.closed < count:  # noqa: ASYNC110 - the pilot has no such event
                await asyncio.sleep(0.005)
    finally:
        task.cancel()
        await asyncio.wait({task})
    return tally


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autopilot, "LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(autopilot, "TROUBLE_S", 0.01)


async def test_first_candidate_is_sent_and_the_incident_closes() -> None:
    desk = Desk(["done"])

    tally = await work(desk)

    assert desk.sent_to == ["u1"]
    assert (tally.opened, tally.dispatched, tally.closed, tally.declined) == (1, 1, 1, 0)


async def test_who_declined_is_not_asked_again() -> None:
    desk = Desk(["unable", "unable", "done"])

    tally = await work(desk)

    assert desk.sent_to == ["u1", "u2", "u3"]
    assert tally.declined == 2


async def test_quicker_colleague_is_no_trouble() -> None:
    desk = Desk(["busy", "busy", "done"])

    tally = await work(desk)

    assert tally.troubles == 0
    assert tally.dispatched == 1


async def test_absent_server_and_lost_session_are_overcome() -> None:
    desk = Desk([])
    desk.down = 3
    desk.signed_in = False

    tally = await work(desk, count=3)

    assert tally.closed == 3
    assert tally.troubles == 3
    assert desk.calls["sign_in"] == 1


async def test_incidents_of_others_are_left_to_them() -> None:
    desk = Desk([])
    desk.incidents["mine"] = {"id": "mine", "status": "open", "orders": []}

    await work(desk)

    assert desk.incidents["mine"]["orders"] == []


async def test_simulated_units_begin_their_shift() -> None:
    desk = Desk([])
    pilot = Autopilot(
        desk,  # type: ignore[arg-type]
        sign_in=desk.sign_in,
        plan=a_plan(0),
        rng=Random(1),
        speed=1.0,
        tally=Tally(),
        unit_ids=frozenset({"u1", "u2"}),
    )

    await pilot.put_on_duty()

    assert desk.calls["/api/units/u1/shift"] == 1
    assert desk.calls["/api/units/u2/shift"] == 0
    assert desk.calls["/api/units/manned/shift"] == 0


# -- the command -------------------------------------------------------------------------------


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: ClassVar[dict[str, tuple[int, Any]]] = {}

    def do_GET(self) -> None:
        status, body = self.answers.get(self.path, (404, None))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *args: Any) -> None:
        return


@contextmanager
def a_server(**answers: tuple[int, Any]) -> Iterator[str]:
    """Answers `healthz`, `login`, `map`, `device` as told."""
    paths = {"healthz": "/healthz", "login": "/api/login", "map": "/api/map"}
    paths["device"] = "/v1/device"
    handler = type("Answers", (_Answers,), {"answers": {paths[k]: v for k, v in answers.items()}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def a_fleet_file(folder: Path, **more: Any) -> Path:
    device = {"device_id": "h1", "token": "t", "kind": "handset", "unit_id": "u1"}
    path = folder / "fleet.json"
    path.write_text(json.dumps({"devices": [device]} | more))
    return path


DISPATCHER = {"username": "dispatcher", "password": "wrong"}
REFUSAL = {"error": {"code": "bad_credentials", "message": "wrong name or password"}}


def run_sim(*arguments: str) -> str:
    result = CliRunner().invoke(sim_command, list(arguments))
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return " ".join(result.output.split())


def test_command_says_what_is_wrong_with_its_files(tmp_path: Path, small_map_dir: Path) -> None:
    fleet = str(a_fleet_file(tmp_path))
    nowhere = str(tmp_path / "nowhere")

    assert "cannot be read" in run_sim("--fleet", nowhere, "--map", str(small_map_dir))
    assert "no such folder" in run_sim("--fleet", fleet, "--map", nowhere)
    wrong_url = run_sim("--fleet", fleet, "--map", str(small_map_dir), "--url", "127.0.0.1:1")
    assert "no address of a server" in wrong_url


def test_command_says_that_the_dispatcher_is_missing_or_refused(
    tmp_path: Path, small_map_dir: Path
) -> None:
    with a_server(healthz=(200, {}), login=(401, REFUSAL)) as url:
        common = ["--map", str(small_map_dir), "--url", url]
        alone = run_sim("--fleet", str(a_fleet_file(tmp_path)), *common)
        assert "names no dispatcher" in alone
        refused = run_sim("--fleet", str(a_fleet_file(tmp_path, dispatcher=DISPATCHER)), *common)
        assert "refused the dispatcher" in refused
        assert "wrong name or password" in refused


def test_command_says_that_the_maps_differ(tmp_path: Path, small_map_dir: Path) -> None:
    fleet = str(a_fleet_file(tmp_path, dispatcher=DISPATCHER))
    other = {"id": "another", "name": "Elsewhere"}
    with a_server(healthz=(200, {}), login=(200, {}), map=(200, other)) as url:
        said = run_sim("--fleet", fleet, "--map", str(small_map_dir), "--url", url)

    assert "another map" in said
    assert "Elsewhere" in said


def test_command_ends_when_every_device_is_refused(tmp_path: Path, small_map_dir: Path) -> None:
    fleet = str(a_fleet_file(tmp_path))
    with a_server(healthz=(200, {}), device=(401, None)) as url:
        common = ["--fleet", fleet, "--map", str(small_map_dir), "--url", url]
        said = run_sim(*common, "--no-autopilot")

    assert "refused every device" in said
    assert "401" in said


async def test_unreachable_server_is_told_apart_from_its_refusal() -> None:
    with a_server(healthz=(200, {"status": "ok"}), login=(401, REFUSAL)) as url:
        api = Api(url)
        assert await api.get("/healthz") == {"status": "ok"}
        with pytest.raises(ApiProblem, match="wrong name") as refused:
            await api.sign_in("a", "b")
        assert (refused.value.status, refused.value.code) == (401, "bad_credentials")
    with pytest.raises(Unreachable):
        await api.get("/healthz")


def test_device_door_follows_the_address() -> None:
    assert device_url("http://127.0.0.1:8080") == "ws://127.0.0.1:8080/v1/device"
    assert device_url("https://county.example/ridgeline/") == (
        "wss://county.example/ridgeline/v1/device"
    )
