"""Waves of opinions and the graph as pairs of consecutive waves, with everything that is wrong said at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.seeding import rng
from hemicycle.estimation.base import Scene
from hemicycle.estimation.kernels import Floats
from hemicycle.graphs.interaction import InteractionGraph

FEWEST = 30
"""Users with two consecutive waves that are needed at least."""
MOST_POOLS = 200


@dataclass(frozen=True, eq=False)
class Transition:
    """Two consecutive waves.

    Args:
        scene: what users see between them.
        before: opinions at the first, 0 where unknown, shape (n_users,).
        after: opinions at the second, 0 where unknown, shape (n_users,).
        rows: users who are known at both, in the order of their pools, shape (n,).
        starts: pool g has the rows ``starts[g]:starts[g + 1]``, shape (n_pools + 1,).
    """

    scene: Scene
    before: Floats
    after: Floats
    rows: NDArray[np.int64]
    starts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Panel:
    """All pairs of consecutive waves.

    Args:
        transitions: in the order of time.
        notes: what was left out and what to keep in mind.
        anchored: whether innate opinions differ from the opinions before some transition.
    """

    transitions: tuple[Transition, ...]
    notes: tuple[str, ...]
    anchored: bool

    @property
    def n_rows(self) -> int:
        """Number of observed movements."""
        return sum(len(transition.rows) for transition in self.transitions)

    @property
    def n_pools(self) -> int:
        """Number of pools."""
        return len(self.transitions[0].starts) - 1

    @property
    def width(self) -> float:
        """Largest distance of two opinions."""
        return self.transitions[0].scene.width

    def among(self, chosen: NDArray[np.bool_]) -> "Panel":
        """Return the panel of the movements of some users, shape (n_users,); what they see stays."""
        return replace(self, transitions=tuple(_among(transition, chosen) for transition in self.transitions))

    def sampled(self, most: int) -> "Panel":
        """Return the panel of the users in so many pools, dealt at random, that about ``most`` movements remain.

        Edges of other users are left out, which makes a step of a mechanism fast, and several steps wrong.
        """
        number = max(1, self.n_pools * most // self.n_rows)
        chosen = np.zeros(len(self.transitions[0].before), bool)
        for own in self.transitions:
            chosen[own.rows[: own.starts[number]]] = True
        few = self.among(chosen)
        return replace(few, transitions=tuple(replace(t, scene=t.scene.only(chosen)) for t in few.transitions))

    def shifted(self, errors: Floats) -> "Panel":
        """Return the panel with ``errors``, shape (n_users, n_waves), added to what was measured."""
        first = self.transitions[0].before
        moved = []
        for t, own in enumerate(self.transitions):
            anchor = own.scene.innate + errors[:, 0] if self._from_first(own, first) else own.scene.innate
            scene = replace(own.scene, innate=anchor)
            moved.append(
                replace(own, scene=scene, before=own.before + errors[:, t], after=own.after + errors[:, t + 1])
            )
        return replace(self, transitions=tuple(moved))

    @staticmethod
    def _from_first(own: Transition, first: Floats) -> bool:
        return own.scene.innate is first


def _among(transition: Transition, chosen: NDArray[np.bool_]) -> Transition:
    keep = chosen[transition.rows]
    before = np.concatenate([[0], np.cumsum(keep)])
    return replace(transition, rows=transition.rows[keep], starts=before[transition.starts])


def panel_of(
    waves: Floats, graphs: Sequence[InteractionGraph], innate: Floats | None, seed: int, *, anchored: bool = True
) -> Panel:
    """Pair consecutive waves.

    Args:
        waves: opinions, NaN where unknown, shape (n_users, n_waves).
        graphs: row u: whom u follows; one for all transitions or one for each.
        innate: opinions that anchor the users, shape (n_users,); None: the first of three or more waves.
        seed: of the pools into which users are dealt, which serve resampling and folds.
        anchored: whether users without an innate opinion are left out of all models, so that all have the same data.

    Raises:
        InputError: every problem of shapes and values.
    """
    raise_problems(check(waves, graphs, innate))
    known = np.isfinite(waves)
    clean = np.where(known, waves, 0.0)
    anchors = clean[:, 0] if innate is None else np.where(np.isfinite(innate), innate, 0.0)
    has_anchor = known[:, 0] if innate is None else np.isfinite(innate)
    tells = innate is not None or waves.shape[1] > 2
    allowed = has_anchor if anchored and tells else np.ones(len(waves), bool)
    width = float(np.ptp(waves[:, :-1][known[:, :-1]]))
    pools = _pools(int(known.any(axis=1).sum()), len(waves), seed)
    transitions = []
    for t in range(waves.shape[1] - 1):
        graph = graphs[t if len(graphs) > 1 else 0]
        weights = np.empty(0, np.float32) if graph.weights is None else graph.weights
        scene = Scene(np.asarray(graph.indptr), np.asarray(graph.indices), weights, anchors, width)
        rows = np.flatnonzero(known[:, t] & known[:, t + 1] & allowed)
        rows = rows[np.argsort(pools[rows], kind="stable")]
        starts = np.concatenate([[0], np.cumsum(np.bincount(pools[rows], minlength=pools.max() + 1))])
        before = anchors if t == 0 and innate is None else clean[:, t]
        transitions.append(Transition(scene.without(known[:, t]), before, clean[:, t + 1], rows, starts))
    panel = Panel(tuple(transitions), _notes(waves, graphs, allowed), tells)
    _check_rows(panel)
    return panel


def _pools(n_known: int, n_users: int, seed: int) -> NDArray[np.int64]:
    """Deal users at random into pools of equal size."""
    number = int(min(MOST_POOLS, max(10, n_known // 5)))
    dealt = np.arange(n_users) % number
    return np.asarray(rng("pools of users", seed).permutation(dealt), np.int64)


def check(waves: Floats, graphs: Sequence[InteractionGraph], innate: Floats | None) -> list[Problem]:
    """What is wrong with waves and graphs; empty when nothing is."""
    if waves.ndim != 2 or waves.shape[1] < 2:
        given = waves.shape[1] if waves.ndim == 2 else 1
        remedy = "give two or more waves of the same users, as columns"
        return [Problem(f"{given} wave of opinions was given; change needs two or more", "waves", remedy)]
    found = []
    if np.isinf(waves).any():
        found.append(Problem(f"{int(np.isinf(waves).sum())} opinions are infinite", "waves", "correct them"))
    if len(graphs) not in (1, waves.shape[1] - 1):
        what = f"{len(graphs)} graphs for {waves.shape[1] - 1} pairs of consecutive waves"
        found.append(Problem(what, "graph", "give one for all, or one for each pair"))
    for graph in graphs:
        if graph.n_users != len(waves) or graph.n_items != len(waves):
            what = f"waves of {len(waves):,} users, and a graph of {graph.n_users:,} x {graph.n_items:,}"
            found.append(Problem(what, "graph", "rows and columns of the graph are the users of the waves, in order"))
    if innate is not None and innate.shape != (len(waves),):
        found.append(Problem(f"innate opinions of shape {innate.shape}", "innate", f"give {len(waves):,} of them"))
    return found or _constant(waves)


def _constant(waves: Floats) -> list[Problem]:
    """Report waves in which nothing varies, and waves of different users."""
    found = []
    for t in range(waves.shape[1]):
        own = waves[np.isfinite(waves[:, t]), t]
        if len(own) and np.ptp(own) <= 1e-9 * max(1.0, float(np.abs(own).max())):
            what = "all opinions are the same: nothing can be estimated from them"
            found.append(Problem(what, f"wave {t + 1}", "leave the wave out, or choose another attitude"))
    return found


def _check_rows(panel: Panel) -> None:
    """Raise when too few users are known at two consecutive waves, or none of those moves or sees anybody."""
    found = []
    for t, own in enumerate(panel.transitions):
        where = f"waves {t + 1} and {t + 2}"
        if len(own.rows) < FEWEST:
            what = f"{len(own.rows)} users are known at both (at least {FEWEST} are needed)"
            found.append(Problem(what, where, "give waves of the same users"))
        elif not (own.after != own.before)[own.rows].any():
            found.append(Problem("nobody's opinion changed", where, "check that the columns are different waves"))
    if not found and not any(np.diff(own.scene.indptr)[own.rows].any() for own in panel.transitions):
        found.append(Problem("no user of the waves follows another one", "graph", "check that ids are written alike"))
    raise_problems(found)


def _notes(waves: Floats, graphs: Sequence[InteractionGraph], allowed: NDArray[np.bool_]) -> tuple[str, ...]:
    """What was left out and what to keep in mind."""
    known, notes = np.isfinite(waves), []
    for t in range(waves.shape[1] - 1):
        lost = int((known[:, t] != known[:, t + 1]).sum())
        if lost:
            notes.append(f"{lost:,} users are known at only one of waves {t + 1} and {t + 2}: left out of this pair")
    if not allowed.all():
        lost = int((~allowed & (known[:, 1:] & known[:, :-1]).any(axis=1)).sum())
        notes.append(f"{lost:,} users without an innate opinion are left out of all mechanisms")
    alone = int(((graphs[0].degrees == 0) & known[:, 0]).sum())
    if alone:
        notes.append(f"{alone:,} users follow nobody: they tell about drift and noise only")
    return tuple(notes)


def bound_problems(waves: Floats, bounds: tuple[float, float]) -> list[Problem]:
    """Report opinions outside their bounds."""
    low, high = bounds
    found = []
    for t in range(waves.shape[1]):
        outside = int(((waves[:, t] < low) | (waves[:, t] > high)).sum())
        if outside:
            what = f"{outside:,} opinions lie outside the bounds {low:g} to {high:g}"
            found.append(Problem(what, f"wave {t + 1}", "correct them, or the bounds"))
    return found


def bound_notes(waves: Floats, bounds: tuple[float, float]) -> tuple[str, ...]:
    """Say how many opinions lie at the bounds, where normal noise is cut off."""
    share = float(np.isin(waves[np.isfinite(waves)], bounds).mean())
    if share < 0.01:
        return ()
    return (f"{share:.0%} of opinions lie exactly at the bounds: noise is cut off there, which biases all estimates",)


def one_dimension(waves: Floats) -> Floats:
    """Return waves as float64, shape (n_users, n_waves).

    Raises:
        InputError: they are not numbers in two dimensions.
    """
    try:
        found = np.asarray(waves, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("opinions are not numbers", "waves", "give one column of numbers a wave") from error
    return found[:, None] if found.ndim == 1 else found
