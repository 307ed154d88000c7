"""Run a whole study: population, probes, simulations, report.

    python jobs/study.py quickstart --store results
    ray job submit --address http://127.0.0.1:8265 --runtime-env cluster/runtime_env.yaml -- \
        python jobs/study.py configs/studies/quickstart.yaml --store /shared/hemicycle-store

A driver that Ray starts joins the cluster around it. Overrides such as ``seeds=5`` follow the configuration.
"""

from hemicycle.cli import job
from hemicycle.studies.config import StudyConfig


def everything(config: StudyConfig) -> StudyConfig:
    """Return the study as it is."""
    return config


if __name__ == "__main__":
    job(everything)
