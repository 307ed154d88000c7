"""Run one function on several workers of this machine, without Ray."""

import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from multiprocessing import get_context
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
        place = Path(folder)
        tasks = [pool.submit(_work, function, Group(rank, world_size), threads, place) for rank in range(world_size)]
        wait(tasks)
        first = place / _FIRST_TO_FAIL
        for task in [tasks[int(first.read_text())]] if first.exists() else tasks:
            task.result()


def _work(function: Callable[[Group], None], group: Group, threads: int, place: Path) -> None:
    """Join the group, run, and leave it, so that an error here ends the others' waiting too."""
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
