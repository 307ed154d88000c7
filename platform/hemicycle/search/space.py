"""The space of a search: what each branch can be, and the model and training that values stand for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, raise_problems
from hemicycle.search.config import BRANCH, Branch, Dimension, Params, SearchConfig, Value
from hemicycle.search.dimensions import active, distribution, exists
from hemicycle.search.settings import configured, message
from hemicycle.search.validation import conditions_first, space_problems
from hemicycle.training.options import TrainingOptions

Pick = Callable[[str, Dimension], Value]
"""Chooses a value of a dimension, which has a name that no other dimension of the search has."""


@dataclass(frozen=True)
class BranchSpace:
    """An architecture, settled but for its dimensions.

    Args:
        recommender: its configuration where nothing is searched.
        train: its training where nothing is searched.
        dimensions: dotted key -> dimension, conditions before what they govern.
    """

    recommender: Options
    train: TrainingOptions
    dimensions: Mapping[str, Dimension]


@dataclass(frozen=True)
class Space:
    """A validated search space.

    Args:
        branches: name -> architecture.
        shared: keys of the dimensions that all branches share.
    """

    branches: Mapping[str, BranchSpace]
    shared: frozenset[str]

    @classmethod
    def of(cls, config: SearchConfig, train: Mapping[str, Any] | TrainingOptions) -> "Space":
        """Validate a search and return its space.

        Args:
            config: the search.
            train: the study's training, from which branches differ.

        Raises:
            InputError: every problem of the space, the starting points and the algorithm's demands, at once.
        """
        base = train.model_dump() if isinstance(train, TrainingOptions) else dict(train)
        raise_problems(space_problems(config, base))
        settled = {name: _settled(branch, config.space, base) for name, branch in config.branches.items()}
        return cls(settled, frozenset(config.space))

    def dimensions(self, branch: str) -> dict[str, Dimension]:
        """Return the dimensions of a branch, a condition before what it governs."""
        return dict(self.branches[branch].dimensions)

    def active(self, branch: str, params: Mapping[str, Value]) -> tuple[str, ...]:
        """Return the keys that exist, given the values of those that govern them."""
        return active(self.branches[branch].dimensions, params)

    def settle(self, branch: str, params: Mapping[str, Value]) -> tuple[Options, TrainingOptions]:
        """Return the recommender's configuration and the training that values stand for.

        Raises:
            InputError: unknown branch or key, or values that the model does not allow together.
        """
        if branch not in self.branches:
            raise InputError(f"there is no branch {branch!r}", "branch", f"name one of {', '.join(self.branches)}")
        there = self.branches[branch]
        if unknown := [key for key in params if key not in there.dimensions]:
            allowed = ", ".join(there.dimensions) or "none"
            raise InputError(f"{branch} has no dimensions {', '.join(unknown)}", f"branches.{branch}", f"use {allowed}")
        try:
            recommender = configured(there.recommender, _below("recommender.", params))
            train = configured(there.train, _below("train.", params))
        except ValidationError as error:
            given = ", ".join(f"{key} = {value!r}" for key, value in params.items())
            what = f"{branch} cannot have {given}: {message(error)}"
            raise InputError(what, f"branches.{branch}", "exclude it from the space, e.g. with 'when'") from error
        return recommender, train

    def label(self, branch: str, key: str) -> str:
        """Return the name of a dimension among those of all branches."""
        return key if key in self.shared or len(self.branches) == 1 else f"{branch}/{key}"

    def plain_label(self, branch: str, key: str) -> str:
        """Return the key itself, unless another branch's dimension of that key takes other values."""
        owners = [b.dimensions[key] for b in self.branches.values() if key in b.dimensions]
        alike = all(distribution(owner) == distribution(owners[0]) for owner in owners)
        return key if alike else self.label(branch, key)

    def labelled(self) -> dict[str, Dimension]:
        """Return the dimensions of all branches by their labels; first, where there are several, ``branch``."""
        own = {
            self.label(name, key): dimension
            for name, branch in self.branches.items()
            for key, dimension in branch.dimensions.items()
        }
        return ({BRANCH: self.choice} if len(self.branches) > 1 else {}) | own

    @property
    def choice(self) -> Dimension:
        """The dimension that says which branch is taken."""
        return Dimension(choice=tuple(self.branches))

    def walk(self, pick: Pick) -> tuple[str, Params]:
        """Choose a branch, then a value of every dimension that exists, in order of dependence."""
        branch = str(pick(BRANCH, self.choice)) if len(self.branches) > 1 else next(iter(self.branches))
        params: Params = {}
        for key, dimension in self.branches[branch].dimensions.items():
            if exists(dimension, params):
                params[key] = pick(self.label(branch, key), dimension)
        return branch, params

    def flat(self, branch: str, params: Mapping[str, Value], *, plain: bool = False) -> Params:
        """Return values by their labels, with the branch where there are several."""
        name = self.plain_label if plain else self.label
        chosen: Params = {BRANCH: branch} if len(self.branches) > 1 else {}
        return chosen | {name(branch, key): value for key, value in params.items()}


def _settled(branch: Branch, shared: Mapping[str, Dimension], train: Mapping[str, Any]) -> BranchSpace:
    dimensions = conditions_first({**shared, **branch.space})
    return BranchSpace(branch.recommender, TrainingOptions.model_validate({**train, **branch.train}), dimensions)


def _below(prefix: str, params: Mapping[str, Value]) -> Params:
    return {key.removeprefix(prefix): value for key, value in params.items() if key.startswith(prefix)}
