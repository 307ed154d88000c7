"""Carry out the searches of a study; its fixed members and its simulations are left to other jobs.

    python jobs/tune.py senate_frontier --store results
    ray job submit --address http://127.0.0.1:8265 --runtime-env cluster/runtime_env.yaml -- \
        python jobs/tune.py configs/searches/senate_frontier.yaml --store /shared/hemicycle-store

The same command goes on after an interruption. Budgets are overrides: ``searches.politics.trials=200``.
"""

from hemicycle.cli import job
from hemicycle.core.errors import InputError
from hemicycle.studies.config import StudyConfig


def searching(config: StudyConfig) -> StudyConfig:
    """Keep the searches of a study.

    Raises:
        InputError: it has none.
    """
    if not config.searches:
        raise InputError("the study has no searches", "searches", "see configs/searches, e.g. senate_frontier")
    return config.replace(name=f"{config.name}-tune", population={}, designs={}, society=None, simulations={})


if __name__ == "__main__":
    job(searching)
