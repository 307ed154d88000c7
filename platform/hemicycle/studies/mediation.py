"""Steps of a simulation: a society, recommenders trained on its follows, and opinions under every arm.

A step runs all opinion models under all arms, for one seed and one cell of the design; arms of a seed are paired. What
a seed changes (the graph, the opinions, the simulation, or several) the simulation's ``vary`` says. Cells that come to
the same configuration are one step.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import cast

import pandas as pd
import pyarrow as pa
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.exposure.base import ExposureConfig
from hemicycle.exposure.mediator import Mediator
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.simulations.config import Run, runs
from hemicycle.simulations.design import Cell
from hemicycle.simulations.loop import setting_of, simulate_run
from hemicycle.simulations.society import Society
from hemicycle.simulations.state import State, read_state
from hemicycle.studies.config import MediatedSimulation, SocietyConfig, StudyConfig
from hemicycle.studies.costs import Size
from hemicycle.studies.models import FitOptions, GraphOptions, fit_step, graph_step
from hemicycle.studies.own_users import INTERACTIONS
from hemicycle.studies.scratch import Scratch
from hemicycle.studies.simulated import MemberMediator, society_of_cell
from hemicycle.studies.societies import FOLLOWS, needs_data, placed, society_of, society_step, starting
from hemicycle.studies.steps import Step, Work
from hemicycle.training.checkpoints import Checkpoints

__all__ = ["SimulateOptions", "arms_of", "simulate_step", "simulation_steps", "society_step"]

TABLES = (
    "simulation_results",
    "simulation_densities",
    "simulation_knowledge",
    "simulation_changes",
    "simulation_edges",
    "simulation_snapshots",
)
"""Tables of a step, the first always, the others where there are rows. The last two are about single users: they stay
in the step's folder."""


class SimulateOptions(Options):
    """All runs of a simulation from one seed, in one cell of its design."""

    simulation: MediatedSimulation
    """The simulation of this cell, without its design and with this seed alone."""
    seed: int
    """Which seed."""
    society: SocietyConfig | None = None
    """The society of this cell and seed; its own seeds are those of the graph and the opinions."""
    drawn: int | None = None
    """Seed of what is drawn on the way; null: ``seed``."""
    trained: dict[str, FitOptions] = Field(default_factory=dict)
    """Mediator -> the fit that trained it."""
    cells: tuple[Cell, ...] = Field(default=(), exclude=True)
    """Cells of the design that come to this; no part of the identity, so that a design may grow."""
    whole: MediatedSimulation | None = Field(default=None, exclude=True)
    """The simulation with its design, to read the cells; no part of the identity."""


def simulate_step(work: Work) -> None:
    """Run every opinion model under every arm; called again after an interruption it goes on."""
    options: SimulateOptions = work.options
    society = _society(work)
    mediator = lru_cache(maxsize=None)(partial(_mediator_of, work))
    scratch, found = Scratch(work.out / "unfinished"), []
    for number, (run, name) in enumerate(arms_of(options.simulation, options.seed)):
        tables = scratch.read(number)
        if tables is None:
            tables = _run(options, run, society, mediator(name) if name else None, (scratch, number))
            scratch.write(number, tables)
        found.append(tables)
    for name in TABLES:
        frames = [tables[name] for tables in found if name in tables]
        if frames:
            table = pd.concat(frames, ignore_index=True)
            work.out.write_table(name, pa.Table.from_pandas(table, preserve_index=False))
    scratch.delete()


def _society(work: Work) -> Society:
    options: SimulateOptions = work.options
    config = options.society or SocietyConfig()
    society = society_of(Dataset.read(work.inputs["society"]), config)
    return starting(society, options.simulation, config.seed_of("opinion"))


