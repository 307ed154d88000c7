"""Which models can be trained in one stack."""

from collections.abc import Sequence
from typing import Any

from hemicycle.core.errors import Problem
from hemicycle.recommenders.base import EmbeddingRecommender, Recommender
from hemicycle.training.options import TrainingOptions

MAY_DIFFER = frozenset({"init_scale", "start", "similarity", "temperature", "popularity"})
"""What may differ between the recommenders of a stack."""
TRAINED_APART = frozenset({"lr", "schedule", "warmup", "l2"})
"""What may differ between their options of training."""


def stackable(recommenders: Sequence[Recommender], options: Sequence[TrainingOptions]) -> list[Problem]:
    """Tell what keeps models from being trained in one stack; nothing: they can be.

    Args:
        recommenders: what is trained; they are of one class and agree in all but ``MAY_DIFFER``.
        options: how, one for each; they agree in all but ``TRAINED_APART``.
    """
    unfit = [_unfit(recommender, f"member {n}") for n, recommender in enumerate(recommenders)]
    found = [problem for problem in unfit if problem is not None]
    if found or not recommenders:
        return found or [Problem("a stack needs at least one member", remedy="name one")]
    for n, (recommender, train) in enumerate(zip(recommenders, options, strict=True)):
        other = _differing(_shared(recommenders[0], options[0]), _shared(recommender, train))
        if other:
            text = f"differs from the stack's first member in {', '.join(other)}"
            found.append(Problem(text, f"member {n}", "train it in a stack of its own kind, or by itself"))
    return found


def stack_key(recommender: Recommender, options: TrainingOptions) -> dict[str, Any] | None:
    """Return what all members of a stack have in common; None for what cannot be stacked."""
    return None if _unfit(recommender) is not None else _shared(recommender, options)


def _shared(recommender: Recommender, options: TrainingOptions) -> dict[str, Any]:
    model = recommender.config.model_dump(mode="json", exclude=set(MAY_DIFFER))
    train = options.model_dump(mode="json", exclude=set(TRAINED_APART))
    of_class = {"class": f"{type(recommender).__module__}:{type(recommender).__qualname__}"}
    return of_class | model | {f"train.{name}": value for name, value in train.items()}


def _differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    if one["class"] != other["class"]:
        return ["class"]
    return sorted(name for name in one | other if one.get(name) != other.get(name))


def _unfit(recommender: Recommender, where: str = "") -> Problem | None:
    """Tell why a recommender cannot be a member of any stack."""
    name, remedy = type(recommender).__name__, "train it by itself"
    if not isinstance(recommender, EmbeddingRecommender):
        return Problem(f"{name} is not trained as one table by gradient", where, remedy)
    kind, plain = type(recommender), EmbeddingRecommender
    if kind.objective is not plain.objective or kind.parts is not plain.parts:
        return Problem(f"{name} adds terms of its own to the loss", where, remedy)
    return None
