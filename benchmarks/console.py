"""How smoothly the dispatcher's map moves with many live units on it, and what the page weighs.

    python -m benchmarks.console [--quick] [--json]

fps           frames a second while the map is dragged in a circle, 1440 x 900, all units in view
frame         how long these frames took
cpu           processor time of all of the browser's processes, as a share of one processor
interactive   from the request of the page to a drawn map, a live feed with all units in it, and a
              main thread that is free
bundle        what a face loads first, gzip -9: page, scripts, styles, words of one language

Systems, each in turn, in a page of its own with nothing cached: `ridgeline` with 200, 1,000 and
5,000 units that report once a second, told by `benchmarks._console_front` (which says why);
`bare`, the same page without a unit, and an empty page with the same loop, which is what the
machine can do at all. "200 units, devices" is the product's own path instead: each report is sent
by a device's socket, stored, and told by the hub, on this machine. The browser has no WebGL
(`--disable-3d-apis`), as on a PC without a GPU.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
from playwright.async_api import Browser, BrowserContext, Page

from benchmarks import _andorra
from benchmarks._report import Options, Row, main, say, timing_row
from geo import mapfolder
from server import demo, migrate
from server.embedded import launcher
from server.stores.pool import open_pool
from tests.browser.conftest import ARGUMENTS, chromium
from tests.server_process import ServerProcess, free_port, running

WEB: Final = Path(__file__).parent.parent / "server" / "web"
PAGE: Final = Path(__file__).with_name("_console_page.js").read_text(encoding="utf-8")
COUNTS: Final = (200, 1_000, 5_000)
DEVICES: Final = 200
ROUNDS: Final = 4
WARM_S: Final = 4.0
"""Dragged before it counts: tiles come, code is compiled."""
MEASURED_S: Final = 10.0
QUICK_S: Final = (2.0, 4.0)
START_S_MAX: Final = 60.0
VIEWPORT: Final = {"width": 1440, "height": 900}
EMPTY: Final = "empty page"
NO_UNITS: Final = "no units"

INTERACTIVE: Final = """() => {
    const live = document.querySelector('[data-testid=feed-state]')?.dataset.state === 'live';
    const drawn = document.querySelector('[data-testid=map]')?.dataset.ready === 'true';
    return live && drawn && new Promise(done => setTimeout(() => done(performance.now()), 0));
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing that is measured."""

    system: str
    name: str
    url: str
    """Of the server; empty: an empty page."""


@dataclass(slots=True)
class Seen:
    """Of one scene, over all rounds."""

    frames_ms: list[float] = field(default_factory=list)
    interactive_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    wall_s: float = 0.0


def run(options: Options) -> list[Row]:
    rows = [bundle(face) for face in ("console", "handset")]
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user and must pass through
        say(options, "Building the map of Andorra")
        map_dir = _andorra.build(folder)
        stores = stack.enter_context(launcher.run(folder / "data"))
        database_url = str(stores.database_url)
        asyncio.run(migrate.apply(database_url))
        seeded = asyncio.run(_seed(database_url, map_dir, options))
        server = ServerProcess(
            map_dir=map_dir,
            data_dir=folder,
            database_url=database_url,
            redis_url=str(stores.redis_url),
        )
        stack.enter_context(running(server))
        scenes = stack.enter_context(_fronts(server.url, map_dir, folder))
        rows += asyncio.run(_measure(scenes, seeded, options))
        if not options.quick:
            live = Scene(system="ridgeline", name=f"{DEVICES} units, devices", url=server.url)
            with _reporting(server.url, seeded, folder):
                rows += asyncio.run(_measure([live], seeded, options))
    return rows


def bundle(face: str) -> Row:
    """What a face loads before anything is opened, in the language that takes more."""
    page = (WEB / f"{face}.html").read_text(encoding="utf-8")
    always = re.findall(r'(?:src|href)="(/assets/[^"]+\.(?:js|css))"', page)
    words = re.findall(r'data-words-\w\w="([^"]*)"', page)
    total = len(gzip.compress(page.encode(), 9)) + _packed(always)
    total += max((_packed(each.split()) for each in words), default=0)
    kilobytes = round(total / 1000, 1)
    return Row(metric="bundle", system="ridgeline", map=face, unit="kB", value=kilobytes)


def _packed(urls: Sequence[str]) -> int:
    """Bytes of these files, each packed by itself."""
    return sum(len(gzip.compress((WEB / url.lstrip("/")).read_bytes(), 9)) for url in urls)


async def _seed(database_url: str, map_dir: Path, options: Options) -> demo.DemoSeed:
    pool = await open_pool(database_url)
    units = 2 if options.quick else DEVICES
    try:
        return await demo.seed(pool, mapfolder.load(map_dir), units=units, seed=options.seed)
    finally:
        await pool.close()


@contextmanager
def _fronts(house: str, map_dir: Path, folder: Path) -> Iterator[list[Scene]]:
    """The scenes, each with its front."""
    ports = {count: free_port() for count in (0, *COUNTS)}
    command = [*(sys.executable, "-m", "benchmarks._console_front"), "--house", house]
    command += ["--map", str(map_dir)]
    for count, port in ports.items():
        command += ["--front", f"{port}:{count}"]
    with _child(command, folder / "front.log"):
        urls = {count: f"http://127.0.0.1:{port}" for count, port in ports.items()}
        _wait_for(list(urls.values()))
        scenes = [Scene(system="bare", name=EMPTY, url="")]
        scenes += [Scene(system="bare", name=NO_UNITS, url=urls[0])]
        for count in COUNTS:
            scenes.append(Scene(system="ridgeline", name=f"{count:,} units", url=urls[count]))
        yield scenes


@contextmanager
def _reporting(house: str, seeded: demo.DemoSeed, folder: Path) -> Iterator[None]:
    """Each unit's camera says where it is, once a second."""
    demo.write_fleet(seeded.fleet, folder / "fleet.json")
    command = [sys.executable, "-m", "benchmarks._console_devices", "--server", house]
    with _child([*command, "--fleet", str(folder / "fleet.json")], folder / "devices.log"):
        yield


@contextmanager
def _child(command: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("ab") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield
        if child.poll() is not None:
            sys.exit(f"{command[2]} ended too early:\n{log.read_text()}")
    finally:
        child.terminate()
        child.wait()


def _wait_for(urls: Sequence[str]) -> None:
    transport = httpx.HTTPTransport(retries=10)  # it connects as soon as there is a listener
    with httpx.Client(transport=transport, timeout=START_S_MAX) as client:
        for url in urls:
            client.get(f"{url}/readyz").raise_for_status()


async def _measure(scenes: Sequence[Scene], seeded: demo.DemoSeed, options: Options) -> list[Row]:
    seen = {scene.name: Seen() for scene in scenes}
    rounds = 1 if options.quick else ROUNDS
    async with chromium() as (playwright, path):
        browser = await playwright.chromium.launch(
            executable_path=path, args=[*ARGUMENTS, "--disable-3d-apis"]
        )
        for round_ in range(rounds):
            turn = round_ % len(scenes)
            for scene in [*scenes[turn:], *scenes[:turn]]:
                await _visit(browser, scene, seen[scene.name], seeded, options)
                told = seen[scene.name]
                fps = 1000 / float(np.mean(told.frames_ms))
                say(options, f"round {round_ + 1}, {scene.name}: {fps:.1f} fps so far")
        await browser.close()
    return [row for scene in scenes for row in _rows(scene, seen[scene.name])]


async def _visit(
    browser: Browser, scene: Scene, seen: Seen, seeded: demo.DemoSeed, options: Options
) -> None:
    warm_s, measured_s = QUICK_S if options.quick else (WARM_S, MEASURED_S)
    async with _page(browser, scene, seeded) as page:
        if scene.url:
            await page.goto("/console")
            ready = await page.wait_for_function(INTERACTIVE, timeout=START_S_MAX * 1000)
            seen.interactive_ms.append(float(await ready.json_value()))
        await page.evaluate(f"seconds => {{ {PAGE} return pan(seconds) }}", warm_s)
        before_s = await _cpu_s(browser)
        frames = await page.evaluate(f"seconds => {{ {PAGE} return pan(seconds) }}", measured_s)
        seen.cpu_s += await _cpu_s(browser) - before_s
        seen.frames_ms += frames
        seen.wall_s += sum(frames) / 1000


@asynccontextmanager
async def _page(browser: Browser, scene: Scene, seeded: demo.DemoSeed) -> AsyncIterator[Page]:
    options: dict[str, Any] = {"viewport": VIEWPORT, "locale": "en-GB", "color_scheme": "light"}
    context = await browser.new_context(base_url=scene.url or None, **options)
    try:
        if scene.url:
            await _sign_in(context, scene.url, seeded.logins[0])
        yield await context.new_page()
    finally:
        await context.close()


async def _sign_in(context: BrowserContext, url: str, login: demo.Login) -> None:
    who = {"username": login.username, "password": login.password}
    answer = await context.request.post(f"{url}/api/login", data=who, headers={"origin": url})
    assert answer.ok, await answer.text()


async def _cpu_s(browser: Browser) -> float:
    """Processor time of all its processes since they began."""
    session = await browser.new_browser_cdp_session()
    found = await session.send("SystemInfo.getProcessInfo")
    await session.detach()
    return float(sum(each["cpuTime"] for each in found["processInfo"]))


def _rows(scene: Scene, seen: Seen) -> Iterator[Row]:
    system, name = scene.system, scene.name
    fps = 1000 * len(seen.frames_ms) / sum(seen.frames_ms)
    n = len(seen.frames_ms)
    yield Row(metric="fps", system=system, map=name, unit="1/s", value=round(fps, 1), n=n)
    yield timing_row("frame", system, seen.frames_ms, name)
    share = seen.cpu_s / seen.wall_s
    yield Row(metric="cpu", system=system, map=name, unit="share", value=round(share, 3))
    if seen.interactive_ms:
        yield timing_row("interactive", system, seen.interactive_ms, name)


if __name__ == "__main__":
    main("console", run, __doc__)
