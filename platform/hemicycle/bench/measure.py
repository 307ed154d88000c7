"""Run one case in a process of its own and say what it took."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hemicycle.bench import peers
from hemicycle.bench.cases import Case
from hemicycle.bench.environments import Environment

HARNESS = Path(peers.__file__).parent / "harness.py"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_LAST_BYTES = 20_000


@dataclass(frozen=True)
class Measurement:
    """One process of one case.

    Args:
        calls: facts of every timed call, ``cpu`` and ``wall`` seconds among them; empty when it failed.
        peak_bytes: largest memory of the process, its preparation included.
        problem: why it failed; empty when it did not.
    """

    calls: tuple[Mapping[str, Any], ...] = ()
    peak_bytes: float = 0.0
    problem: str = ""


def measure(case: Case, environment: Environment, data: Path, device: str, limit: float) -> Measurement:
    """Run a case once.

    Args:
        case: what to run.
        environment: who runs it.
        data: folder of its workload.
        device: ``cpu`` or a CUDA device.
        limit: seconds after which it is ended.
    """
    with tempfile.TemporaryDirectory() as folder:
        spec, result = Path(folder, "spec.json"), Path(folder, "result.json")
        spec.write_text(json.dumps(_spec(case, data, device)), encoding="utf-8")
        code, said = _run([environment.python, HARNESS, spec, result], _variables(case), limit)
        if code or not result.is_file():
            return Measurement(problem=_reason(code, said, limit))
        found = json.loads(result.read_text(encoding="utf-8"))
    return Measurement(tuple(found["calls"]), max(call.get("peak_bytes", 0.0) for call in [found, *found["calls"]]))


def _spec(case: Case, data: Path, device: str) -> dict[str, Any]:
    own = {"module": case.module, "task": case.task, "calls": case.calls, "warmups": case.warmups}
    return {**own, "data": str(data), "device": device, "threads": case.threads, **case.arguments}


def _variables(case: Case) -> dict[str, str]:
    """Environment of a case: its threads, and huge pages for all who use torch, ours and peers alike."""
    threads = dict.fromkeys(_THREADS, str(case.threads))
    return {**os.environ, **threads, "THP_MEM_ALLOC_ENABLE": "1", "CUDA_MODULE_LOADING": "LAZY"}


def _run(command: list[Path], variables: Mapping[str, str], limit: float) -> tuple[int, str]:
    """Run to the end, or for ``limit`` seconds; return the exit code and the end of what was said.

    What a program leaves in the current folder (RecBole its logs) goes with it.
    """
    given = [str(word.absolute()) for word in command]
    with tempfile.TemporaryFile() as words, tempfile.TemporaryDirectory() as litter:
        process = subprocess.Popen(  # noqa: S603 - our own script
            given, stdout=words, stderr=words, env=variables, start_new_session=True, cwd=litter
        )
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            _end(process)
        except BaseException:
            _end(process)
            raise
        words.seek(max(0, words.seek(0, os.SEEK_END) - _LAST_BYTES))
        return process.returncode, words.read().decode(errors="replace")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _reason(code: int, said: str, limit: float) -> str:
    if code == -signal.SIGKILL:
        return f"ended from outside: more than {limit:.0f} s, or out of memory"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"exit code {code}"
