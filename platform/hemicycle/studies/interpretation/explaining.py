"""Steps that explain what a record recommends: shares of scores along attitudes, lists without them, edges behind."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.records import ModelRecord
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset
from hemicycle.evaluation.beyond import known_mean
from hemicycle.explanation.axes import RANDOM, control_axes
from hemicycle.explanation.edges import EdgePlan, ego_of, explain_edges, explainable
from hemicycle.explanation.removal import Removal, crossing, flows, parts_of_moves, remove
from hemicycle.explanation.shares import REMAINDER, Axis, Vectors, in_order, take_apart
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.scoring import DotScores
from hemicycle.studies.assessing import scores_of
from hemicycle.studies.interpretation.explanation_case import LEAST, Case, ExplainOptions
from hemicycle.studies.interpretation.explanation_examples import EXAMPLES, example_rows
from hemicycle.studies.interpretation.explanation_rows import (
    COLUMNS,
    EXPLANATIONS,
    WHOLE,
    Drawn,
    Measured,
    groupings,
    rows_of,
    spread,
)
from hemicycle.studies.steps import Cost, Step, Work

FLOWS = "explanation_flows"
"""Table: where lists go, from side to side, when an attitude's axis is removed."""
FLOW_COLUMNS = ["record_id", "k", "attribute", "group", "leaves", "enters", "value", "n"]
NO_SIDE = "no side"


def explain_step(work: Work) -> None:
    """Write the shares of scores along attitudes, what lists become without them, flows, and public examples."""
    options: ExplainOptions = work.options
    record = ModelRecord.from_json(options.record)
    scores = scores_of(work, record)
    rows: list[dict[str, Any]] = []
    moves: list[dict[str, Any]] = []
    examples = pd.DataFrame(columns=EXAMPLES)
    if isinstance(scores, DotScores):
        dataset, parts = Dataset.read(work.inputs["data"]), Split.read(work.inputs["graph"])
        case = Case(options, record, dataset, parts, scores, work.inputs["model"])
        for label in case.axes:
            rows += explained(case, label)
            moves += flow_rows(case, label)
        rows += [*together(case), *edge_rows(case)]
        examples = example_rows(case)
    tables = {EXPLANATIONS: pd.DataFrame(rows, columns=COLUMNS), FLOWS: pd.DataFrame(moves, columns=FLOW_COLUMNS)}
    for name, frame in {**tables, "explanation_examples": examples}.items():
        about = frame.assign(record_id=record.id, **({"k": options.k} if "k" in frame else {}))
        work.out.write_table(name, pa.Table.from_pandas(about, preserve_index=False))


# -- one attitude ----------------------------------------------------------------------------------------------------


def explained(case: Case, label: str) -> list[dict[str, Any]]:
    """Rows of one attitude: shares by group and rank, their spread over users, and what its removal changes."""
    groups = groupings(case.dataset, case.users, label, case.ends[label])
    controls = control_axes(label, case.vectors.users, case.labelled[label], case.plan)
    shares = {name: [_shares(case, axis) for axis in axes] for name, axes in controls.items()}
    removed = {n: [_removed(case, a, label) for a in axes[: case.options.removals]] for n, axes in controls.items()}
    own = _shares(case, case.axes[label])
    rows = [*rows_of(own, shares, groups, public=case.public), *spread(own, shares, public=case.public)]
    rows += rows_of(_removed(case, case.axes[label], label), removed, groups, public=case.public)
    return [{"attribute": label, **row} for row in rows]


def _shares(case: Case, axis: Axis) -> Measured:
    """Share of the scores and of their lead over the user's mean score."""
    found = []
    for measure, vectors in (("share_of_score", case.vectors), ("share_of_lead", case.vectors.centred())):
        part, whole = (of(case.users, case.lists) for of in (_along(vectors, axis), vectors.products))
        found.append(Measured.ratios(measure, part, whole))
    return found[0].beside(found[1])


def _along(vectors: Vectors, axis: Axis) -> Any:
    return lambda users, lists: vectors.along(axis, users, lists)


def _removed(case: Case, axis: Axis, label: str) -> Measured:
    """What becomes of the lists without an axis."""
    removal = remove(case.scores, axis, [case.parts.context, case.parts.valid], case.users, case.lists)
    ends = case.ends[label]
    before, after = crossing(removal, ends.users, ends.items)
    gone, come = (known_mean(parts) for parts in parts_of_moves(removal, case.vectors, axis))
    whole = known_mean(case.vectors.products(case.users, case.lists))
    means = {"lists_changed": removal.changed, "items_replaced": removal.replaced}
    means |= {"cross_cutting_before": before, "cross_cutting_after": after, "cross_cutting_change": after - before}
    means["cross_cutting_chance"] = crossing(Removal(case.users, case.random, case.random), ends.users, ends.items)[0]
    found = Measured.means(means)
    for measure, parts in (("part_of_leaving", gone), ("part_of_entering", come)):
        found = found.beside(Measured.ratios(measure, parts[:, None], whole[:, None], ranks=False))
    return found


