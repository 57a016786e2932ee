"""A private PostgreSQL: its own cluster in var/, its own socket, no TCP, nobody else's business.

It works for an ordinary user, and for root, for whom PostgreSQL refuses to run: then it runs as ``postgres`` or
``nobody``, and where that account can't reach the clone (/root is closed), the data lies in /var/lib/godwit, linked
from var/. Nothing here touches another cluster of the machine.

The folder of a cluster, closed to all but its account, holds ``data/``, the socket, and the marker ``database-made``.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from datacenter.management.processes import Account, end, ended, exit_code, last_line, open_log, spawn

NAME = "godwit"  # of the role and of the database
PORT = 5432  # only a part of the socket's file name: there is no TCP
LONGEST_SOCKET = 107  # bytes of a path in sockaddr_un, without its closing zero
PROGRAMS = ("initdb", "postgres", "pg_isready", "createdb")
SHARED = Path("/var/lib/godwit")
STOP_SECONDS = 8.0
START_SECONDS = 60.0

# A laptop's PostgreSQL. JIT costs more than it gives on short queries; nobody replicates from here.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "shared_buffers": "128MB",
    "max_connections": "100",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Tests throw their data away: a power cut may take it.
FORGETFUL = {"max_connections": "300", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresError(Exception):
    """The private PostgreSQL can't be had; the message says why and what to do. Trying again helps only after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where a private cluster lies and how it is run."""

    place: Path
    socket_folder: Path
    programs: Path
    log: Path
    account: Account | None  # None: ourselves
    durable: bool

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def url(self) -> str:
        """A URL for Django and libpq alike: the socket's folder, percent-encoded, stands for the host."""
        return f"postgres://{NAME}@{self.socket_folder.as_posix().replace('/', '%2F')}:{PORT}/{NAME}"


def choose(var: Path, name: str, *, durable: bool = True) -> Cluster:
    """Decide where the cluster ``name`` of this ``var`` lies, and make its folders; PostgresError where it can't be."""
    account = _account()
    log = var / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    place = _place(var.resolve(), name, account)
    return Cluster(
        place=place,
        socket_folder=_socket_folder(place, account),
        programs=_programs(place / "data"),
        log=log,
        account=account,
        durable=durable,
    )


def _account() -> Account | None:
    """Whom PostgreSQL runs as: ourselves, but never root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(uid=found.pw_uid, gid=found.pw_gid)
    raise PostgresError("PostgreSQL does not run as root, and this machine has neither an account postgres nor nobody.")


def _can_reach(folder: Path, account: Account) -> bool:
    asked = subprocess.run(["test", "-x", folder], user=account.uid, group=account.gid, extra_groups=[], check=False)
    return asked.returncode == 0


def _place(var: Path, name: str, account: Account | None) -> Path:
    """The cluster's folder, made and given to its account."""
    place = var / name
    if account is None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if place.stat().st_uid != os.geteuid():
            raise PostgresError(
                f"{place} belongs to another user (was this run as root before?); remove it or change user."
            )
        return place
    if not _can_reach(var, account):
        if place.is_dir() and not place.is_symlink():
            raise PostgresError(
                f"{place} can't be reached by the account that must run it: open the way with chmod o+x."
            )
        place = _shared_place(var, name)
    place.mkdir(mode=0o700, exist_ok=True)
    os.chown(place, account.uid, account.gid)
    return place.resolve()


def _shared_place(var: Path, name: str) -> Path:
    """A folder outside the clone, with a link to it in ``var``. A moved clone keeps its own; a copy gets another."""
    link = var / name
    homes = [SHARED / hashlib.sha256(os.fsencode(f"{var}{again}")).hexdigest()[:12] for again in ("", *range(2, 100))]
    if link.is_symlink():
        homes.insert(0, link.readlink().parent)
    home = next(home for home in homes if _is_free_for(home, var))
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    (home / "belongs-to").write_text(f"{var}\n")
    link.unlink(missing_ok=True)
    link.symlink_to(home / name)
    return home / name


def _is_free_for(home: Path, var: Path) -> bool:
    """Whether a folder in /var/lib/godwit is nobody's, ours, or that of a clone that is no longer there."""
    try:
        owner = Path((home / "belongs-to").read_text().strip())
    except FileNotFoundError:
        return not home.exists()
    return owner == var or not owner.exists()


