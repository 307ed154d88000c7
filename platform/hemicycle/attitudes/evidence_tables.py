"""Tables that say how far inferred attitudes can be trusted, and where media stand: aggregates only."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from hemicycle.attitudes.audiences import AudienceOptions, audience_positions
from hemicycle.attitudes.parties import PartyPositions
from hemicycle.attitudes.survey_waves import Wave, wave_consistency
from hemicycle.attitudes.validation import ValidationOptions, Validity, validate
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng

Array = NDArray[np.float64]
_VALIDITY = tuple(Validity.__dataclass_fields__)
VALIDATION_COLUMNS = ("attitude", "label", "category", *_VALIDITY, "p_holm")
"""Of ``validation_results``; ``category``: the one of two whose attitude is higher where the AUC is above .5;
``p_holm`` corrects over all rows of one measure."""
AUDIENCE_COLUMNS = ("relation", "item", "attitude", "value", "low", "high", "mean", "dispersion", "shrinkage", "n")
"""Of ``audience_positions``: position drawn to the mean of all items, its 95 % interval, and the plain mean."""
WAVE_COLUMNS = ("attitude", "wave_a", "wave_b", *_VALIDITY, "shift", "rmse")
"""Of ``wave_results``."""
_WORK = 2e7
_FEWEST, _MOST = 100, 1000
_SHUFFLES = 50


def validation_table(
    attitudes: Array,
    names: Sequence[str],
    labels: Mapping[str, NDArray[Any]],
    seed: int,
    groups: NDArray[Any] | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Compare every attitude with every label from elsewhere.

    Args:
        attitudes: of users, shape (n, a).
        names: of the attitudes.
        labels: label -> values of the same users, shape (n,).
        seed: of resamples and shuffles.
        groups: e.g. parties, shape (n,); drawn whole where a label is constant within each.

    Returns:
        The table, and notes on labels that cannot be compared, e.g. because hardly any of these users has one.
    """
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    for label, values in labels.items():
        there = np.array([value is not None and value == value for value in values], bool)  # noqa: PLR0124 - NaN
        known, whose = values[there], None if groups is None else groups[there]
        draws = int(np.clip(_WORK / max(len(known), 1), _FEWEST, _MOST))
        shuffles = min(max(200, _SHUFFLES * len(labels) * len(names)), 2 * draws)
        options = ValidationOptions(draws=draws, permutations=shuffles)
        category = "" if known.dtype != object or not len(known) else str(max(known))
        try:
            for j, name in enumerate(names):
                random = rng("validation", seed, label, name)
                found = validate(attitudes[there, j], known, random, groups=whose, options=options)
                rows += [{"attitude": name, "label": label, "category": category, **asdict(row)} for row in found]
        except InputError as error:
            notes.append(f"{label} is compared with nothing: {error.problems[0].what}")
    table = pd.DataFrame(rows, columns=list(VALIDATION_COLUMNS[:-1]))
    return table.assign(p_holm=table.groupby("measure")["p_value"].transform(_holm).astype(float)), tuple(notes)


def _holm(p_values: pd.Series) -> pd.Series:
    """Holm (1979): the k-th smallest of n times n - k + 1, never below the one before."""
    order = p_values.sort_values()
    steps = order * np.arange(len(order), 0, -1)
    adjusted: pd.Series = steps.cummax().clip(upper=1.0).reindex(p_values.index)
    return adjusted


def audience_table(  # noqa: PLR0913 - two tables, their names, and who may be shown
    matrix: sp.csr_array,
    items: Sequence[str],
    attitudes: Array,
    names: Sequence[str],
    *,
    relation: str,
    public: bool,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Place public items at their audiences.

    Items of few people are left out, and so is a relation all of whose audiences are small: the notes say so.

    Args:
        matrix: users x items, how often, shape (n, m).
        items: their names, shape (m,).
        attitudes: of the users, NaN where unknown, shape (n, a).
        names: of the attitudes.
        relation: how the audience is one, e.g. ``shares``.
        public: whether the users are public entities; else audiences under ten people are left out.
    """
    try:
        found = audience_positions(matrix, attitudes, public=public, options=AudienceOptions())
    except InputError as error:
        return pd.DataFrame(columns=list(AUDIENCE_COLUMNS)), (f"{relation}: {error.problems[0].what}",)
    shown = np.flatnonzero(found.shown).tolist()
    columns = {"value": found.values, "low": found.low, "high": found.high, "mean": found.means}  # noqa: PD011 - no frame
    columns |= {"dispersion": found.dispersion, "shrinkage": found.shrinkage}
    about = {"relation": relation, "item": [items[row] for row in shown], "n": found.n[shown]}
    parts = [
        pd.DataFrame({**about, "attitude": name, **{key: column[shown, j] for key, column in columns.items()}})
        for j, name in enumerate(names)
    ]
    lost = matrix.shape[1] - len(shown)
    notes = (f"{lost:,} of {matrix.shape[1]:,} items of {relation} have too small an audience",) if lost else ()
    return pd.concat(parts, ignore_index=True)[list(AUDIENCE_COLUMNS)], notes


def wave_table(waves: Sequence[PartyPositions], seed: int) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Compare the first table of parties with every other on the parties and attitudes that both have.

    Returns:
        The table, and notes.

    Raises:
        InputError: a table shares no attitude, or too few parties, with the first.
    """
    first, frames, notes = waves[0], [], []
    for other in waves[1:]:
        shared = [name for name in first.attitudes if name in other.attitudes]
        if not shared:
            what = f"{other.source} shares no attitude with {first.source}"
            raise InputError(what, "wave", f"it has: {', '.join(other.attitudes[:10])}")
        lost = len(first.attitudes) - len(shared)
        notes += [f"{lost} attitudes of {first.source} are not in {other.source}"] if lost else []
        for name in shared:
            pair = {wave.source: _wave(wave, name) for wave in (first, other)}
            frames.append(wave_consistency(pair, rng("waves", seed, other.source, name)).assign(attitude=name))
    table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(WAVE_COLUMNS))
    return table[list(WAVE_COLUMNS)], tuple(notes)


def _wave(positions: PartyPositions, attitude: str) -> Wave:
    at = positions.attitudes.index(attitude)
    known = np.isfinite(positions.sds[:, at]).all() and np.isfinite(positions.experts).all()
    errors = positions.sds[:, at] / np.sqrt(positions.experts) if known else None
    return Wave(positions.ids, positions.means[:, at], errors)
