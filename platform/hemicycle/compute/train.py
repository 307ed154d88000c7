"""One fit on several workers through Ray Train: the same function of a Group that runs without Ray."""

import logging
import os
from collections.abc import Callable

import ray
import ray.train
import torch
from ray.train import FailureConfig, RunConfig, ScalingConfig, WorkerGroupError
from ray.train.torch import TorchTrainer, get_device

from hemicycle.core.errors import HemicycleError
from hemicycle.core.storage import Folder
from hemicycle.training.group import Group

_ENVIRONMENT = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
}


def run_group(  # noqa: PLR0913 - what, how wide, and where to
    function: Callable[[Group], None],
    world_size: int,
    *,
    threads: int,
    cpus: float | None = None,
    storage: Folder,
    name: str,
    max_failures: int = 3,
) -> None:
    """Call ``function`` with its :class:`~hemicycle.training.group.Group` on ``world_size`` Ray workers.

    A worker that dies (its process killed, its node lost) makes the group start again, up to ``max_failures`` times;
    ``function`` goes on from its own state, as :func:`hemicycle.training.fit.fit` does. Workers use GPUs where the
    cluster has enough of them.

    Args:
        function: pickled by cloudpickle; every worker runs it whole.
        world_size: number of workers.
        threads: threads of each.
        cpus: cores that each asks of Ray; None: as many as it has threads.
        storage: folder for Ray Train's own bookkeeping, visible to all workers.
        name: name of the run; contains the fingerprint of what is fitted.
        max_failures: restarts allowed.

    Raises:
        HemicycleError: a worker's own error.
        WorkerGroupError: Ray's report of any other, once the restarts are used up.
    """
    os.environ.update(_ENVIRONMENT)
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    gpu = ray.cluster_resources().get("GPU", 0) >= world_size
    each = {"CPU": threads if cpus is None else cpus, "GPU": int(gpu)}

    def work() -> None:
        torch.set_num_threads(threads)
        context = ray.train.get_context()
        function(Group(context.get_world_rank(), context.get_world_size(), str(get_device())))
        ray.train.report({})

    trainer = TorchTrainer(
        work,
        scaling_config=ScalingConfig(num_workers=world_size, use_gpu=gpu, resources_per_worker=each),
        run_config=RunConfig(
            name=name, storage_path=storage.uri, failure_config=FailureConfig(max_failures=max_failures)
        ),
    )
    try:
        trainer.fit()
    except WorkerGroupError as error:
        raise _cause(error) from error


def _cause(error: WorkerGroupError) -> Exception:
    """Return the first worker's own error when it is one of ours, which a person can act on; else Ray's report."""
    wrapped = [failure for _, failure in sorted(error.worker_failures.items())]
    failures = [getattr(failure, "_base_exc", failure) for failure in wrapped]
    return next((failure for failure in failures if isinstance(failure, HemicycleError)), error)
