"""Everything that can be wrong with a search space, found before anything runs."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hemicycle.core.config import Options
from hemicycle.core.errors import Problem
from hemicycle.recommenders.base import ClosedFormRecommender
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.search.config import BRANCH, Dimension, Params, SearchConfig, Value
from hemicycle.search.dimensions import active, allows, conditions, described, ends, same, size
from hemicycle.search.grid import LARGEST, cells
from hemicycle.search.settings import configured, documentation, message, setting, unknown
from hemicycle.training.options import TrainingOptions


@dataclass(frozen=True)
class Draft:
    """A branch whose dimensions are yet to be checked.

    Args:
        name: of the branch.
        recommender: its configuration.
        train: its training.
        dimensions: key -> dimension, shared ones too.
        shared: keys of the shared ones.
    """

    name: str
    recommender: Options
    train: TrainingOptions
    dimensions: Mapping[str, Dimension]
    shared: frozenset[str]

    def where(self, key: str) -> str:
        """Key path of a dimension in the configuration."""
        return f"space.{key}" if key in self.shared else f"branches.{self.name}.space.{key}"

    def part(self, key: str) -> tuple[Options, str]:
        """Return the options that a dotted key is about, and the key within them."""
        head, _, rest = key.partition(".")
        return (self.recommender if head == "recommender" else self.train), rest


def space_problems(config: SearchConfig, train: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with a search; ``train`` holds the study's training options."""
    if problems := list(_train_problems(train, "train")):
        return problems
    found: list[Problem] = []
    drafts = []
    for name, branch in config.branches.items():
        values = {**train, **branch.train}
        wrong = list(_train_problems(values, f"branches.{name}.train"))
        wrong += _repeated(name, config)
        found += wrong
        if not wrong:
            options = TrainingOptions.model_validate(values)
            dimensions = {**config.space, **branch.space}
            drafts.append(Draft(name, branch.recommender, options, dimensions, frozenset(config.space)))
    return list(dict.fromkeys(found + _problems_of_branches(drafts, config)))


def conditions_first(dimensions: Mapping[str, Dimension]) -> dict[str, Dimension]:
    """Return dimensions in the given order, but each after those that govern it; without those in a circle."""
    placed: dict[str, Dimension] = {}
    while ready := [key for key, d in dimensions.items() if key not in placed and d.when.keys() <= placed.keys()]:
        placed[ready[0]] = dimensions[ready[0]]
    return placed


def _problems_of_branches(drafts: list[Draft], config: SearchConfig) -> list[Problem]:
    found = [p for draft in drafts for p in _branch_problems(draft, config)]
    if not found and len(drafts) == len(config.branches):
        found += [p for n, point in enumerate(config.start) for p in _start_problems(n, point, drafts)]
        found += _grid_problems(drafts, config)
    return found


def _train_problems(values: Mapping[str, Any], where: str) -> Iterator[Problem]:
    try:
        TrainingOptions.model_validate(values)
    except ValidationError as error:
        for details in error.errors():
            key = ".".join(map(str, (where, *details["loc"])))
            yield Problem(details["msg"].removeprefix("Value error, "), key, "correct it")


def _repeated(name: str, config: SearchConfig) -> Iterator[Problem]:
    for key in config.branches[name].space.keys() & config.space.keys():
        where = f"branches.{name}.space.{key}"
        yield Problem("all branches share a dimension of this key", where, "take it out of one of the two")


def _branch_problems(draft: Draft, config: SearchConfig) -> list[Problem]:
    """Problems of keys and conditions; then, if there are none, of values; then of pairs of them."""
    found = [p for key in draft.dimensions for p in (*_key_problems(draft, key, config), *_when_problems(draft, key))]
    found = found or list(_circle_problems(draft))
    found = found or [p for key in draft.dimensions for p in _value_problems(draft, key)]
    return found or list(_pair_problems(draft))


def _key_problems(draft: Draft, key: str, config: SearchConfig) -> Iterator[Problem]:
    where, (head, _, rest) = draft.where(key), key.partition(".")
    if head not in {"recommender", "train"} or not rest:
        yield Problem(f"{key!r} is nothing that can be searched", where, "name recommender.X or train.X")
    elif why := unknown(*draft.part(key)):
        owner = f"the recommender of {draft.name}" if head == "recommender" else "the training"
        yield Problem(f"{why} ({owner})", where, "correct the key, or search it only in branches that have it")
    elif key == "recommender.model":
        yield Problem("which model it is, is searched by branches", where, "declare a branch for each model")
    elif key == "train.epochs" and config.halving is not None:
        yield Problem("halving decides how long a trial is trained", where, "drop halving, or search other things")
    elif head == "train" and _is_closed(draft.recommender):
        yield Problem(f"{draft.name} is solved in closed form: {rest} changes nothing", where, "search it elsewhere")
    elif config.algorithm == "grid" and size(draft.dimensions[key]) is None:
        yield Problem("a grid cannot hold all of a continuous range", where, "give choice, integer or step")


def _is_closed(recommender: Any) -> bool:
    return issubclass(RECOMMENDER.resolve(recommender.model), ClosedFormRecommender)


def _when_problems(draft: Draft, key: str) -> Iterator[Problem]:
    where = f"{draft.where(key)}.when"
    for other, allowed in conditions(draft.dimensions[key]).items():
        if other not in draft.dimensions or other == key:
            there = ", ".join(sorted(draft.dimensions.keys() - {key})) or "none"
            remedy = f"name another dimension of {draft.name}: {there}"
            if other == BRANCH:
                remedy = "declare the dimension in the space of that branch"
            yield Problem(f"there is no dimension {other!r}", where, remedy)
            continue
        governing = draft.dimensions[other]
        for value in [v for v in allowed if not allows(governing, v)]:
            yield Problem(f"{other} is never {value!r}", where, f"it is {described(governing)}")
        if not allowed:
            yield Problem(f"no value of {other} is named", where, f"it is {described(governing)}")