def _run(
    options: SimulateOptions, run: Run, society: Society, mediator: Mediator | None, kept: tuple[Scratch, int]
) -> dict[str, pd.DataFrame]:
    """One run, from where an interrupted one stood; its tables name the seed, whatever that changes."""
    scratch, number = kept
    drawn = Run(run.opinion, run.arm, options.seed if options.drawn is None else options.drawn)
    folder = scratch.state(number)
    start = None
    if folder is not None:
        start = read_state(folder, setting_of(options.simulation, drawn, society, mediator))

    def keep(state: State) -> None:
        if scratch.due():
            scratch.keep(number, state.write)

    tables = simulate_run(options.simulation, drawn, society, mediator, start=start, keep=keep)
    return {name: table.assign(seed=options.seed) for name, table in tables.items()}


def arms_of(config: MediatedSimulation, seed: int) -> list[tuple[Run, str]]:
    """Runs of one seed, each with the name of its mediator; a recommended arm has a run for each that it admits."""
    found = []
    for run in runs(config.model_copy(update={"seeds": (seed,)})):
        if run.arm.exposure != "recommended":
            found.append((run, ""))
            continue
        for name in mediators_of(config, run.arm):
            label = run.arm.label if len(config.mediators) == 1 else f"{run.arm.label} by {name}"
            found.append((Run(run.opinion, run.arm.replace(name=label), seed), name))
    return found


def mediators_of(config: MediatedSimulation, arm: ExposureConfig) -> list[str]:
    """Names of the mediators that an arm admits."""
    return config.admitted(getattr(arm, "model", ""))


def _mediator_of(work: Work, name: str) -> Mediator:
    """The mediator of a name, as it was trained."""
    options: SimulateOptions = work.options
    own = f"graph {name}"
    graph = work.inputs[own if own in work.inputs else "graph"]
    return trained_mediator(options.trained[name], work.inputs[f"mediator {name}"], graph)


def trained_mediator(trained: FitOptions, model: Folder, graph: Folder) -> Mediator:
    """Return a mediator as it was trained.

    Args:
        trained: how.
        model: folder of the fit.
        graph: folder of the split graph.
    """
    checkpoints = Checkpoints(model)
    parameters = checkpoints.load(checkpoints.best_epoch)
    known = Split.read(graph).train
    return Mediator(RECOMMENDER.build(trained.recommender), parameters, known, trained.train, trained.seed)