def _socket_folder(place: Path, account: Account | None) -> Path:
    """The cluster's own folder, or a short one elsewhere: a socket's path has 107 bytes, and clones lie deep."""
    if len(os.fsencode(place / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET:
        return place
    short = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"godwit-{short}"
    if account is not None:
        folder = SHARED / short
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    found = folder.lstat()
    if found.st_uid != (account.uid if account else os.geteuid()) or found.st_mode & 0o77:
        raise PostgresError(
            f"{folder} belongs to somebody else or is open to others; remove it, or clone to a shorter path."
        )
    return folder


def _programs(data: Path) -> Path:
    """The folder with PostgreSQL's programs: the newest, or for data that exists, the version that made it."""
    candidates = list(Path("/usr/lib/postgresql").glob("*/bin")) + list(Path("/").glob("usr/pgsql-*/bin"))
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        asked = subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True)
        candidates.append(Path(asked.stdout.strip()))
    if initdb := shutil.which("initdb"):
        candidates.append(Path(initdb).resolve().parent)
    found: dict[int, Path] = {}
    for folder in candidates:
        if all(os.access(folder / program, os.X_OK) for program in PROGRAMS) and (major := _major(folder)):
            found.setdefault(major, folder)
    made_by = _made_by(data)
    if made_by and made_by not in found:
        raise PostgresError(
            f"{data} was made by PostgreSQL {made_by}, which is not installed any more. Install postgresql-{made_by}; "
            f"or, if its content may be lost, remove {data.parent} and start again."
        )
    if not found:
        raise PostgresError("PostgreSQL's server programs were not found. Run deploy/bootstrap, or install postgresql.")
    return found[made_by or max(found)]


def _major(folder: Path) -> int | None:
    """The major version of the programs in a folder, such as 15."""
    try:
        said = subprocess.run([folder / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
        return int(said.split()[2].split(".")[0])
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        return None


def _made_by(data: Path) -> int | None:
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


async def start(cluster: Cluster) -> int:
    """Have the cluster running and ready, made first where need be; the postmaster's pid.

    A postmaster that runs on our data is adopted, whoever started it. One that we start dies with us: quickly, but with
    its files in order.
    """
    await _make(cluster)
    pid = running(cluster)
    if pid is None or not await _ready(cluster, pid):
        pid = await _launch(cluster)
    marker = cluster.place / "database-made"
    if not marker.exists():
        await _run(cluster, "createdb", "--host", str(cluster.socket_folder), "--username", NAME, NAME, may_fail=True)
        marker.touch()
    return pid


async def stop(cluster: Cluster) -> None:
    """Stop the cluster, whoever started it: a fast shutdown ends its sessions and leaves its files in order."""
    if pid := running(cluster):
        await end(pid, first=signal.SIGINT, patience=STOP_SECONDS)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def running(cluster: Cluster) -> int | None:
    """The pid of the postmaster that runs on this data, whoever started it."""
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    return pid if _works_in(pid, cluster.data) else None


def _works_in(pid: int, data: Path) -> bool:
    """Whether a living process has the data as its working folder, as every PostgreSQL process does."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" and Path(f"/proc/{pid}/cwd").resolve() == data.resolve()
    except OSError:
        return False


async def _ready(cluster: Cluster, pid: int) -> bool:
    """Wait until the cluster takes connections; False when its postmaster ended instead."""
    over = asyncio.create_task(ended(pid))
    asked = [str(cluster.programs / "pg_isready"), "--quiet", "--host", str(cluster.socket_folder)]
    asked += ["--port", str(PORT), "--username", NAME, "--dbname", "postgres"]
    try:
        async with asyncio.timeout(START_SECONDS):
            while not over.done():
                with contextlib.closing(open_log(cluster.log)) as log:
                    if await exit_code(spawn(asked, output=log)) == 0:
                        return True
                await asyncio.wait([over], timeout=0.05)
    except TimeoutError as exc:
        raise PostgresError(f"PostgreSQL was not ready after {START_SECONDS:.0f} s; see {cluster.log}.") from exc
    finally:
        over.cancel()
    return False


async def _make(cluster: Cluster) -> None:
    """initdb, once; beside its place and then renamed, so that half a cluster is never taken for one."""
    if cluster.data.exists():
        return
    fresh = cluster.place / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    (cluster.place / "database-made").unlink(missing_ok=True)
    options = ["--username", NAME, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]
    await _run(cluster, "initdb", "--pgdata", str(fresh), *options, *([] if cluster.durable else ["--no-sync"]))
    fresh.rename(cluster.data)


async def _launch(cluster: Cluster) -> int:
    _forget_stale(cluster)
    settings = SETTINGS | {"unix_socket_directories": str(cluster.socket_folder)}
    if not cluster.durable:
        settings |= FORGETFUL
    argv = [str(cluster.programs / "postgres"), "-D", str(cluster.data)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    with contextlib.closing(open_log(cluster.log)) as log:
        child = spawn(argv, output=log, cwd=cluster.place, account=cluster.account, death_signal=signal.SIGINT)
    if not await _ready(cluster, child.pid):
        child.wait()
        raise PostgresError(f"PostgreSQL did not start: {last_line(cluster.log)} (all of it: {cluster.log})")
    return child.pid


def _forget_stale(cluster: Cluster) -> None:
    """Remove a postmaster.pid whose number now belongs to another program.

    PostgreSQL itself clears a file whose process is gone; but where the number was given out again, as after every
    restart of a container, it refuses to start. While any process works in the data, the file stays: it is what keeps
    a second postmaster away from the first one's memory.
    """
    if any(_works_in(int(entry.name), cluster.data) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        return
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)


async def _run(cluster: Cluster, program: str, *arguments: str, may_fail: bool = False) -> None:
    with contextlib.closing(open_log(cluster.log)) as log:
        child = spawn(
            [str(cluster.programs / program), *arguments], output=log, cwd=cluster.place, account=cluster.account
        )
    if await exit_code(child) and not may_fail:
        raise PostgresError(f"{program} failed: {last_line(cluster.log)} (all of it: {cluster.log})")


def schema_in(cluster: Cluster) -> str:
    """The mark of the schema that its database has, as last remembered; empty for a new one."""
    marker = cluster.place / "database-made"
    return marker.read_text() if marker.exists() else ""


def remember_schema(cluster: Cluster, mark: str) -> None:
    """Keep the mark with the data, so that the two are lost together."""
    (cluster.place / "database-made").write_text(mark)


def announce(cluster: Cluster, var: Path) -> None:
    """Write var/postgres.json, by which datacenter.database finds the cluster; complete at every moment."""
    fresh = var / "postgres.json.new"
    fresh.write_text(json.dumps({"url": cluster.url, "data": str(cluster.data)}) + "\n")
    fresh.replace(var / "postgres.json")
