"""Compare the simulations of a study with its society and its data before anything runs.

Every distinct society of a design is looked at, the data's own users themselves, synthetic ones by a few of their kind:
what the opinion models, the zealots and the arms refuse there is told at once.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from hemicycle.core.errors import InputError, Problem
from hemicycle.data.schema import Dataset, with_role
from hemicycle.exposure.base import Scene
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.opinions.base import People
from hemicycle.opinions.catalogue import OPINION
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.simulations.society import Society, opinion_problems
from hemicycle.studies.config import MediatedSimulation, SocietyConfig, StudyConfig
from hemicycle.studies.entities import holds_numbers
from hemicycle.studies.label_checks import allowed_labels
from hemicycle.studies.mediation import cells_of
from hemicycle.studies.models import relation_of
from hemicycle.studies.simulated import MemberMediator
from hemicycle.studies.societies import needs_data, society_data, society_of, starting

SAMPLED = 300
"""Users of a kind at whom a synthetic society is looked."""
MOST_LOOKED_AT = 30
"""Cells of a large design that are looked at, from its first to its last."""
_LONELY = 0.01
"""Expected share of users who follow nobody from which a synthetic society is refused."""


def simulation_problems(config: StudyConfig, dataset: Dataset) -> list[Problem]:
    """What keeps the simulations of a study from running; each problem once."""
    if config.society is None:
        return []
    found = _label_problems(config.society, dataset)
    if not found:
        looks = _Looks(dataset)
        for name, simulation in config.simulations.items():
            found += [_at(p, f"simulations.{name}") for p in _of_one(config, simulation, looks)]
    return list(dict.fromkeys(found))


def _at(problem: Problem, place: str) -> Problem:
    """Say of which simulation a problem is, unless it is one of the society."""
    if problem.where.partition(".")[0] in {"society", "simulations"}:
        return problem
    return replace(problem, where=f"{place}.{problem.where}" if problem.where else place)


def _label_problems(society: SocietyConfig, dataset: Dataset) -> list[Problem]:
    labels, groups = with_role(dataset.users, "label"), with_role(dataset.users, "group")
    problems = [
        Problem(f"no numeric label {name!r}", "society.positions_from", allowed_labels(dataset))
        for name in society.positions_from
        if name not in labels or not holds_numbers(dataset.users, name)
    ]
    if society.groups_from and society.groups_from not in groups:
        remedy = f"groups: {', '.join(groups) or 'none'}"
        problems.append(Problem(f"no group {society.groups_from!r}", "society.groups_from", remedy))
    return problems


def _of_one(config: StudyConfig, simulation: MediatedSimulation, looks: "_Looks") -> Iterator[Problem]:
    """What is wrong with one simulation."""
    assert config.society is not None
    try:
        cells = [(one, society) for _, one, society in cells_of(simulation, config.society)]
    except InputError as error:
        yield from error.problems
        return
    for one, society in _some(cells):
        try:
            sample = looks.at(society)
        except InputError as error:
            yield from error.problems
            continue
        yield from _lonely(society)
        yield from _bounds(one, society, sample, looks.dataset)
        yield from _models(one, sample)
        yield from _arms(one, society, sample)
    yield from _mediators(config, simulation, looks)


def _some(cells: list[Any]) -> list[Any]:
    """All of a few, of many some from the first to the last."""
    if len(cells) <= MOST_LOOKED_AT:
        return cells
    return [cells[n * (len(cells) - 1) // (MOST_LOOKED_AT - 1)] for n in range(MOST_LOOKED_AT)]


@dataclass(frozen=True)
class _Looks:
    """Societies that were looked at, by their configuration."""

    dataset: Dataset
    known: dict[str, Society] = field(default_factory=dict)

    def at(self, config: SocietyConfig) -> Society:
        """The data's own users, or a few synthetic ones of the kind."""
        key = config.fingerprint()
        if key not in self.known:
            few = config if config.from_data else few_of(config)
            made = society_data(few, self.dataset if needs_data(config) else None)
            self.known[key] = society_of(made, few)
        return self.known[key]


def few_of(config: SocietyConfig) -> SocietyConfig:
    """Return a society of the same kind of users, with few of them and fewer follows."""
    users, number = min(config.users, SAMPLED), config.items.number
    changes: dict[str, Any] = {"users": users, "follows": {"kind": "random", "total": users}, "news": None}
    items = config.items.replace(number=min(number, SAMPLED) if config.sources != "none" else 0, texts=False)
    interactions = config.interactions.replace(per_user=min(1, items.number), total=None)
    return config.replace(**changes, items=items, interactions=interactions)


# -- the society -----------------------------------------------------------------------------------------------------


