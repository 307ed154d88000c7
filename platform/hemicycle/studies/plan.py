"""From a study's configuration to its steps."""

import hashlib
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.pseudonyms import key_id, load_key
from hemicycle.data.schema import Dataset, with_role
from hemicycle.population.population import read_records
from hemicycle.studies import costs
from hemicycle.studies.checks import check
from hemicycle.studies.config import MemberConfig, StudyConfig, seeds_of
from hemicycle.studies.mediation import simulation_steps
from hemicycle.studies.models import (
    DataOptions,
    FitOptions,
    ForeignOptions,
    GraphOptions,
    RankOptions,
    data_step,
    fit_step,
    foreign_step,
    graph_step,
    rank_step,
    relation_of,
)
from hemicycle.studies.probing import MapOptions, ProbeOptions, kind_of, labels_of, map_step, probe_step, sites
from hemicycle.studies.steps import Step


def data_step_of(config: StudyConfig) -> Step:
    """The step that ingests a study's data; its identity holds the contents of the files.

    Raises:
        InputError: a file is missing.
    """
    source = SOURCE.build(config.data)
    contents = {f"{number} {path.name}": hash_file(path) for number, path in enumerate(source.files())}
    key = "" if getattr(config.data, "public", False) else key_id(load_key())
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
        InputError: a relation, label or group that the data does not have.
    """
    check(config, dataset)
    data = data_step_of(config)
    relation = relation_of(dataset, config.relation)
    size = costs.Size.of(dataset, relation)
    graph_options = GraphOptions(
        relation=config.relation, also=config.also, features=config.features, split=config.split
    )
    graph = Step("graph", "build and split the graph", graph_step, graph_options, {"data": data}, cost=size.graph())
    labels = _Labels.of(config, dataset)
    steps: list[Step] = [graph] if config.population else []
    for name, foreign in foreign_steps_of(config, data).items():
        steps.append(_with_probes(foreign, name, (data, graph), labels, size))
    for name, member in config.population.items():
        if member.recommender is not None:
            fits = _fits(config, member, name, graph, size)
            steps += [_with_probes(fit, title, (data, graph), labels, size) for title, fit in fits.items()]
    return steps + simulation_steps(config, data)


def _fits(config: StudyConfig, member: MemberConfig, name: str, graph: Step, size: costs.Size) -> dict[str, Step]:
    """One fit a seed, by the name of its record."""
    train = member.train or config.train
    found = {}
    for seed in seeds_of(config.seeds if member.seeds is None else member.seeds):
        options = FitOptions(
            recommender=member.recommender, train=train, seed=seed, k=config.k, test_users=config.test_users
        )
        found[f"{name}-s{seed}"] = Step(
            "fit",
            f"fit {name}-s{seed}",
            fit_step,
            options,
            {"graph": graph},
            threads=config.threads,
            workers=member.workers,
            cost=size.fit(options),
        )
    return found


class _Labels(Options):
    """What is done with every record."""

    probes: tuple[Any, ...]
    label: str = ""
    group: str = ""
    threads: int = 1
    k: int = 20
    test_users: int = 20_000

    @classmethod
    def of(cls, config: StudyConfig, dataset: Dataset) -> "_Labels":
        read = [label for probe in config.probes for label in labels_of(probe, dataset.users)]
        numeric = [label for label in read if kind_of(dataset.users, label) == "number"]
        group = next(iter(with_role(dataset.users, "group")), "")
        label = numeric[0] if numeric else ""
        evaluated = {"k": config.k, "test_users": config.test_users}
        return cls(probes=config.probes, label=label, group=group, threads=config.threads, **evaluated)


def _with_probes(model: Step, name: str, base: tuple[Step, Step], labels: _Labels, size: costs.Size) -> Step:
    """Let every record that a model's step yields be probed and mapped."""
    follow = partial(_probes_of, model, name, base, labels, size)
    return replace(model, then=follow)


def _probes_of(  # noqa: PLR0913, PLR0917 - bound by partial; the last is what the engine gives
    model: Step, name: str, base: tuple[Step, Step], labels: _Labels, size: costs.Size, folder: Folder
) -> list[Step]:
    inputs = {"data": base[0], "graph": base[1], "model": model}
    steps = []
    for record in read_records(folder):
        title = named(record, name).name
        row = record.to_json()
        if record.status == "foreign" and not record.layers:
            ranked = RankOptions(record=row, k=labels.k, test_users=labels.test_users)
            steps.append(Step("rank", f"rank {title}", rank_step, ranked, inputs, threads=labels.threads))
        if labels.probes:
            options = ProbeOptions(record=row, probes=labels.probes)
            cost = size.probe(len(sites(record)), len(labels.probes))
            made = Step("probe", f"probe {title}", probe_step, options, inputs, threads=labels.threads, cost=cost)
            steps.append(made)
        if labels.label and record.layers:
            shown = MapOptions(record=row, label=labels.label, group=labels.group)
            steps.append(Step("map", f"map {title}", map_step, shown, inputs, threads=labels.threads))
    return steps


def named(record: ModelRecord, name: str) -> ModelRecord:
    """Give a record the name under which a study knows it."""
    suffix = "-untrained" if record.status == "untrained" else ""
    return ModelRecord.from_json(record.to_json() | {"name": name + suffix})


def hash_file(path: Path) -> str:
    """SHA-256 of a file's contents; remembered while the file does not change."""
    about = path.stat()
    return _hash(str(path), about.st_size, about.st_mtime_ns)


@cache
def _hash(path: str, size: int, changed: int) -> str:
    del size, changed
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
