"""Which share of a source's events is exogenous, of its own making, or brought about by each other source."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.tables import Fitted, between
from hemicycle.core.errors import Problem, raise_problems

Floats = NDArray[np.float64]


def endogeneity_table(fitted: Fitted, parts: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """``agenda_endogeneity``: target, level, part, kind, share, error, ci_low, ci_high.

    A part's share is the expected share of the target's events that are direct children of the part's events: A_ij
    times the (horizon-corrected) number of events of j, over the number of events of i. Parts are exogenous, itself,
    each other source and each named group (without the target itself). A named group that holds targets is itself a
    target (``level`` = group), whose part itself is the whole group.

    Args:
        fitted: the fit.
        parts: name of a group -> its sources.

    Raises:
        InputError: a group names an unknown source.
    """
    check_parts(fitted.design, parts)
    wholes = [_Whole(name, [name], [name], "source") for name in fitted.targets]
    wholes += [
        _Whole(group, [name for name in members if name in fitted.targets], list(members), "group")
        for group, members in parts.items()
        if set(members) & set(fitted.targets)
    ]
    return pd.DataFrame([row for whole in wholes for row in _shares(fitted, whole, parts)])


@dataclass(frozen=True)
class _Whole:
    """A target: a source, or a group.

    Args:
        name: of it.
        targets: whose events are shared out.
        itself: whose influence is its own.
        level: source or group.
    """

    name: str
    targets: list[str]
    itself: list[str]
    level: str


def check_parts(design: Design, parts: Mapping[str, Sequence[str]]) -> None:
    """Raise an InputError for groups that are empty, overlap, are called as a source or name an unknown one."""
    check_members(design.events.sources, parts)


def check_members(sources: Sequence[str], parts: Mapping[str, Sequence[str]]) -> None:
    """Raise an InputError for groups that do not fit these sources, as :func:`check_parts` does."""
    raise_problems(problem for group in parts for problem in _group_problems(sources, group, parts))


def _group_problems(known: Sequence[str], group: str, parts: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    where, members = f"parts.{group}", parts[group]
    for name in members:
        if name not in known:
            yield Problem(f"there is no source {name!r}", where, f"known: {', '.join(known[:20])}")
    if not members:
        yield Problem("the group is empty", where, "name its sources")
    if group in known:
        yield Problem("the group is called as a source", where, "rename it")
    earlier = list(parts)[: list(parts).index(group)]
    if any(set(members) & set(parts[other]) for other in earlier):
        yield Problem("the group shares sources with another", where, "name each source in one group")


def _shares(fitted: Fitted, whole: _Whole, parts: Mapping[str, Sequence[str]]) -> list[dict[str, object]]:
    """Rows of one target."""
    rows = []
    for part, kind, sources in _parts(fitted, whole, parts):
        gradient = _share_gradient(fitted, whole.targets, sources)
        value = float((gradient * fitted.fit.theta).sum())
        limits = between(value, fitted.error(gradient), fitted, (0.0, 1.0))
        rows.append({"target": whole.name, "level": whole.level, "part": part, "kind": kind, "share": value} | limits)
    return rows


def _parts(
    fitted: Fitted, whole: _Whole, parts: Mapping[str, Sequence[str]]
) -> list[tuple[str, str, list[str] | None]]:
    """Name, kind and sources of each part; None: the baseline."""
    found: list[tuple[str, str, list[str] | None]] = [
        ("exogenous", "exogenous", None),
        ("itself", "itself", whole.itself),
    ]
    others = [source for source in fitted.design.events.sources if source not in whole.itself]
    found += [(source, "source", [source]) for source in others]
    for group, sources in parts.items():
        rest = [source for source in sources if source not in whole.itself]
        if rest:
            found.append((group, "group", rest))
    return found


def _share_gradient(fitted: Fitted, members: list[str], sources: list[str] | None) -> Floats:
    """Derivative of the share to all coefficients, shape (n_targets, p): integrals over the members' events."""
    design = fitted.design
    gradient = np.zeros_like(fitted.fit.theta)
    rows = np.array([fitted.targets.index(name) for name in members])
    if sources is None:
        columns = np.arange(design.n_pieces)
    else:
        own = [design.events.sources.index(source) for source in sources]
        n = design.events.n_sources
        columns = (design.n_pieces + np.arange(fitted.branching.shape[1])[:, None] * n + own).ravel()
    gradient[np.ix_(rows, columns)] = fitted.integrals[np.ix_(rows, columns)] / design.counts[rows].sum()
    return gradient
