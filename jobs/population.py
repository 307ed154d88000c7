"""Make and probe the population of a study: fixed members, factorial designs and searches, without simulations.

    python jobs/population.py senate_design --store results
    ray job submit --address http://127.0.0.1:8265 --runtime-env cluster/runtime_env.yaml -- \
        python jobs/population.py configs/studies/senate_design.yaml --store /shared/hemicycle-store

What the report says of a design: which of architecture, dimension, depth, loss, regularisation and seed matters for
what is learnt, with intervals.
"""

from hemicycle.cli import job
from hemicycle.studies.config import StudyConfig


def populating(config: StudyConfig) -> StudyConfig:
    """Leave simulations out."""
    return config.replace(name=f"{config.name}-population", society=None, simulations={})


if __name__ == "__main__":
    job(populating)
