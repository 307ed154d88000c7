"""Run the simulations of a study: societies, their mediators, opinions in every arm.

    python jobs/simulate.py quickstart simulations.mediation.seeds=20 --store results
    ray job submit --address http://127.0.0.1:8265 --runtime-env cluster/runtime_env.yaml -- \
        python jobs/simulate.py configs/studies/quickstart.yaml --store /shared/hemicycle-store

Societies and mediators that ``jobs/study.py`` made in the same store are found finished.
"""

from hemicycle.cli import job
from hemicycle.studies.config import StudyConfig


def simulations(config: StudyConfig) -> StudyConfig:
    """Keep the simulations of a study."""
    return config.replace(name=f"{config.name}-simulate", population={}, probes=())


if __name__ == "__main__":
    job(simulations)
