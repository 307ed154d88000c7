"""Compare a study with its data before anything runs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.schema import Dataset, Relation, with_role
from hemicycle.graphs.splits import SplitConfig
from hemicycle.recommenders.base import EmbeddingConfig
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.search.config import SearchConfig
from hemicycle.search.space import Space
from hemicycle.studies.config import MemberConfig, StudyConfig
from hemicycle.studies.entities import labels_of
from hemicycle.studies.label_checks import interpretation_problems, probe_problems
from hemicycle.studies.models import relation_of
from hemicycle.studies.quantities import quantity_problems
from hemicycle.studies.sides import category_counts, direction_label, side_column
from hemicycle.studies.simulation_checks import simulation_problems
from hemicycle.training.group import Group
from hemicycle.transforms.base import Reranker, TransformConfig
from hemicycle.transforms.catalogue import TRANSFORM
from hemicycle.transforms.direction import DirectionConfig
from hemicycle.transforms.erase import EraseConfig
from hemicycle.transforms.exposure import ExposureConfig

FEWEST_EDGES = 2
"""Edges that a user needs, so that one can be held out."""


def check(config: StudyConfig, dataset: Dataset) -> None:
    """Compare a study with its data; raises one InputError with every problem."""
    problems = [p for i, probe in enumerate(config.probes) for p in probe_problems(probe, f"probes.{i}", dataset)]
    problems += interpretation_problems(config, dataset)
    problems += simulation_problems(config, dataset)
    if config.population or config.searches:
        problems += _relation_problems(config, dataset)
        for name, member in config.population.items():
            problems += _transform_problems(config, name, member, dataset)
            problems += _worker_problems(name, member)
    problems += _outcome_problems(config, dataset)
    for name, search in config.searches.items():
        problems += _search_problems(config, name, search, dataset)
    raise_problems(problems)


def _search_problems(config: StudyConfig, name: str, search: SearchConfig, dataset: Dataset) -> list[Problem]:
    """What keeps a search from being carried out on these data."""
    problems = list(quantity_problems(name, search, dataset))
    if config.split.kind != "given" and not config.split.valid:
        what = "a search sees validation edges only, and none are carved from the training part"
        problems.append(Problem(what, "split.valid", "give a share, e.g. 0.1"))
    if search.halving:
        for key, branch in search.branches.items():
            epochs = config.train.replace(**branch.train).epochs if _trainable(config, branch.train) else None
            if epochs is not None and search.halving.first >= epochs:
                what = f"the first rung is at epoch {search.halving.first}, and the branch {key!r} ends at {epochs}"
                remedy = "nothing would be stopped: lower first, or train for longer"
                problems.append(Problem(what, f"searches.{name}.halving.first", remedy))
    try:
        Space.of(search, config.train.model_dump(mode="json"))
    except InputError as error:
        problems += [replace(p, where=f"searches.{name}.{p.where}") for p in error.problems]
    return problems


def _trainable(config: StudyConfig, changes: dict[str, Any]) -> bool:
    """Whether a branch's settings of training are valid; what is wrong with them is told with its space."""
    try:
        config.train.replace(**changes)
    except ValueError:
        return False
    return True


def _outcome_problems(config: StudyConfig, dataset: Dataset) -> list[Problem]:
    """Outcomes of designs that nothing in the study measures."""
    of_users = [probe for probe in config.probes if probe.entity == "user"]
    read = {(probe.probe, label) for probe in of_users for label in labels_of(probe, dataset.users)}
    known = {f"ndcg@{config.k}", *(f"{by}:{label}" for probe, label in read for by in ("probe", probe))}
    return [
        Problem(f"nothing measures {outcome!r}", f"designs.{name}.outcomes", f"one of: {', '.join(sorted(known))}")
        for name, design in config.designs.items()
        for outcome in design.outcomes
        if outcome not in known
    ]


def _relation_problems(config: StudyConfig, dataset: Dataset) -> list[Problem]:
    try:
        relation = relation_of(dataset, config.relation)
    except InputError as error:
        return list(error.problems)
    names = [*config.also, *([config.split.test_relation] if config.split.test_relation else [])]
    if unknown := [name for name in names if name not in dataset.relations]:
        there = f"there are: {', '.join(dataset.relations)}"
        return [Problem(f"no relation {unknown[0]!r} in the data", "also or split.test_relation", there)]
    timed = config.split.kind in ("temporal", "snapshot")
    if timed and "time" not in relation.table.column_names:
        remedy = "name the time column under 'data', or choose split.kind: random"
        return [Problem(f"a {config.split.kind} split needs times, and the data has none", "split.kind", remedy)]
    return _split_problems(config.split, relation, dataset)