def _circle_problems(draft: Draft) -> Iterator[Problem]:
    waiting = draft.dimensions.keys() - conditions_first(draft.dimensions).keys()
    for key in sorted(waiting):
        others = ", ".join(sorted(waiting & draft.dimensions[key].when.keys()))
        if others:
            yield Problem(f"waits for {others}, in a circle", f"{draft.where(key)}.when", "break the circle")


def _value_problems(draft: Draft, key: str) -> Iterator[Problem]:
    dimension, (options, rest) = draft.dimensions[key], draft.part(key)
    about = f"{rest}: {documentation(options, rest)}"
    for value in ends(dimension):
        if why := _refusal(draft, {key: value}):
            yield Problem(f"{draft.name} does not take {value!r}: {why}", draft.where(key), f"correct it; {about}")
            return
    held = _held(draft, key, ends(dimension)[0])
    if dimension.choice is None and isinstance(held, bool):
        yield Problem(f"{rest} is true or false, not in a range", draft.where(key), "give choice: [false, true]")
    elif dimension.choice is None and isinstance(held, int) and not dimension.integer:
        yield Problem(f"{rest} holds integers, and this range does not", draft.where(key), "add integer: true")


def _pair_problems(draft: Draft) -> Iterator[Problem]:
    """The first refused combination of every two dimensions."""
    for a, b in itertools.combinations(draft.dimensions, 2):
        pairs = itertools.product(ends(draft.dimensions[a]), ends(draft.dimensions[b]))
        refused = ((x, y, why) for x, y in pairs if (why := _refusal(draft, {a: x, b: y})))
        for x, y, why in itertools.islice(refused, 1):
            what = f"{draft.name} does not take {y!r} with {a} = {x!r}: {why}"
            yield Problem(
                what, draft.where(b), f"let one exist only 'when' the other allows it, or drop {y!r} or {x!r}"
            )


def _refusal(draft: Draft, wanted: Params) -> str:
    """Why a branch, otherwise as it stands, does not take some values; empty when it does or when they never meet."""
    values = _with_conditions(draft.dimensions, wanted)
    try:
        for head in ("recommender", "train") if values is not None else ():
            _built(draft, head, values or {})
    except ValidationError as error:
        return message(error)
    return ""


def _built(draft: Draft, head: str, values: Params) -> Options:
    inside = {key.partition(".")[2]: value for key, value in values.items() if key.partition(".")[0] == head}
    return configured(draft.recommender if head == "recommender" else draft.train, inside)


def _held(draft: Draft, key: str, value: Value) -> Any:
    """What a setting holds once it was given a value that is accepted."""
    head, _, rest = key.partition(".")
    values = _with_conditions(draft.dimensions, {key: value})
    return None if values is None else setting(_built(draft, head, values), rest)


def _with_conditions(dimensions: Mapping[str, Dimension], wanted: Params) -> Params | None:
    """Add the first value of what governs that lets the wanted ones exist; None where they contradict it."""
    values, pending = dict(wanted), list(wanted)
    while pending:
        for other, allowed in conditions(dimensions[pending.pop()]).items():
            if other not in values:
                values[other] = allowed[0]
                pending.append(other)
            elif not any(same(values[other], value) for value in allowed):
                return None
    return values


def _start_problems(n: int, point: Mapping[str, Value], drafts: list[Draft]) -> list[Problem]:
    names = [draft.name for draft in drafts]
    named = point.get(BRANCH, names[0] if len(names) == 1 else None)
    draft = next((draft for draft in drafts if draft.name == named), None)
    if draft is None:
        what = f"there is no branch {named!r}" if BRANCH in point else "it names no branch"
        return [Problem(what, f"start.{n}.{BRANCH}", f"name one of {', '.join(names)}")]
    given = {key: value for key, value in point.items() if key != BRANCH}
    found = [p for key, value in given.items() for p in _point_problems(f"start.{n}.{key}", key, value, draft)]
    if not found and (why := _refusal(draft, given)):
        found.append(Problem(f"{draft.name} does not take these together: {why}", f"start.{n}", "correct it"))
    return found or list(_idle_problems(n, given, draft))


def _point_problems(where: str, key: str, value: Value, draft: Draft) -> Iterator[Problem]:
    if key not in draft.dimensions:
        there = ", ".join(draft.dimensions) or "none"
        yield Problem(f"{draft.name} has no dimension {key!r}", where, f"its dimensions are: {there}")
    elif not allows(draft.dimensions[key], value):
        yield Problem(f"{value!r} lies outside the space", where, f"it is {described(draft.dimensions[key])}")


def _idle_problems(n: int, given: Params, draft: Draft) -> Iterator[Problem]:
    present = active(conditions_first(draft.dimensions), given)
    for key in [key for key in given if key not in present]:
        when = ", ".join(f"{k} in {allowed}" for k, allowed in conditions(draft.dimensions[key]).items())
        yield Problem(f"{key} does not exist at this point", f"start.{n}.{key}", f"name what governs it: {when}")


def _grid_problems(drafts: list[Draft], config: SearchConfig) -> Iterator[Problem]:
    if config.algorithm != "grid":
        return
    every = (cell for draft in drafts for cell in cells(conditions_first(draft.dimensions)))
    if sum(1 for _ in itertools.islice(every, LARGEST + 1)) > LARGEST:
        yield Problem(f"the grid has more than {LARGEST:,} points", "algorithm", "use random or qmc, or coarsen it")
