"""Compare a study with its data before anything runs."""

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.schema import Dataset, with_role
from hemicycle.probes.base import ProbeConfig
from hemicycle.studies.config import MediatedSimulation, SocietyConfig, StudyConfig
from hemicycle.studies.models import relation_of
from hemicycle.studies.probing import kind_of, labels_of

MOST_CLASSES = 50
"""More different values than this are a number, not classes."""
LEAST_KNOWN = 2
"""Users with a label that each fold of a probe needs."""


def check(config: StudyConfig, dataset: Dataset) -> None:
    """Compare a study with its data; raises one InputError with every problem."""
    problems = [p for i, probe in enumerate(config.probes) for p in _probe_problems(probe, f"probes.{i}", dataset)]
    if config.society:
        problems += _society_problems(config.society, dataset)
        problems += [p for name, s in config.simulations.items() for p in _bounds_problems(config, name, s, dataset)]
    if config.population:
        problems += _relation_problems(config, dataset)
    raise_problems(problems)


def _probe_problems(probe: ProbeConfig, where: str, dataset: Dataset) -> list[Problem]:
    """What keeps a probe from reading its labels."""
    users, known = dataset.users, with_role(dataset.users, "label")
    wanted = labels_of(probe, users)
    if not wanted:
        return [Problem(f"there is no label that {probe.probe} can read", f"{where}.labels", _allowed(dataset))]
    problems = []
    for label in wanted:
        at = f"{where}.labels"
        if label not in known:
            there = f"give the column {label!r} the role label under 'data'"
            remedy = there if label in users.column_names else _allowed(dataset)
            problems.append(Problem(f"the data has no label {label!r}", at, remedy))
            continue
        if probe.probe == "ridge" and kind_of(users, label) == "class":
            problems.append(Problem(f"ridge reads numbers, and {label!r} holds classes", at, "probe it with logistic"))
        if probe.probe == "logistic" and len(users[label].unique()) > MOST_CLASSES:
            what = f"logistic reads classes, and {label!r} has more than {MOST_CLASSES} values"
            problems.append(Problem(what, at, "probe it with ridge, or group the values"))
        if users.num_rows - users[label].null_count < LEAST_KNOWN * probe.folds:
            what = f"{label!r} is known of fewer than {LEAST_KNOWN * probe.folds} users"
            problems.append(Problem(what, at, f"{probe.folds} folds need more: check the join of the ids"))
    return problems


def _bounds_problems(config: StudyConfig, name: str, simulation: MediatedSimulation, dataset: Dataset) -> list[Problem]:
    """What keeps positions drawn from labels outside a simulation's bounds."""
    low, high = simulation.bounds
    problems = []
    for label in config.society.positions_from if config.society else ():
        if label not in with_role(dataset.users, "label") or kind_of(dataset.users, label) != "number":
            continue
        values = dataset.users[label].to_pandas().astype(float)
        if values.min() < low or values.max() > high:
            what = f"values of {label!r} lie outside the bounds [{low:g}, {high:g}]"
            remedy = "set bounds to the label's scale, e.g. bounds: [0, 10]"
            problems.append(Problem(what, f"simulations.{name}.bounds", remedy))
    return problems


def _society_problems(society: SocietyConfig, dataset: Dataset) -> list[Problem]:
    labels, groups = with_role(dataset.users, "label"), with_role(dataset.users, "group")
    problems = [
        Problem(f"no numeric label {name!r}", "society.positions_from", _allowed(dataset))
        for name in society.positions_from
        if name not in labels or kind_of(dataset.users, name) != "number"
    ]
    if society.groups_from and society.groups_from not in groups:
        remedy = f"groups: {', '.join(groups) or 'none'}"
        problems.append(Problem(f"no group {society.groups_from!r}", "society.groups_from", remedy))
    return problems


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
    return []


def _allowed(dataset: Dataset) -> str:
    return f"labels: {', '.join(with_role(dataset.users, 'label')) or 'none'}"
