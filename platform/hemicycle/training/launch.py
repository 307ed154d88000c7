"""Run one function on several workers of this machine, without Ray."""

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path

import torch

from hemicycle.core.errors import InputError
from hemicycle.training.group import SINGLE, Group

_TIMEOUT = timedelta(minutes=30)
_FIRST_TO_FAIL = "first-to-fail"


def run_group(function: Callable[[Group], None], world_size: int, *, threads: int = 1) -> None:
    """Call ``function`` with its :class:`Group` in ``world_size`` processes; with one worker, in this process.

    Args:
        function: picklable; every worker runs it whole.
        world_size: number of workers.
        threads: threads of each.

    Raises:
        Exception: the first worker's error, as it was raised there.
    """
    if world_size < 1:
        raise InputError(f"a group has at least one worker, not {world_size}")
    if world_size == 1:
        function(SINGLE)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(world_size, mp_context=get_context("spawn")) as pool,
    ):
        place, groups = Path(folder), [Group(rank, world_size) for rank in range(world_size)]
        with _killed_when_interrupted():
            with _sigint_held_back():
                tasks = [pool.submit(_work, function, group, threads, place) for group in groups]
            wait(tasks)
        first = place / _FIRST_TO_FAIL
        for task in [tasks[int(first.read_text())]] if first.exists() else tasks:
            task.result()


@contextmanager
def _killed_when_interrupted() -> Iterator[None]:
    """Kill the processes that were started in the block when it is interrupted, instead of waiting for their end."""
    before = set(active_children())
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        for child in set(active_children()) - before:
            child.kill()
        raise


@contextmanager
def _sigint_held_back() -> Iterator[None]:
    """Let processes that are started in the block ignore Ctrl-C: what becomes of it is this process's business."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """End this process when its parent is gone, killed perhaps: what goes on there must not meet what it left."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(function: Callable[[Group], None], group: Group, threads: int, place: Path) -> None:
    """Join the group, run, and leave it, so that an error here ends the others' waiting too."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{place / 'meeting'}",
        rank=group.rank,
        world_size=group.world_size,
        timeout=_TIMEOUT,
    )
    try:
        function(group)
    except BaseException:
        with suppress(FileExistsError), (place / _FIRST_TO_FAIL).open("x") as file:
            file.write(str(group.rank))
        raise
    finally:
        torch.distributed.destroy_process_group()
