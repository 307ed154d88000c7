"""Train the population of a study and rank its models; probes and simulations are left to other jobs.

    python jobs/train.py quickstart train.epochs=20 --store results
    ray job submit --address http://127.0.0.1:8265 --runtime-env cluster/runtime_env.yaml -- \
        python jobs/train.py configs/studies/quickstart.yaml --store /shared/hemicycle-store

What is trained here is found finished by ``jobs/probe.py`` and ``jobs/study.py`` in the same store.
"""

from hemicycle.cli import job
from hemicycle.studies.config import StudyConfig


def training(config: StudyConfig) -> StudyConfig:
    """Keep the population of a study."""
    return config.replace(name=f"{config.name}-train", probes=(), society=None, simulations={})


if __name__ == "__main__":
    job(training)
