"""Leases: who works on a study, since when and how far; two drivers never work on one study at once.

``studies/NAME/driver.json`` names host, process and start, and is written anew every ``BEAT`` seconds. It is stale, and
the next driver takes it over, when it was not for ``STALE`` seconds, or when its process is gone from this machine.
Clocks of machines that share a store must agree to within a minute. On a disk a lease is taken under ``flock``, so that
one of two wins. An object store knows no such thing: there both write, wait, and read who came last; should both still
believe to have it, the one whose name is gone from the file stops at its next heartbeat.
"""

import fcntl
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import psutil

from hemicycle.core.errors import HemicycleError, InputError
from hemicycle.core.storage import Folder, StorageError

LEASE, SWEEP = "driver.json", "gc.json"
BEAT, STALE, SETTLE = 10.0, 120.0, 1.0
"""Seconds between heartbeats; without one until a lease is stale; until two writers on an object store compare."""

_log = logging.getLogger(__name__)


class LeaseLostError(HemicycleError):
    """Another driver has taken the study over: this one slept too long."""


@dataclass(frozen=True)
class Driver:
    """A process that works on a study.

    Args:
        token: identifies this hold of the lease.
        host: its machine.
        pid: its process there.
        space: the namespace that counts processes; a container's differs from its machine's.
        born: when the process started, since numbers of processes return.
        started: when it took the lease, seconds since 1970.
        beat: its last sign of life.
        planned: whether the study's plan says already what it works on.
        done: steps that came to an end.
        total: steps known so far.
        failed: steps that failed.
        ran: steps that it ran itself.
        seconds: that these took, added up.
        slots: steps that run at the same time.
    """

    token: str
    host: str
    pid: int
    space: str = ""
    born: float = 0.0
    started: float = 0.0
    beat: float = 0.0
    planned: bool = False
    done: int = 0
    total: int = 0
    failed: int = 0
    ran: int = 0
    seconds: float = 0.0
    slots: int = 1

    @classmethod
    def this(cls) -> "Driver":
        """This process, now."""
        now, pid = time.time(), os.getpid()
        born = psutil.Process(pid).create_time()
        return cls(uuid.uuid4().hex, socket.gethostname(), pid, _space(), born, now, now)

    @property
    def alive(self) -> bool:
        """Whether it gives signs of life."""
        if time.time() - self.beat > STALE:
            return False
        same = (self.host, self.space) == (socket.gethostname(), _space())
        return not same or _runs(self.pid, self.born)

    @property
    def left(self) -> float | None:
        """Seconds that the known rest takes at the mean of the finished steps; None before the first."""
        if not self.ran:
            return None
        return (self.total - self.done) * self.seconds / self.ran / max(1, self.slots)

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.started))
        return f"process {self.pid} on {self.host}, started {since}"


def _space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _runs(pid: int, born: float) -> bool:
    """Whether a process of this machine runs and is the one that started then."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - born) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def read_driver(folder: Folder, name: str = LEASE) -> Driver | None:
    """Return who has, or last had, the lease of a folder; None when nobody has, or nobody can tell."""
    with suppress(StorageError, TypeError, AttributeError, ValueError):
        if folder.exists(name):
            found, known = folder.read_json(name), {field.name: field.type for field in fields(Driver)}
            driver = Driver(**{key: value for key, value in found.items() if key in known})
            numbers = (driver.pid, driver.born, driver.started, driver.beat, driver.seconds)
            return driver if all(isinstance(value, int | float) for value in numbers) else None
    return None


def working(folder: Folder, name: str = LEASE) -> Driver | None:
    """Return the live driver of a folder."""
    found = read_driver(folder, name)
    return found if found is not None and found.alive else None


class Lease:
    """A lease that this process holds; :func:`hold` makes one."""

    def __init__(self, folder: Folder, name: str, driver: Driver) -> None:
        self.folder, self.name, self.driver = folder, name, driver
        self._lost, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease {folder.name}", daemon=True)
        self._writing = threading.Lock()

    def tell(self, *, write: bool = False, **progress: Any) -> None:
        """Say how far the work is; others read it at the next heartbeat, or at once.

        Raises:
            LeaseLostError: another driver has the lease.
        """
        with self._writing:
            self.driver = replace(self.driver, **progress)
        if write:
            self._write()
        if self._lost.is_set():
            text = f"another driver has taken over {self.folder.name}: {read_driver(self.folder, self.name)}"
            raise LeaseLostError(f"{text}. This one gave no sign of life for {STALE:.0f} s and stops here.")

    def step(self, seconds: float | None, counts: tuple[int, int, int]) -> None:
        """Count a step: the seconds that it took when this driver ran it; steps done, known and failed."""
        done, total, failed = counts
        ran = self.driver.ran + (seconds is not None)
        took = self.driver.seconds + (seconds or 0.0)
        self.tell(done=done, total=total, failed=failed, ran=ran, seconds=took)

    def _beat(self) -> None:
        while not self._over.wait(BEAT):
            with suppress(StorageError):
                self._write()

    def _write(self) -> None:
        """Write a sign of life, unless another's name stands there."""
        found = read_driver(self.folder, self.name)
        if found is None or found.token != self.driver.token:
            self._lost.set()
            self._over.set()
            return
        with self._writing:
            self.driver = replace(self.driver, beat=time.time())
            self.folder.write_json(self.name, asdict(self.driver))

    def begin(self) -> None:
        """Start the heartbeat."""
        self._thread.start()

    def end(self) -> None:
        """Stop the heartbeat and give the lease back."""
        self._over.set()
        self._thread.join()
        found = read_driver(self.folder, self.name)
        if found is not None and found.token == self.driver.token:
            with suppress(StorageError):
                self.folder.remove(self.name)


@contextmanager
def hold(folder: Folder, name: str = LEASE) -> Iterator[Lease]:
    """Hold the lease of a folder while the block runs.

    Raises:
        InputError: a live driver has it.
    """
    lease = Lease(folder, name, take(folder, name))
    lease.begin()
    try:
        yield lease
    finally:
        lease.end()


def take(folder: Folder, name: str = LEASE) -> Driver:
    """Write a lease in this process's name; a stale one is taken over, with a line in the log that says so.

    Raises:
        InputError: a live driver has it.
    """
    with _alone(folder, name):
        _refuse(folder, working(folder, name))
        before, there = read_driver(folder, name), folder.exists(name)
        mine = Driver.this()
        folder.write_json(name, asdict(mine))
    if folder.local is None:
        time.sleep(SETTLE)
        found = working(folder, name)
        _refuse(folder, found if found is not None and found.token != mine.token else None)
    if there:
        _log.warning("%s: taking over from %s, which is gone", folder.name, before or "a driver whose file is damaged")
    return mine


def _refuse(folder: Folder, driver: Driver | None) -> None:
    if driver is None:
        return
    far = f", {driver.done} of {driver.total} steps done" if driver.total else ""
    raise InputError(
        f"{folder.name} is being worked on by {driver}{far}",
        remedy="wait until it has ended (`hemicycle status` tells), or stop it there; then give the same command",
    )


@contextmanager
def _alone(folder: Folder, name: str) -> Iterator[None]:
    """Be the only one who takes this lease, where the store is a disk."""
    if folder.local is None:
        yield
        return
    path = folder.local / f".{name}.lock"
    try:
        folder.local.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(path)
    except OSError as error:
        raise StorageError(f"{folder.uri}: {error}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Open and lock a file; once more when whoever had it before has removed it meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        with suppress(OSError):  # a file system without locks: the lease is then as on an object store
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)
