"""A search in asynchronous mode through Ray Tune: as many trials at a time as the cluster's cores allow."""

import logging
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray import tune
from ray.tune import FailureConfig, PlacementGroupFactory, RunConfig, TuneConfig
from ray.tune.schedulers import TrialScheduler

from hemicycle.compute import session
from hemicycle.compute.tune_search import AskAndTell, report_of, scheduler
from hemicycle.core.storage import Folder
from hemicycle.search.config import SearchConfig
from hemicycle.search.journal import Journal
from hemicycle.search.sequential import AsyncSearch, advance
from hemicycle.search.space import Space
from hemicycle.search.trials import Runner, Trial

_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1000000",
}
"""Silence, no log files and snapshots that nobody reads, no complaint of a failed trial's missing metrics."""
_NEXT_TO_NOTHING = {"memory": 1}
"""What a trial holds whose fit is shared among workers: Tune wants something of it, and a core would be missed."""
_RESTARTS = 3
"""How often a trial whose process is killed starts again; its finished rungs are in the store."""


def tune_search(  # noqa: PLR0913 - what is searched, who runs it, and where it is kept
    config: SearchConfig,
    space: Space,
    runner: Runner,
    journal: Journal,
    *,
    storage: Folder,
    name: str,
    threads: int = 1,
) -> list[Trial]:
    """Search with Ray Tune; the driver may die at any moment, and the same call goes on.

    Trials stop by Ray Tune's ASHA at the rungs of ``config.halving``. With ``config.workers`` above 1 the runner
    shares each fit among workers of its own (:func:`hemicycle.compute.train.run_group`); the trial itself then holds
    no core, and only as many trials run as workers find their cores.

    Args:
        config: the search.
        space: its space.
        runner: carries the trials out, in processes of the cluster.
        journal: of this search; what an earlier run wrote there is not run again.
        storage: folder of this search alone, visible from all nodes; Tune's own files come and go below ``tune``.
        name: of the search, for Ray.
        threads: threads that a trial, or each of its workers, computes with.

    Returns:
        All trials, by number; one that failed is among them.

    Raises:
        KeyboardInterrupt: trials under way ended with their last finished rungs.
        StorageError: what ended could not be written down.
    """
    if not ray.is_initialized():
        session.start()
    before = journal.ended()
    search = AsyncSearch(config, space, before, journal.asked(), _gpus(config.workers))
    if not search.over:
        asking = AskAndTell(search, journal)
        with _quietly(), _own_files(storage / "tune") as folder:
            tuner = _tuner(runner, asking, scheduler(config.halving, before), _Place(folder.uri, name, threads))
            tuner.fit()
        if asking.problem is not None:
            raise asking.problem
        if not search.over:
            raise KeyboardInterrupt
    return search.trials


@dataclass(frozen=True)
class _Place:
    """Where Tune keeps its files, under which name, and the threads of a trial."""

    uri: str
    name: str
    threads: int


def _tuner(runner: Runner, asking: AskAndTell, stopping: TrialScheduler, place: _Place) -> tune.Tuner:
    search = asking.search
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    wanted = _NEXT_TO_NOTHING if search.config.workers > 1 else {"CPU": min(place.threads, cores)}
    at_once = max(1, cores // (place.threads * search.config.workers))
    return tune.Tuner(
        tune.with_resources(_trainable(runner), PlacementGroupFactory([wanted])),
        tune_config=TuneConfig(
            search_alg=asking,
            scheduler=stopping,
            num_samples=search.left,
            max_concurrent_trials=at_once,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=RunConfig(
            name=place.name, storage_path=place.uri, verbose=0, failure_config=FailureConfig(max_failures=_RESTARTS)
        ),
    )


def _trainable(runner: Runner) -> Callable[[dict[str, Any]], None]:
    """Return what Tune runs for each trial; its process may be used for several, one after the other."""

    def trial(config: dict[str, Any]) -> None:
        for reached in advance(runner, config["proposal"]):
            tune.report(report_of(reached))

    return trial


def _trial_name(trial: Any) -> str:
    return f"trial-{trial.config['proposal'].number:06d}-{trial.trial_id}"


def _gpus(workers: int) -> int:
    """GPUs that a trial holds: each worker has one where the cluster has enough of them."""
    return workers if ray.cluster_resources().get("GPU", 0) >= workers else 0


@contextmanager
def _own_files(folder: Folder) -> Iterator[Folder]:
    """A folder for what nobody needs afterwards, nor after an interruption."""
    folder.delete()
    try:
        yield folder
    finally:
        folder.delete()


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep Tune's words from the user, and leave no setting of its own behind, signal handlers included."""
    loggers = [logging.getLogger(name) for name in ("ray.tune", "ray.train")]
    levels = [logger.level for logger in loggers]
    environment = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), _same_signals():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for name, value in environment.items():
            _restore(name, value)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        del os.environ[name]
    else:
        os.environ[name] = value


@contextmanager
def _same_signals() -> Iterator[None]:
    """Undo what Tune does to signals, where it can do so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, *([signal.SIGUSR1] if hasattr(signal, "SIGUSR1") else [])]
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
