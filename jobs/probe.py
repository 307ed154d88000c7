"""Ask a population what it knows: probes, geometry, erasure, explanation, attitudes; simulations are left out.

    python jobs/probe.py polblogs_debug --store results --executor local
    ray job submit --address http://127.0.0.1:8265 --runtime-env cluster/runtime_env.yaml -- \
        python jobs/probe.py configs/studies/quickstart.yaml --store /shared/hemicycle-store

Models that are not there yet are trained; everything under ``probes`` and ``interpretation`` of the study is kept.
Seeds, epochs and probes are overrides: ``seeds=5``.
"""

from hemicycle.cli import job
from hemicycle.studies.config import StudyConfig


def probing(config: StudyConfig) -> StudyConfig:
    """Keep a study's population, its probes and what else is asked of representations."""
    return config.replace(name=f"{config.name}-probe", society=None, simulations={})


if __name__ == "__main__":
    job(probing)
