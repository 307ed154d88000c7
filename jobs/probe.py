"""Probe the population of a study, training what is not there yet; simulations are left out.

    python jobs/probe.py quickstart --store results
    ray job submit --address http://127.0.0.1:8265 --runtime-env cluster/runtime_env.yaml -- \
        python jobs/probe.py configs/studies/quickstart.yaml --store /shared/hemicycle-store

Seeds, epochs and probes are overrides: ``seeds=5``.
"""

from hemicycle.cli import job
from hemicycle.studies.config import StudyConfig


def probing(config: StudyConfig) -> StudyConfig:
    """Keep the population and the probes of a study."""
    return config.replace(name=f"{config.name}-probe", society=None, simulations={})


if __name__ == "__main__":
    job(probing)