# -- steps -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """The study's own population, whose members may mediate.

    Args:
        models: member -> seed -> the step that fits it.
        graph: the step that splits the graph on which they are fitted.
        size: of that graph, and of a society of the data's users.
    """

    models: Mapping[str, Mapping[int, Step]]
    graph: Step
    size: Size


def simulation_steps(config: StudyConfig, data: Step, trained: Trained | None = None) -> list[Step]:
    """Return the steps of every simulation of a study.

    Args:
        config: the study.
        data: the step that reads its data.
        trained: its population; None where no member mediates.

    Raises:
        InputError: values of a design that do not go together, or a survey without what is asked for.
    """
    return [step for s in config.simulations.values() for step in _Plan(config, s, data, trained).steps()]


@dataclass(frozen=True)
class _Plan:
    """One simulation, and what its steps build on."""

    config: StudyConfig
    simulation: MediatedSimulation
    data: Step
    trained: Trained | None

    def steps(self) -> list[Step]:
        """One step a seed and cell; cells of one configuration share theirs."""
        grouped: dict[str, tuple[MediatedSimulation, SocietyConfig, list[Cell]]] = {}
        for cell, simulation, society in cells_of(self.simulation, self._base):
            key = simulation.fingerprint() + society.fingerprint()
            grouped.setdefault(key, (simulation, society, []))[2].append(cell)
        seeds = self.simulation.seed_list
        return [self._step(*made, seed) for made in grouped.values() for seed in seeds]

    @property
    def _base(self) -> SocietyConfig:
        assert self.config.society is not None, "the configuration holds a society where it holds simulations"
        return self.config.society

    def _step(self, simulation: MediatedSimulation, society: SocietyConfig, cells: list[Cell], seed: int) -> Step:
        """Everything for one seed in one cell."""
        society = seeded(society, simulation, seed)
        size = self._size(society)
        made = self._society(society, size)
        mediators = {name: self._mediator(simulation, name, society, made) for name in simulation.mediators}
        inputs = {"society": made}
        for name, (fit, graph) in mediators.items():
            inputs |= {f"mediator {name}": fit, _graph_name(graph, name): graph}
        options = SimulateOptions(
            simulation=simulation.model_copy(update={"seeds": (seed,)}),
            seed=seed,
            society=society,
            drawn=seed if "simulation" in simulation.vary else 0,
            trained={name: _fit_options(fit) for name, (fit, _) in mediators.items()},
            cells=tuple(cells),
            whole=self.simulation,
        )
        place = f" cell {cells[0].number}" if cells[0].number else ""
        return Step(
            "simulate",
            f"simulate {self.simulation.name}{place} {seed}",
            simulate_step,
            options,
            inputs,
            threads=self.config.threads,
            cost=size.simulate(simulation, len(arms_of(simulation, seed)), society.dimensions),
        )

    def _size(self, society: SocietyConfig) -> Size:
        if society.from_data and self.trained is not None:
            return self.trained.size
        return Size(society.users, society.users, society.n_follows * (1 if society.follows.directed else 2))

    def _society(self, society: SocietyConfig, size: Size) -> Step:
        if society.from_data:  # the same for all seeds
            society = society.model_copy(update={"opinion_seed": None, "graph_seed": None})
        inputs = {"data": self.data} if needs_data(society) else {}
        title = "society of the data" if society.from_data else f"society {society.seed_of('graph')}"
        return Step("society", title, society_step, society, inputs, cost=size.graph())

    def _mediator(
        self, simulation: MediatedSimulation, name: str, society: SocietyConfig, made: Step
    ) -> tuple[Step, Step]:
        """The step that fits a mediator, and the one that splits its graph."""
        mediator, seed = simulation.mediators[name], society.seed_of("graph")
        if isinstance(mediator, MemberMediator):
            assert self.trained is not None, "the plan hands the population to simulations"
            seeds = list(self.trained.models[mediator.member].values())
            return seeds[seed % len(seeds)], self.trained.graph
        relation = INTERACTIONS if simulation.listed_by(name) == {"items"} else FOLLOWS
        split = GraphOptions(relation=relation, split=simulation.mediator_split)
        size = self._size(society)
        title = f"split {'' if relation == FOLLOWS else 'items of '}society {seed}"
        graph = Step("graph", title, graph_step, split, {"data": made}, cost=size.graph())
        options = FitOptions(
            recommender=mediator,
            train=simulation.mediator_train,
            seed=seed,
            k=self.config.k,
            test_users=self.config.test_users,
        )
        threads, title = self.config.threads, f"fit mediator {name}-s{seed}"
        fit = Step("mediator", title, fit_step, options, {"graph": graph}, threads=threads, cost=size.fit(options))
        return fit, graph


def cells_of(
    simulation: MediatedSimulation, society: SocietyConfig
) -> Iterator[tuple[Cell, MediatedSimulation, SocietyConfig]]:
    """Yield every cell of a simulation's design with the simulation and the society that it means.

    Raises:
        InputError: values that do not go together, or a survey without what is asked for.
    """
    plain = society.model_dump(mode="json")
    same = placed(society) if not simulation.factors else None
    for cell in simulation.cells(plain):
        at = simulation.at(cell)
        yield cell, at, same or placed(society_of_cell(society, cell))


def seeded(society: SocietyConfig, simulation: MediatedSimulation, seed: int) -> SocietyConfig:
    """Return a society with the seeds that a seed of the simulation means."""
    graph = seed if "graph" in simulation.vary else society.seed_of("graph")
    opinion = seed if "opinion" in simulation.vary else society.seed_of("opinion")
    return society.model_copy(update={"graph_seed": graph, "opinion_seed": opinion})


def _graph_name(graph: Step, mediator: str) -> str:
    """Name under which a simulation reads a mediator's graph: that of the society's follows serves several."""
    shared = isinstance(graph.options, GraphOptions) and graph.options.relation == FOLLOWS
    return "graph" if shared and graph.inputs["data"].kind == "society" else f"graph {mediator}"


def _fit_options(step: Step) -> FitOptions:
    return cast("FitOptions", step.options)
