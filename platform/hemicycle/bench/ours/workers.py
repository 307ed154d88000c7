"""Column-sharded workers, one thread each: seconds and bytes of a training step."""

import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hemicycle.bench.workloads import graphs
from hemicycle.core.storage import Folder
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.training.options import TrainingOptions
from hemicycle.training.throughput import Trial

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def steps(spec: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Median of ``steps`` training steps on ``workers`` workers; the slowest worker's time, the busiest's CPU seconds.

    ``peak_bytes`` is the largest worker's memory times their number.
    """
    folder = Folder.at(Path(spec["data"], "graph"))
    if not folder.exists("graph.json"):
        graphs(spec["data"])[0].write(folder)
    options = TrainingOptions.model_validate(spec["train"])
    trial = Trial(folder, RECOMMENDER.validate(spec["recommender"]), options, spec["steps"])

    def run() -> dict[str, Any]:
        speeds = trial.speeds(spec["workers"])
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _RSS_UNIT * spec["workers"]
        return {
            "cpu": max(speed.cpu_seconds for speed in speeds),
            "wall": max(speed.seconds for speed in speeds),
            "bytes_sent": max(speed.bytes_sent for speed in speeds),
            **({"peak_bytes": peak} if len(speeds) > 1 else {}),
        }

    return run
