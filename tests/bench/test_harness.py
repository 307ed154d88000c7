"""The clock that every case runs under, whichever Python it has."""

import json
import subprocess
import sys
import time

import pytest

from hemicycle.bench.peers import harness

TASK = """
import os
def counted(spec):
    calls = []
    def run():
        calls.append(1)
        return {"calls": len(calls), "told": spec["told"], "threads": os.environ.get("OMP_NUM_THREADS")}
    return run
"""


def test_cpu_time_counts_work_and_not_sleep():
    def part():
        time.sleep(0.05)
        sum(range(200_000))

    found = harness.cpu_timed(part)
    assert found["wall"] > 0.05
    assert 0 < found["cpu"] < found["wall"]


def test_a_share_is_scaled_to_the_whole_and_a_task_may_know_its_time_better():
    assert harness.whole({"cpu": 2.0, "wall": 3.0, "share": 0.1}) == {"cpu": 20.0, "wall": 30.0, "share": 0.1}
    found = harness.cpu_timed(lambda: {"cpu": 7.0, "wall": 8.0, "epochs": 3})
    assert found == {"cpu": 7.0, "wall": 8.0, "epochs": 3}


def test_peak_memory_is_this_process_own():
    code = (
        f"import runpy; peak = runpy.run_path({harness.__file__!r})['peak_bytes']; before = peak(); "
        "block = bytearray(300_000_000); print(before < 250e6 < peak())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_the_harness_needs_the_standard_library_alone(tmp_path):
    (tmp_path / "counting.py").write_text(TASK, encoding="utf-8")
    spec, result = tmp_path / "spec.json", tmp_path / "result.json"
    spec.write_text(json.dumps({"module": "counting", "task": "counted", "told": 5, "calls": 2, "warmups": 3}))
    code = (
        f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['', {str(spec)!r}, {str(result)!r}]; "
        f"runpy.run_path({harness.__file__!r}, run_name='__main__')"
    )
    subprocess.run([sys.executable, "-S", "-E", "-c", code], check=True, cwd=tmp_path)
    found = json.loads(result.read_text())
    assert [call["calls"] for call in found["calls"]] == [4, 5]
    assert found["calls"][0]["told"] == 5
    assert found["peak_bytes"] > 1e6


def test_a_task_that_is_not_there_ends_with_an_error(tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"module": "json", "task": "nothing"}))
    with pytest.raises(AttributeError, match="nothing"):
        harness.main(str(spec), str(tmp_path / "result.json"))