def _lonely(config: SocietyConfig) -> Iterator[Problem]:
    """Synthetic users who follow nobody; those of the data were counted when they were read."""
    if config.from_data or config.isolated == "keep":
        return
    share = max(0.0, 1 - config.n_follows / config.users) if config.follows.directed else 0.0
    if config.follows.kind == "random":
        share = math.exp(-config.n_follows * (1 if config.follows.directed else 2) / config.users)
    if share >= _LONELY:
        what = f"about {share * config.users:.0f} of {config.users} users would follow nobody and never hear of others"
        yield Problem(what, "society.follows", "raise per_user, or set society.isolated to keep")


def _bounds(
    simulation: MediatedSimulation, config: SocietyConfig, sample: Society, dataset: Dataset
) -> Iterator[Problem]:
    """Opinions outside the bounds, named by the label that leaves them."""
    if simulation.bounds is None:
        return
    low, high = simulation.bounds
    if not config.positions_from or config.scale is not None:
        found = opinion_problems(sample.opinions, simulation.bounds)
        yield from (replace(problem, where="bounds") for problem in found)
        return
    for label in config.positions_from:
        values = dataset.users[label].to_pandas().astype(float)
        if values.min() < low or values.max() > high:
            what = f"values of {label!r} lie outside the bounds [{low:g}, {high:g}]"
            remedy = "set bounds to the label's scale, e.g. bounds: [0, 10]"
            yield Problem(what, "bounds", remedy)


def _models(simulation: MediatedSimulation, sample: Society) -> Iterator[Problem]:
    """What zealots and opinion models refuse."""
    try:
        society = starting(sample, simulation, 0)
    except InputError as error:
        yield from error.problems
        return
    people = People(society.n_users, 0, simulation.bounds, society.groups, society.columns, society.fixed)
    for config in simulation.opinions:
        model = OPINION.build(config)
        found = model.start_problems(society.opinions, simulation.bounds)
        try:
            model.bound(people)
        except InputError as error:
            found = [*found, *error.problems]
        yield from (replace(p, where=f"opinions.{config.label}{f' ({p.where})' if p.where else ''}") for p in found)


# -- arms and mediators ----------------------------------------------------------------------------------------------


def _arms(simulation: MediatedSimulation, config: SocietyConfig, sample: Society) -> Iterator[Problem]:
    """What exposures refuse, and lists that are longer than there are sources."""
    scene = Scene(sample.graph, 0, items=sample.items, groups=sample.groups)
    users = sample.n_users if config.from_data else config.users
    for arm in simulation.arms:
        where = f"arms.{arm.label}"
        asked = int(getattr(arm, "k", 0))
        if getattr(arm, "of", "users") == "items" and config.sources != "items":
            yield Problem(
                f"the arm {arm.label!r} lists items, and they have no positions", where, "set society.sources to items"
            )
        elif asked >= users and getattr(arm, "of", "users") == "users":
            yield Problem(f"k = {asked} users shown of {users - 1} others", where, f"lower k to at most {users - 1}")
        elif arm.exposure != "recommended" and asked < sample.n_users:
            yield from (replace(p, where=where) for p in EXPOSURE.build(arm).problems(scene))


def _mediators(config: StudyConfig, simulation: MediatedSimulation, looks: _Looks) -> Iterator[Problem]:
    """Models that cannot be erased from or probed, and members that are of other users or relations."""
    for name, mediator in simulation.mediators.items():
        where, listed = f"mediators.{name}", simulation.listed_by(name)
        recommender = mediator
        if isinstance(mediator, MemberMediator):
            recommender = config.population[mediator.member].recommender
            yield from _member(config, where, listed, looks)
        yield from _without_vectors(simulation, name, recommender)


def _without_vectors(simulation: MediatedSimulation, name: str, recommender: Any) -> Iterator[Problem]:
    if RECOMMENDER.build(recommender).layers:
        return
    arms = [arm for arm in simulation.arms if arm.exposure == "recommended" and name in simulation.admitted(arm.model)]
    asked = ["probed"] * (simulation.knowledge is not None)
    asked += ["erased from" for arm in arms if getattr(arm, "erase", None) is not None][:1]
    for purpose in asked if arms else []:
        what = f"the mediator {name!r} has no vectors that could be {purpose}"
        yield Problem(what, f"mediators.{name}", "choose a model with vectors, such as mf or lightgcn")


def _member(config: StudyConfig, where: str, listed: Iterable[str], looks: _Looks) -> Iterator[Problem]:
    """What keeps a member, which knows all users of the data, from mediating in the society."""
    assert config.society is not None
    try:
        relation, users = relation_of(looks.dataset, config.relation), looks.at(config.society).n_users
    except InputError:
        return  # told of the society or of the relation
    of = "users" if relation.social else "items"
    if set(listed) - {of}:
        remedy = f"set the arms' 'of' to {of}, or name a recommender to train"
        yield Problem(f"the member recommends {of}, and an arm asks for others", where, remedy)
    known = looks.dataset.users.num_rows
    if users < known:
        what = f"the member is of another population: of all {known} users, and the society has {users} of them"
        remedy = "keep all (society.unlabelled: neighbours, society.isolated: keep), or name a recommender to train"
        yield Problem(what, where, remedy)