def _split_problems(split: SplitConfig, relation: Relation, dataset: Dataset) -> list[Problem]:
    """A split of which it is clear from the table of edges that it leaves no edge in test."""
    table = relation.table
    if split.kind == "given":
        empty, remedy = not dataset.relations[split.test_relation].table.num_rows, "name another test_relation"
    elif split.kind == "snapshot":
        last = pc.max(table["time"]).as_py()
        empty = split.cut_times is not None and (last is None or last < split.cut_times[1])
        remedy = f"the latest edge is of time {last}: move cut_times before it"
    else:
        ends = [table["user"], table["item"]] if relation.social and not relation.directed else [table["user"]]
        most = np.bincount(np.concatenate([column.to_numpy() for column in ends])).max(initial=0)
        empty = most < FEWEST_EDGES and (split.test > 0 or split.kind == "leave_one_out")
        remedy = "no user has more than one edge, which stays in training: choose another relation"
    if not empty or split.kind == "new_users":
        return []
    return [Problem(f"the {split.kind} split leaves no edge in test", "split", remedy)]


def _worker_problems(name: str, member: MemberConfig) -> list[Problem]:
    """What keeps a table's columns from being dealt out to the workers."""
    if not isinstance(member.recommender, EmbeddingConfig):
        return []
    try:
        Group(world_size=member.workers).columns(member.recommender.dim)
    except InputError as error:
        return [replace(problem, where=f"population.{name}.workers") for problem in error.problems]
    return []


def _transform_problems(config: StudyConfig, name: str, member: MemberConfig, dataset: Dataset) -> list[Problem]:
    """What keeps a derived member from being made of these data."""
    where = f"population.{name}.transform"
    found: list[Problem] = []
    for transform, _ in member.variants()[-1:]:
        said = TRANSFORM.resolve(transform.transform).problems(transform, config.k)
        found += [Problem(what, where, "change it, or the study's k") for what in said]
        found += (
            _side_problems(transform, where, dataset)
            or _direction_problems(config, member, where, dataset)
            or _erase_problems(config, member, where, dataset)
            or _quota_problems(config, transform, where, dataset)
        )
    return found


def _side_problems(transform: TransformConfig, where: str, dataset: Dataset) -> list[Problem]:
    known = [*with_role(dataset.users, "group"), *with_role(dataset.users, "label")]
    if not transform.side or transform.side in known:
        return []
    return [Problem(f"the users have no group or label {transform.side!r}", f"{where}.side", _columns(known))]


def _direction_problems(config: StudyConfig, member: MemberConfig, where: str, dataset: Dataset) -> list[Problem]:
    """A direction needs a label that it is learnt from, and a parent with vectors."""
    transform = member.transform
    if not isinstance(transform, DirectionConfig):
        return []
    problems = []
    known = [*with_role(dataset.users, "group"), *with_role(dataset.users, "label")]
    label = direction_label(dataset, transform.label)
    if label not in known:
        what = f"the users have no label {label!r}" if label else "the users have no numeric label"
        problems.append(Problem(what, f"{where}.label", _columns(known)))
    parent = config.population[str(member.parent)]
    if not _scores_with_vectors(parent):
        remedy = "limit the direction first, and re-rank after it; or choose a parent with vectors"
        problems.append(Problem(f"{member.parent!r} scores without vectors", where, remedy))
    return problems


def _erase_problems(config: StudyConfig, member: MemberConfig, where: str, dataset: Dataset) -> list[Problem]:
    """An eraser needs labels that it is learnt from, and a parent with vectors."""
    transform = member.transform
    if not isinstance(transform, EraseConfig):
        return []
    problems = []
    known = [*with_role(dataset.users, "label"), *with_role(dataset.users, "group")]
    unknown = [label for label in transform.labels if label not in known]
    if unknown or not known:
        what = f"the users have no label {unknown[0]!r}" if unknown else "the users have no label to erase"
        problems.append(Problem(what, f"{where}.labels", _columns(known)))
    if not _scores_with_vectors(config.population[str(member.parent)]):
        remedy = "erase first, and re-rank after it; or choose a parent with vectors"
        problems.append(Problem(f"{member.parent!r} scores without vectors", where, remedy))
    return problems


def _scores_with_vectors(member: MemberConfig) -> bool:
    """Whether a member may have vectors that score."""
    if member.recommender is not None:
        return bool(RECOMMENDER.build(member.recommender).layers)
    return member.transform is not None and not issubclass(TRANSFORM.resolve(member.transform.transform), Reranker)


def _quota_problems(config: StudyConfig, transform: TransformConfig, where: str, dataset: Dataset) -> list[Problem]:
    """Quotas of categories that do not exist, or have too few items for any list."""
    if not isinstance(transform, ExposureConfig):
        return []
    if not transform.shares:
        there = side_column(dataset, transform.side)
        what = "no group and no numeric label tells on which side users are"
        return [] if there else [Problem(what, f"{where}.side", "give users a group, or items one and name shares")]
    counts = category_counts(dataset, transform.side)
    if unknown := [name for name in transform.shares if name not in counts]:
        what = f"there is no category {unknown[0]!r} of items"
        return [Problem(what, f"{where}.shares", _columns(list(counts)))]
    quotas = transform.quotas(config.k)
    few = [(name, counts[name]) for name, places in quotas.items() if 0 <= counts[name] < places]
    return [
        Problem(
            f"{name!r} has {count} items and a quota of {quotas[name]} in every list", f"{where}.shares", "lower it"
        )
        for name, count in few
    ]


def _columns(known: list[str]) -> str:
    return f"there are: {', '.join(known) or 'none'}"