def flow_rows(case: Case, label: str) -> Iterator[dict[str, Any]]:
    """Yield, for users of each end, the share of their lists that passes from a side to a side without the axis."""
    ends, axis = case.ends[label], case.axes[label]
    removal = remove(case.scores, axis, [case.parts.context, case.parts.valid], case.users, case.lists)
    found, names = flows(removal, ends.items, len(ends.names)), (*ends.names, NO_SIDE)
    groups = groupings(case.dataset, case.users, label, ends)[label]
    counts = {name: int((groups[1] == code).sum()) for code, name in enumerate(groups[0])}
    if not case.public and min(counts.values()) < LEAST:
        return
    for code, group in enumerate(groups[0]):
        means = found[groups[1] == code].mean(0) if counts[group] else np.zeros((len(names), len(names)))
        for row, leaves in enumerate(names):
            for place, enters in enumerate(names):
                ids = {"attribute": label, "group": group, "leaves": leaves, "enters": enters}
                yield ids | {"value": float(means[row, place]), "n": counts[group]}


def together(case: Case) -> Iterator[dict[str, Any]]:
    """Yield the share of each attitude in the order of the labels, each what it adds, and what no axis explains."""
    axes = in_order(list(case.axes.values()))
    found = take_apart(case.vectors, axes, case.users, case.lists)
    names = [] if len(axes) < 2 else [axis.name for axis in axes]
    dims = case.vectors.users.shape[1]
    everyone = {"": (("",), np.zeros(len(case.users), np.int32))}
    for name in [*names, *([REMAINDER] if names else [])]:
        own = Measured.ratios("share_in_order", found.parts[name], found.product, ranks=False)
        drawn = [
            _random(case, dims - len(axes) if name == REMAINDER else 1, draw) for draw in range(case.options.draws)
        ]
        for row in rows_of(own, {RANDOM: drawn}, everyone, public=case.public):
            yield {"attribute": name, **row}


def _random(case: Case, rank: int, draw: int) -> Measured:
    """Share along a random subspace of a rank."""
    dims = case.vectors.users.shape[1]
    axis = Axis.along(RANDOM, rng("explanation together", draw).normal(size=(dims, max(1, rank))))
    part = case.vectors.along(axis, case.users, case.lists)
    return Measured.ratios("share_in_order", part, case.vectors.products(case.users, case.lists), ranks=False)


# -- edges -----------------------------------------------------------------------------------------------------------


def edge_rows(case: Case) -> Iterator[dict[str, Any]]:
    """Yield what the edges behind some recommendations are like, of a graph network and for the first attitude."""
    recommender = case.recommender
    label = next(iter(case.axes), "")
    if not label or not case.options.pairs or recommender is None or not explainable(recommender):
        return
    ends, parameters, graph = case.ends[label], case.parameters(), case.parts.context
    usable = np.flatnonzero((ends.users[case.users] >= 0) & (graph.degrees[case.users] >= 2) & (case.lists[:, 0] >= 0))
    places = np.sort(rng("explained pairs").permutation(usable)[: case.options.pairs])
    plan = EdgePlan(method=case.options.method)
    found = []
    for key, place in enumerate(places):
        user, item = int(case.users[place]), int(case.lists[place, 0])
        ego = ego_of(recommender, parameters, graph, (user, item))
        found.append(explain_edges(ego, int(ends.users[user]), ends.items, plan, key))
    if not found or (not case.public and len(found) < LEAST):
        return
    own = Measured.means(_edge_means([(e.same_mass, e.same_share, e.lost, e.missed) for e in found]))
    random: Drawn = {RANDOM: [Measured.means(_edge_means([_chance(e, d) for e in found])) for d in range(plan.draws)]}
    groups = {"": (("",), np.zeros(len(found), np.int32)), label: (ends.names, ends.users[case.users[places]])}
    for row in rows_of(own, random, groups, public=case.public):
        yield {"attribute": label, **row}


def _chance(e: Any, draw: int) -> tuple[float, float, float, float]:
    return e.same_random[draw], e.same_share, e.lost_random, e.missed_random


def _edge_means(values: list[tuple[float, float, float, float]]) -> dict[str, NDArray[np.float64]]:
    names = ("edge_mass_same_side", "neighbours_same_side", "score_lost_without_edges", "score_missed_by_edges")
    return dict(zip(names, np.array(values, np.float64).T, strict=True))


# -- steps -----------------------------------------------------------------------------------------------------------


def explain_steps(record: ModelRecord, title: str, inputs: Mapping[str, Step], options: ExplainOptions) -> list[Step]:
    """Return the step that explains one record; none for an untrained one or one without vectors.

    Args:
        record: whose recommendations.
        title: its name in the study.
        inputs: the steps ``data``, ``graph`` and ``model``.
        options: the record in it is replaced.
    """
    if record.status == "untrained" or not record.layers:
        return []
    chosen = options.replace(record=record.to_json())
    return [Step("explain", f"explain {title}", explain_step, chosen, inputs, cost=Cost(20.0, 1e9, 1e5))]


__all__ = ["EXPLANATIONS", "FLOWS", "WHOLE", "Case", "ExplainOptions", "explain_step", "explain_steps"]
