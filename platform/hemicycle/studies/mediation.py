"""Steps of a simulation: a society, a recommender trained on its follows, and opinions under every arm.

Each seed has a society, a graph and a mediator of its own, shared by all opinion models and arms: arms are paired.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset, with_role
from hemicycle.data.society_options import SyntheticConfig
from hemicycle.data.society_people import draw_positions
from hemicycle.data.synthetic import Synthetic, society
from hemicycle.evaluation.ranking import top_k
from hemicycle.exposure.base import ExposureConfig
from hemicycle.graphs.splits import Split, SplitConfig
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.simulations.config import Run, runs
from hemicycle.simulations.loop import simulate_run
from hemicycle.studies.config import MediatedSimulation, SocietyConfig, StudyConfig
from hemicycle.studies.costs import Size
from hemicycle.studies.models import FitOptions, GraphOptions, fit_step, graph_of, graph_step
from hemicycle.studies.steps import Cost, Step, Work
from hemicycle.training.checkpoints import Checkpoints

FOLLOWS = "follows"


class SimulateOptions(Options):
    """All runs of a simulation from one seed."""

    simulation: MediatedSimulation
    """The simulation."""
    seed: int
    """Which seed."""


def society_step(work: Work) -> None:
    """Make the users, their follows and what else the society has."""
    config: SocietyConfig = work.options
    synthetic = SyntheticConfig(**{name: getattr(config, name) for name in SyntheticConfig.model_fields})
    if not config.positions_from:
        Synthetic(synthetic).read().write(work.out)
        return
    positions, groups = _drawn(config, Dataset.read(work.inputs["data"]).users)
    society(synthetic.replace(dimensions=positions.shape[1], parties="uniform"), positions, groups).write(work.out)


def _drawn(config: SocietyConfig, people: pa.Table) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Draw positions like those of real people, within their groups."""
    labels = np.column_stack([people[name].to_pandas().to_numpy(float) for name in config.positions_from])
    known = np.isfinite(labels).all(axis=1)
    column = config.groups_from or next(iter(with_role(people, "group")), "")
    groups = people[column].to_pandas().to_numpy().astype(str) if column else np.full(len(labels), "all")
    source = rng("society positions", config.seed_of("opinion"))
    positions, drawn = draw_positions(labels[known], groups[known], config.users, source, config.bandwidth)
    return np.clip(positions, labels[known].min(axis=0), labels[known].max(axis=0)), drawn


def simulate_step(work: Work) -> None:
    """Run every opinion model under every arm."""
    options: SimulateOptions = work.options
    dataset = Dataset.read(work.inputs["society"])
    graph = graph_of(dataset, FOLLOWS)
    columns = [dataset.users[name].to_numpy() for name in with_role(dataset.users, "label")]
    observed = np.column_stack(columns).astype(np.float32)
    lists = _lists(work)
    frames = [
        simulate_run(options.simulation, run, graph, observed, lists.get(mediator))
        for run, mediator in arms_of(options.simulation, options.seed)
    ]
    table = pd.concat(frames, ignore_index=True)
    work.out.write_table("simulation_results", pa.Table.from_pandas(table, preserve_index=False))


def arms_of(config: MediatedSimulation, seed: int) -> list[tuple[Run, str]]:
    """Runs of one seed, each with the name of its mediator; a recommended arm has a run for each that it admits."""
    found = []
    for run in runs(config.replace(seeds=[seed])):
        if run.arm.exposure != "recommended":
            found.append((run, ""))
            continue
        for name in mediators_of(config, run.arm):
            label = run.arm.label if len(config.mediators) == 1 else f"{run.arm.label} by {name}"
            found.append((Run(run.opinion, run.arm.replace(name=label), seed), name))
    return found


def mediators_of(config: MediatedSimulation, arm: ExposureConfig) -> list[str]:
    """Names of the mediators that an arm admits."""
    wanted = getattr(arm, "model", "")
    return [name for name, mediator in config.mediators.items() if wanted in ("", name, mediator.model)]


def _lists(work: Work) -> Mapping[str, NDArray[np.int32]]:
    """Recommendation lists of every mediator: whom each user does not follow yet, best first."""
    config: MediatedSimulation = work.options.simulation
    longest = max(getattr(arm, "k", 1) for arm in config.arms)
    parts = Split.read(work.inputs["graph"]) if config.mediators else None
    found: dict[str, NDArray[np.int32]] = {}
    for name, mediator in config.mediators.items():
        assert parts is not None
        checkpoints = Checkpoints(work.inputs[f"mediator {name}"])
        scores = RECOMMENDER.build(mediator).scores(checkpoints.load(checkpoints.best_epoch), parts.train)
        everyone = np.arange(parts.train.n_users)
        followed = [parts.train, parts.valid, parts.test]
        found[name] = top_k(scores, followed, everyone, longest).astype(np.int32)
    return found


# -- steps -----------------------------------------------------------------------------------------------------------


def simulation_steps(config: StudyConfig, data: Step) -> list[Step]:
    """Return the steps of every simulation of a study."""
    return [_simulation(config, name, seed, data) for name, s in config.simulations.items() for seed in s.seed_list]


def _simulation(config: StudyConfig, name: str, seed: int, data: Step) -> Step:
    simulation, base = config.simulations[name], config.society
    assert base is not None, "the configuration holds a society where it holds simulations"
    society_config = base.replace(opinion_seed=seed, graph_seed=seed)
    size = Size(base.users, base.users, base.n_follows)
    inputs = {"data": data} if base.positions_from else {}
    made = Step("society", f"society {seed}", society_step, society_config, inputs, cost=size.graph())
    options = GraphOptions(relation=FOLLOWS, split=SplitConfig())
    graph = Step("graph", f"split society {seed}", graph_step, options, {"data": made}, cost=size.graph())
    fits = {
        f"mediator {mediator}": _mediator(config, simulation, mediator, seed, graph)
        for mediator in simulation.mediators
    }
    n_runs = len(arms_of(simulation, seed))
    seconds = 1.0 + n_runs * simulation.steps * (size.edges + size.users) * 1e-7
    return Step(
        "simulate",
        f"simulate {name} {seed}",
        simulate_step,
        SimulateOptions(simulation=simulation, seed=seed),
        {"society": made, "graph": graph, **fits},
        threads=config.threads,
        cost=Cost(seconds, 6e8 + 60.0 * size.edges, 1e6),
    )


def _mediator(config: StudyConfig, simulation: MediatedSimulation, name: str, seed: int, graph: Step) -> Step:
    base = config.society
    assert base is not None
    recommender, train = simulation.mediators[name], simulation.mediator_train
    options = FitOptions(recommender=recommender, train=train, seed=seed, k=config.k, test_users=config.test_users)
    cost = Size(base.users, base.users, base.n_follows).fit(options)
    title = f"fit mediator {name}-s{seed}"
    return Step("mediator", title, fit_step, options, {"graph": graph}, threads=config.threads, cost=cost)
