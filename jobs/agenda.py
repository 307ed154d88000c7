"""Run the analyses of attention of a study: who leads whom, what recommenders do to it, simulated agendas.

    python jobs/agenda.py agenda_us agenda.legislators.var.panel.replications=200 --store results
    ray job submit --address http://127.0.0.1:8265 --runtime-env cluster/runtime_env.yaml -- \
        python jobs/agenda.py configs/studies/agenda_us.yaml --store /shared/hemicycle-store

Recommenders that ``jobs/study.py`` trained in the same store are found finished.
"""

from hemicycle.cli import job
from hemicycle.studies.config import StudyConfig


def agendas(config: StudyConfig) -> StudyConfig:
    """Keep the analyses of attention and, where recommenders mediate, the population."""
    mediated = any(one.mediation is not None for one in config.agenda.values())
    kept = {} if mediated else {"population": {}}
    return config.replace(name=f"{config.name}-agenda", probes=(), society=None, simulations={}, **kept)


if __name__ == "__main__":
    job(agendas)
