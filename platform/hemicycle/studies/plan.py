"""From a study's configuration to its steps."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, cast

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, raise_problems
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.pseudonyms import key_id, load_key
from hemicycle.data.schema import Dataset, with_role
from hemicycle.population.population import read_records
from hemicycle.studies import costs
from hemicycle.studies.agendas import agenda_steps
from hemicycle.studies.assessing import AssessOptions, assess_steps, impression_steps
from hemicycle.studies.checks import check
from hemicycle.studies.config import MemberConfig, StudyConfig, seeds_of
from hemicycle.studies.deriving import Models, derived_steps
from hemicycle.studies.entities import holds_numbers
from hemicycle.studies.generations import Follow
from hemicycle.studies.interpretation.questions import InterpretationConfig, population_steps, record_steps
from hemicycle.studies.interpretation.rewiring import REWIRED, rewire_graph_step
from hemicycle.studies.mediation import Trained, simulation_steps
from hemicycle.studies.models import (
    DataOptions,
    FitOptions,
    ForeignOptions,
    GraphOptions,
    RankOptions,
    RewiredOptions,
    data_step,
    fit_step,
    foreign_step,
    graph_step,
    rank_step,
    relation_of,
)
from hemicycle.studies.probing import MapOptions, ProbeOptions, labels_of, map_step, probe_step, sites
from hemicycle.studies.rehearsal import rehearsal
from hemicycle.studies.searching import search_steps
from hemicycle.studies.stacking import KIND as STACK
from hemicycle.studies.stacking import StackOptions, names_in, place_of, stack_title, stacked_step, stacks
from hemicycle.studies.steps import Cost, Step


def data_step_of(config: StudyConfig) -> Step:
    """The step that ingests a study's data; its identity holds the contents of the files.

    It holds the key of the pseudonyms, too, unless people are public or the source says that it is not ``keyed``.

    Raises:
        InputError: a file is missing.
    """
    source = SOURCE.build(config.data)
    contents = hash_files(source.files())
    keyed = getattr(source, "keyed", True) and not getattr(config.data, "public", False)
    key = key_id(load_key()) if keyed else ""
    options = DataOptions(source=config.data, contents=contents, key=key)
    return Step("data", f"read {config.data.source}", data_step, options)


def foreign_steps_of(config: StudyConfig, data: Step) -> dict[str, Step]:
    """Member name -> the step that takes a foreign model in."""
    steps = {}
    for name, member in config.population.items():
        foreign = member.foreign
        if foreign is None:
            continue
        if not foreign.path.is_file():
            raise InputError(f"there is no file {foreign.path}", f"population.{name}", "correct the path")
        options = ForeignOptions(member=foreign, contents=hash_file(foreign.path))
        steps[name] = Step("foreign", f"take in {name}", foreign_step, options, {"data": data})
    return steps


def build_plan(config: StudyConfig, dataset: Dataset) -> list[Step]:
    """Return the steps that a study wants; those that follow from results are added as the results appear.

    Args:
        config: the study.
        dataset: its data, to check names and to estimate costs.

    Raises:
        InputError: a relation, label or group that the data does not have, a missing file of vectors, or a recommender
                that needs what the study does not give.
    """
    check(config, dataset)
    raise_problems(rehearsal(config, dataset))
    data = data_step_of(config)
    used = dataset.relations or config.population or config.searches
    size = costs.Size.of(dataset, relation_of(dataset, config.relation)) if used else costs.Size(0, 0, 0)
    graph = _graph_step_of(config, data, size)
    after = FollowUps.of(config, dataset)

    def follow(step: Step, name: str) -> Step:
        return replace(step, then=partial(follow_up, step, name))

    follow_up: Follow = partial(_following, base=(data, graph), after=after, size=size)
    models: Models = {name: {-1: follow(step, name)} for name, step in foreign_steps_of(config, data).items()}
    together: dict[str, Step] = {}
    every: dict[str, Step] = {}
    for name, member in config.population.items():
        if member.recommender is not None:
            fits = _fits(config, member, name, graph, size)
            named_fits = {f"{name}-s{seed}": step for seed, step in fits.items()}
            every |= named_fits
            together |= named_fits if member.together else {}
            models[name] = {} if member.together else {seed: follow(s, f"{name}-s{seed}") for seed, s in fits.items()}
    steps = [graph] if config.population or config.searches else []
    steps += [step for of in models.values() for step in of.values()]
    steps += _stacked(together, follow_up)
    derived = derived_steps(config, models, (data, graph), size, follow)
    asked = population_steps(config.interpretation, [*steps[1:], *derived], (data, graph))
    asked += _rewired(config, every, (data, graph), partial(_following, after=after, size=size))
    steps += search_steps(config, dataset, {"data": data, "graph": graph}, size, follow_up)
    trained = Trained(models, graph, size)
    asked += agenda_steps(config, dataset, data, trained, hash_files)
    return [*steps, *derived, *asked, *simulation_steps(config, data, trained)]


def _stacked(fits: Mapping[str, Step], follow: Follow) -> list[Step]:
    """The fits of members that are trained together, as stacks; what fits into no stack stays by itself."""
    names, steps = list(fits), []
    for group in stacks([cast("FitOptions", fits[name].options) for name in names]):
        mine = [fits[names[n]] for n in group]
        if len(mine) == 1:
            steps.append(replace(mine[0], then=partial(follow, mine[0], names[group[0]])))
            continue
        title, options = stack_title([names[n] for n in group]), StackOptions(members=[step.options for step in mine])
        seconds, disk = sum(step.cost.seconds for step in mine), sum(step.cost.disk for step in mine)
        cost = Cost(seconds, costs.BASE_MEMORY + sum(s.cost.memory - costs.BASE_MEMORY for s in mine), disk)
        inputs, threads = dict(mine[0].inputs), mine[0].threads
        step = Step(STACK, title, stacked_step, options, inputs, threads=threads, cost=cost)
        steps.append(replace(step, then=partial(follow, step, title)))
    return steps


def _rewired(
    config: StudyConfig, fits: Mapping[str, Step], base: tuple[Step, Step], following: Callable[..., list[Step]]
) -> list[Step]:
    """The same fits on a graph of the same degrees, as a control: their vectors are probed and nothing else."""
    asked, (data, graph) = config.interpretation, base
    if asked.rewired is None:
        return []
    null, steps = rewire_graph_step(graph, asked.rewired), []
    for name, fit in fits.items():
        if asked.asks("rewired", name) and config.probes:
            given = {field: getattr(fit.options, field) for field in FitOptions.model_fields}
            title, options = f"{name}-{REWIRED}", RewiredOptions(**given, original=fit.fingerprint)
            step = replace(fit, kind=REWIRED, title=f"fit {title}", options=options, inputs={"graph": null})
            steps.append(replace(step, then=partial(following, step, title, base=(data, null))))
    return steps


def _graph_step_of(config: StudyConfig, data: Step, size: costs.Size) -> Step:
    """The step that builds and splits the graph; its identity holds the contents of the files of vectors."""
    options = GraphOptions(
        relation=config.relation,
        also=config.also,
        features=config.features,
        contents=hash_files(config.features.files()),
        split=config.split,
    )
    return Step("graph", "build and split the graph", graph_step, options, {"data": data}, cost=size.graph())


def _fits(config: StudyConfig, member: MemberConfig, name: str, graph: Step, size: costs.Size) -> dict[int, Step]:
    """One fit a seed."""
    train = member.train or config.train
    found = {}
    for seed in seeds_of(config.seeds if member.seeds is None else member.seeds):
        options = FitOptions(
            recommender=member.recommender, train=train, seed=seed, k=config.k, test_users=config.test_users
        )
        found[seed] = Step(
            "fit",
            f"fit {name}-s{seed}",
            fit_step,
            options,
            {"graph": graph},
            threads=config.threads,
            workers=member.workers,
            cost=size.fit(options, member.workers),
        )
    return found


class FollowUps(Options):
    """What is done with every record."""

    probes: tuple[Any, ...]
    users: Literal["all", "report"] = "all"
    label: str = ""
    group: str = ""
    threads: int = 1
    lists: AssessOptions
    impressions: bool = False
    asked: InterpretationConfig = InterpretationConfig()

    @classmethod
    def of(cls, config: StudyConfig, dataset: Dataset) -> "FollowUps":
        """Return what a study wants."""
        of_users = [probe for probe in config.probes if probe.entity == "user"]
        read = [label for probe in of_users for label in labels_of(probe, dataset.users)]
        numeric = [label for label in read if holds_numbers(dataset.users, label)]
        group = next(iter(with_role(dataset.users, "group")), "")
        label = numeric[0] if numeric else ""
        lists = AssessOptions(record={}, k=config.k, test_users=config.test_users, item_positions=config.item_positions)
        shown = dataset.impressions is not None
        return cls(
            probes=config.probes,
            users=config.probed_users,
            label=label,
            group=group,
            threads=config.threads,
            lists=lists,
            impressions=shown,
            asked=config.interpretation,
        )


def _following(  # noqa: PLR0913 - the last three are bound by partial
    model: Step, name: str, folder: Folder, *, base: tuple[Step, Step], after: FollowUps, size: costs.Size
) -> list[Step]:
    """Rank, assess, probe and map every record that a model's step yielded, as far as each is wanted.

    ``name`` is the record's, or of a stack the step's title, which holds the names of all.
    """
    inputs = {"data": base[0], "graph": base[1], "model": model}
    steps: list[Step] = []
    for record in read_records(folder):
        title = named(record, names_in(name)[place_of(record)] if model.kind == STACK else name).name
        if record.status == "foreign" and not record.layers:
            ranked = RankOptions(record=record.to_json(), k=after.lists.k, test_users=after.lists.test_users)
            steps.append(Step("rank", f"rank {title}", rank_step, ranked, inputs))
        if record.status not in ("untrained", REWIRED):
            steps += assess_steps(record, title, inputs, after.lists)
            steps += impression_steps(record, title, inputs) if after.impressions else []
        steps += _reading(record, title, inputs, after, size)
        if record.status != REWIRED:
            steps += record_steps(record, title, inputs, after.asked, title.removesuffix("-untrained"))
    return [replace(step, threads=after.threads) for step in steps]


def _reading(
    record: ModelRecord, title: str, inputs: dict[str, Step], after: FollowUps, size: costs.Size
) -> list[Step]:
    """Probe and map one record."""
    steps = []
    if after.probes:
        about = {"record": record.to_json(), "probes": after.probes, "users": after.users}
        options = ProbeOptions(**about, every_layer=after.asked.every_layer)
        cost = size.probe(len(sites(record)), len(after.probes))
        steps.append(Step("probe", f"probe {title}", probe_step, options, inputs, cost=cost, version=2))
    if after.label and record.layers and record.status != REWIRED:
        shown = MapOptions(record=record.to_json(), label=after.label, group=after.group)
        steps.append(Step("map", f"map {title}", map_step, shown, inputs))
    return steps


def named(record: ModelRecord, name: str) -> ModelRecord:
    """Give a record the name under which a study knows it."""
    suffix = "-untrained" if record.status == "untrained" else ""
    return ModelRecord.from_json(record.to_json() | {"name": name + suffix})


def hash_files(paths: Iterable[Path]) -> dict[str, str]:
    """Number and name of every file -> hash of its contents."""
    return {f"{number} {path.name}": hash_file(path) for number, path in enumerate(paths)}


def hash_file(path: Path) -> str:
    """SHA-256 of a file's contents; remembered while the file does not change."""
    about = path.stat()
    return _hash(str(path), about.st_size, about.st_mtime_ns)


@cache
def _hash(path: str, size: int, changed: int) -> str:
    del size, changed
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
