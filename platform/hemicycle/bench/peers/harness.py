"""Time one task in a process of its own. Any Python runs this file: it needs the standard library alone.

    python harness.py SPEC.json RESULT.json

SPEC.json names a module (of this folder, or a dotted one), a function of it, and what else the function wants. The
function is given all of that, prepares, and returns the part to be timed; what that part returns are facts: numbers and
words beside the time. A fact ``share`` says what part of the whole was done (2 of 100 batches: .02); the facts ``cpu``
and ``wall`` replace the clock's where the task itself knows better.
"""

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Facts = dict[str, Any]


def main(spec_path: str, result_path: str) -> None:
    """Prepare, warm up, time, and write the result."""
    spec = json.loads(Path(spec_path).read_text(encoding="utf-8"))
    part = getattr(importlib.import_module(spec["module"]), spec["task"])(spec)
    for _ in range(spec.get("warmups", 0)):
        part()
    timed = cuda_timed if str(spec.get("device", "cpu")).startswith("cuda") else cpu_timed
    calls = [timed(part) for _ in range(spec.get("calls", 1))]
    found = {"calls": calls, "peak_bytes": peak_bytes()}
    Path(result_path).write_text(json.dumps(found), encoding="utf-8")


def cpu_timed(part: Callable[[], Facts | None]) -> Facts:
    """Call once; ``cpu``: user and system seconds of all threads of this process, ``wall``: seconds that passed."""
    used, began = time.process_time(), time.perf_counter()
    facts = part() or {}
    measured = {"cpu": time.process_time() - used, "wall": time.perf_counter() - began}
    return whole({**measured, **facts})


def cuda_timed(part: Callable[[], Facts | None]) -> Facts:
    """Call once; ``wall``: seconds between two events of the device, ``device_memory``: its peak in bytes."""
    import torch  # noqa: PLC0415 - only where there is a device

    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.reset_peak_memory_stats()
    used = time.process_time()
    first.record()
    facts = part() or {}
    last.record()
    torch.cuda.synchronize()
    measured = {"cpu": time.process_time() - used, "wall": first.elapsed_time(last) / 1e3}
    return whole({**measured, "device_memory": torch.cuda.max_memory_allocated(), **facts})


def whole(facts: Facts) -> Facts:
    """Scale the times of a part to the whole."""
    share = facts.get("share", 1.0)
    return {**facts, "cpu": facts["cpu"] / share, "wall": facts["wall"] / share}


def peak_bytes() -> float:
    """Largest resident memory of this process so far; the system's own count may begin with that of its parent."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main(*sys.argv[1:])
