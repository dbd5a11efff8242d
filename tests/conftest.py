"""What every test may ask for: real databases, real maps, and no waiting for either.

PostgreSQL and Valkey are those of RIDGELINE_TEST_DATABASE_URL and RIDGELINE_TEST_REDIS_URL, or
private ones that this session starts. Each test gets a database of its own, copied from a migrated
template in some 20 ms.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import redis
from hypothesis import HealthCheck, settings

from geo import mapfolder
from geo.roadmap import RoadMap
from server import migrate
from server.embedded import launcher
from server.stores.pool import Pool, open_pool
from tests import sharing_out
from tests.patience import PATIENCE_S
from tests.small_county import small_county

ROOT = Path(__file__).parent.parent
REQUIRE_ALL = os.environ.get("RIDGELINE_REQUIRE_ALL") == "1"
MEMORY_BYTES_MIN = 2 * 1024**3
TEMPLATE = f"ridgeline_template_{os.getpid()}"

# A slow machine is no failure; where everything must run, the examples are the same every time.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=REQUIRE_ALL,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

T = TypeVar("T")
_database_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestServers:
    """Where the servers of this session are."""

    __test__ = False

    database_url: str
    """The owner's, to a database from which others can be created."""
    redis_url: str


# -- workers ------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Keep xdist from putting first the files with the most tests, which are the quickest."""
    config.option.loadscopereorder = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Of `-n auto`."""
    return sharing_out.workers(os.cpu_count() or 1, sharing_out.memory_bytes())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a worker; who runs the tests in one process sees the quick ones as they come."""
    if hasattr(config, "workerinput"):
        found = {each.nodeid: each for each in items}
        asked = {name: getattr(each, "fixturenames", ()) for name, each in found.items()}
        items[:] = [found[name] for name in sharing_out.longest_files_first(asked)]


# -- time ---------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def patient() -> Iterator[None]:
    """How long the product waits for its store, in this process: no test means a slow one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("server.stores.pool.CONNECT_S_MAX", PATIENCE_S)
        patched.setattr("server.stores.pool.COMMAND_S_MAX", PATIENCE_S)
        patched.setattr("server.gateways.uplink.FLUSH_S_MAX", PATIENCE_S)
        yield


# -- servers ------------------------------------------------------------------------------


def missing(what: str) -> None:
    """Skip; or fail where everything must run (RIDGELINE_REQUIRE_ALL=1)."""
    if REQUIRE_ALL:
        pytest.fail(f"RIDGELINE_REQUIRE_ALL=1, but {what}")
    pytest.skip(what)


@contextmanager
def short_folder(parent: Path = Path("/tmp")) -> Iterator[Path]:
    """A folder whose path leaves room for a unix socket, which other users may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="rl-", dir=parent))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def quick_parent() -> Path:
    """Memory where there is plenty of it: databases come and go three times as fast there."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN:
        return memory
    return Path("/tmp")


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """`short_folder` for one test; pytest's own tmp_path is too long and closed to others."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def servers() -> Iterator[TestServers]:
    """PostgreSQL and Valkey of this session."""
    database_url = os.environ.get("RIDGELINE_TEST_DATABASE_URL")
    redis_url = os.environ.get("RIDGELINE_TEST_REDIS_URL")
    with short_folder(quick_parent()) as folder:
        wanted = {"postgres": database_url is None, "valkey": redis_url is None}
        with launcher.run(folder / "data", **wanted, durable=False) as running:
            yield TestServers(
                database_url=database_url or str(running.database_url),
                redis_url=redis_url or str(running.redis_url),
            )


@pytest.fixture(scope="session")
def template_database(servers: TestServers) -> Iterator[str]:
    """A migrated, empty database that nobody is connected to."""
    _administer(servers, f'CREATE DATABASE "{TEMPLATE}"')
    _now(migrate.apply(_with_database(servers.database_url, TEMPLATE)))
    yield TEMPLATE
    _administer(servers, f'DROP DATABASE "{TEMPLATE}" WITH (FORCE)')


@contextmanager
def fresh_database(servers: TestServers, template: str) -> Iterator[str]:
    """A migrated, empty database; the owner's URL."""
    name = f"ridgeline_test_{os.getpid()}_{next(_database_numbers)}"
    _administer(servers, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY=file_copy')
    yield _with_database(servers.database_url, name)
    _administer(servers, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(servers: TestServers, template_database: str) -> Iterator[str]:
    """`fresh_database` of this test alone."""
    with fresh_database(servers, template_database) as url:
        yield url


@pytest.fixture
def empty_database_url(servers: TestServers) -> Iterator[str]:
    """A database of this test alone, without any table."""
    name = f"ridgeline_test_{os.getpid()}_{next(_database_numbers)}"
    _administer(servers, f'CREATE DATABASE "{name}"')
    yield _with_database(servers.database_url, name)
    _administer(servers, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """The application's connections to this test's database."""
    async with connected(database_url) as pool:
        yield pool


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[Pool]:
    """The application's connections; whoever leaves one in use fails."""
    pool = await open_pool(database_url)
    yield pool
    try:
        await asyncio.wait_for(pool.close(), PATIENCE_S)
    except TimeoutError:
        pool.terminate()
        pytest.fail("the test left a connection of the pool in use")


@pytest.fixture
def redis_url(servers: TestServers) -> str:
    """Valkey, empty."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    return servers.redis_url


def _administer(servers: TestServers, statement: str) -> None:
    """Whoever has just left the database may take a while to be gone; PostgreSQL waits for 5 s."""

    async def run() -> None:
        conn = await asyncpg.connect(servers.database_url)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        await conn.execute(statement)
                    except asyncpg.ObjectInUseError:
                        continue
                    return
        finally:
            await conn.close()

    _now(run())


def _now(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own, without touching the test's loop."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


# -- maps ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real map data: andorra.osm.pbf and its elevation tile."""
    folder = Path(os.environ.get("RIDGELINE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "andorra.osm.pbf").exists():
        missing(f"there is no andorra.osm.pbf in {folder}; RIDGELINE_TEST_DATA names its folder")
    return folder


@pytest.fixture(scope="session")
def andorra_dir(data_dir: Path, pytestconfig: pytest.Config) -> Path:
    """The map folder of Andorra, built by the command line; kept while `geo` stays the same."""
    folder = pytestconfig.cache.mkdir("andorra") / _fingerprint(data_dir)
    with _alone(folder.parent.with_suffix(".lock")):
        if not mapfolder.is_map_folder(folder):
            for old in folder.parent.iterdir():
                shutil.rmtree(old)
            _build_andorra(data_dir, folder)
    return folder


def _build_andorra(data_dir: Path, folder: Path) -> None:
    command = ["-m", "server.cli", "map", "build", str(data_dir / "andorra.osm.pbf")]
    for tile in data_dir.glob("*.hgt.zip"):
        command += ["--dem", str(tile)]
    done = subprocess.run(
        [sys.executable, *command, "--out", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"building the map of Andorra failed:\n{done.stdout}{done.stderr}"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One worker at a time."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def small_map() -> RoadMap:
    """A hand-made valley with a numbered road, villages and stations; see tests/small_county.py."""
    return small_county()


@pytest.fixture(scope="session")
def small_map_dir(small_map: RoadMap, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`small_map` as a map folder."""
    folder = tmp_path_factory.mktemp("map") / "small"
    mapfolder.save(small_map, folder)
    return folder


def _fingerprint(data_dir: Path) -> str:
    digest = hashlib.sha256()
    for path in [*sorted((ROOT / "geo").rglob("*.py")), data_dir / "andorra.osm.pbf"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
