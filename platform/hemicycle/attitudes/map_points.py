"""The ideological map as a table: public people one by one or cells of many, discs of parties, survey axes.

Plain text for figures: nothing here is a value of a single person who is not public.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.attitudes.inference import Inferred
from hemicycle.core.disclosure import K
from hemicycle.core.map_cells import map_cells

Array = NDArray[np.float64]
POINT_COLUMNS = ("kind", "name", "group", "x", "y", "dx", "dy", "n", "attitude", "value")
"""kind ``person``, ``cell``, ``party`` or ``axis``; dx, dy: direction in which an axis rises; value: of ``attitude``,
for an axis the share of its map that lies in the plane."""
_MOST_CELLS = 40


def attitude_points(
    found: Inferred, *, public: bool, members_public: bool, names: Sequence[str] = (), groups: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the points of the plane of the first two dimensions, with the columns ``POINT_COLUMNS``.

    Args:
        found: what was inferred; with one dimension, y is 0.
        public: whether the users are public entities, who may be shown one by one.
        members_public: whether those who belong to parties are; otherwise parties of under 10 people are left out.
        names: of the users that were kept, shown if they are public.
        groups: of the users that were kept, e.g. parliamentary groups, shown if they are public.
    """
    plane = _plane(found.users.coordinates)
    colour = found.map.attitudes[0]
    values = found.users.attitudes[:, 0]
    people = _people(plane, values, names, groups) if public else _cells(plane, values)
    parts = [people.assign(attitude=colour), _parties(found, members_public=members_public), _axes(found)]
    return pd.concat([part.reindex(columns=list(POINT_COLUMNS)).astype(_TYPES) for part in parts], ignore_index=True)


_TYPES = dict.fromkeys(("kind", "name", "group", "attitude"), "object") | dict.fromkeys(
    ("x", "y", "dx", "dy", "n", "value"), "float64"
)


def _plane(coordinates: Array) -> Array:
    return np.pad(coordinates[:, :2], ((0, 0), (0, max(0, 2 - coordinates.shape[1]))))


def _people(plane: Array, values: Array, names: Sequence[str], groups: Sequence[str]) -> pd.DataFrame:
    blank = [""] * len(plane)
    columns = {"name": list(names) or blank, "group": list(groups) or blank, "x": plane[:, 0], "y": plane[:, 1]}
    return pd.DataFrame({"kind": "person", **columns, "n": 1.0, "value": values})


def _cells(plane: Array, values: Array) -> pd.DataFrame:
    """Hexagons of at least K people with the mean of an attitude; small ones and their complements are left out."""
    found = map_cells(plane, _MOST_CELLS)
    means = np.bincount(found.cell, values, len(found.sizes)) / found.sizes
    x, y = found.centres[found.shown].T
    columns = {"x": x, "y": y, "n": found.sizes[found.shown].astype(float), "value": means[found.shown]}
    return pd.DataFrame({"kind": "cell", "name": "", "group": "", **columns})


def _parties(found: Inferred, *, members_public: bool) -> pd.DataFrame:
    points, positions = found.parties, found.positions.rows(found.parties.rows)
    plane, own = _plane(points.coordinates), positions.means[:, 0]
    columns = {"name": positions.names, "group": positions.countries, "x": plane[:, 0], "y": plane[:, 1]}
    every = pd.DataFrame({"kind": "party", **columns, "n": points.actors.astype(float), "value": own})
    shown = every if members_public else every[every["n"] >= K]
    return shown.assign(attitude=positions.attitudes[0])


def _axes(found: Inferred) -> pd.DataFrame:
    """Direction in which each attitude's map rises, and the share of its variance over parties that it has there."""
    plane, rows = _plane(found.parties.coordinates), []
    centre = plane.mean(axis=0)
    for j, attitude in enumerate(found.map.attitudes):
        slopes = _plane(found.map.slopes[None, j])[0]
        whole = np.var(found.parties.coordinates @ found.map.slopes[j])
        share = float(np.var(plane @ slopes) / whole) if whole > 0 else float("nan")
        length = float(np.hypot(*slopes)) or 1.0
        rows.append((attitude, *centre, *(slopes / length), min(share, 1.0)))
    axes = pd.DataFrame(rows, columns=["attitude", "x", "y", "dx", "dy", "value"])
    return axes.assign(kind="axis", name=axes["attitude"], group="", n=np.nan)
