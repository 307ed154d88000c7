"""From who follows whom to attitudes: filters, latent dimensions, party points, maps, and every user on survey scales.

The pipeline of Ramaciotti, Cointet, Munoz Zolotoochin, Fernandez Peralta, Iniguez and Pournaki (2022), *Inferring
attitudinal spaces in social networks*, Social Network Analysis and Mining 13.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.attitudes.affine_map import AffineMap, PartyPoints, fit_map, party_points
from hemicycle.attitudes.correspondence import Correspondence, correspondence
from hemicycle.attitudes.filters import FilterOptions, filtered
from hemicycle.attitudes.map_scores import MapOptions
from hemicycle.attitudes.parties import PartyPositions
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.data.schema import Role, tag

Array = NDArray[np.float64]
Index = NDArray[np.int64]
_NORMAL = 1.959964
_LABEL: Role = "label"
Report = Callable[[str], None]


class InferenceOptions(Options):
    """The whole way from a table of follows to attitudes."""

    filters: FilterOptions = FilterOptions()
    """Which users and actors are analysed."""
    dims: int = Field(10, ge=1)
    """Latent dimensions that are computed; the maps choose among the first of them."""
    map: MapOptions = MapOptions()
    """From latent dimensions to attitudes."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Users, or actors, in latent and in attitude space.

    Args:
        index: their rows in what was given, shape (n,).
        coordinates: latent, shape (n, k).
        attitudes: shape (n, a).
        errors: standard errors of the map at these coordinates, shape (n, a).
    """

    index: Index
    coordinates: Array
    attitudes: Array
    errors: Array

    def interval(self) -> tuple[Array, Array]:
        """95 % interval of each attitude by the uncertainty of the map alone, two arrays of shape (n, a)."""
        return self.attitudes - _NORMAL * self.errors, self.attitudes + _NORMAL * self.errors


@dataclass(frozen=True, eq=False)
class Inferred:
    """Everything that came out.

    Args:
        users: rows of the table.
        actors: columns of the table.
        map: coefficients and scores of all attitudes.
        parties: their points in latent space.
        positions: those of the survey.
        correspondence: the analysis.
        notes: what was dropped, and what the scores do not cover.
    """

    users: Placed
    actors: Placed
    map: AffineMap
    parties: PartyPoints
    positions: PartyPositions
    correspondence: Correspondence
    notes: tuple[str, ...]


def infer(  # noqa: PLR0913 - the last three are rarely given
    table: sp.csr_array,
    parties: Index,
    positions: PartyPositions,
    options: InferenceOptions,
    *,
    members: Literal["rows", "columns"] = "columns",
    blocks: Index | None = None,
    report: Report = lambda _: None,
) -> Inferred:
    """Infer the attitudes of all users that the filters leave.

    Args:
        table: users x actors, shape (n, m), CSR, not negative.
        parties: row in ``positions`` of each actor's party, shape (m,) (of each user's: (n,)); -1 where there is none.
        positions: what the survey says of parties.
        options: filters, dimensions and maps.
        members: whether actors (columns) or users (rows) belong to the parties.
        blocks: see :func:`hemicycle.attitudes.correspondence.correspondence`.
        report: is told what is being done.

    Raises:
        InputError: shapes do not fit, nothing is left, or too few parties have members.
    """
    if len(parties) != table.shape[members == "columns"]:
        what = f"{len(parties)} parties for {table.shape[members == 'columns']} {members}"
        raise InputError(what, "infer", "give one party, or -1, for each")
    report("filters")
    left = filtered(table, options.filters)
    kept = blocks[left.columns] if blocks is not None else None
    dims = min(options.dims, min(left.table.shape) - 1)
    report(f"correspondence analysis of {left.table.shape[0]:,} x {left.table.shape[1]:,}, {left.table.nnz:,} entries")
    found = correspondence(left.table, dims, None if kept is None else np.unique(kept, return_inverse=True)[1])
    side, index = (found.columns, left.columns) if members == "columns" else (found.rows, left.rows)
    points = party_points(side, parties[index], options.map.min_actors)
    report(f"maps from {len(points.rows)} parties to {len(positions.attitudes)} attitudes")
    fitted = fit_map(points, positions, options.map)
    report(f"attitudes of {len(left.rows):,} users")
    users, actors = _placed(fitted, found.rows, left.rows), _placed(fitted, found.columns, left.columns)
    notes = (*left.notes(), *fitted.notes, *_components(found))
    return Inferred(users, actors, fitted, points, positions, found, notes)


def _placed(fitted: AffineMap, coordinates: Array, index: Index) -> Placed:
    return Placed(index, coordinates, fitted.predict(coordinates), fitted.errors(coordinates))


def _components(found: Correspondence) -> list[str]:
    apart = int((found.singular_values > 1 - 1e-9).sum())
    what = f"the table falls into {apart + 1} unconnected parts: the first {apart} dimensions only tell them apart"
    return [what] if apart else []


def attitude_table(placed: Placed, attitudes: tuple[str, ...], ids: pa.Array, *, public: bool) -> pa.Table:
    """Return attitudes with their 95 % intervals as a table whose columns are tagged.

    Attitudes of people who are not public are sensitive: no exporter lets them out row by row.

    Args:
        placed: n users or actors.
        attitudes: names.
        ids: pseudonyms, or public names, shape (n,).
        public: whether these are public entities.
    """
    low, high = placed.interval()
    columns: dict[str, pa.Array | Array] = {"id": ids}
    for j, name in enumerate(attitudes):
        columns |= {name: placed.attitudes[:, j], f"{name}_low": low[:, j], f"{name}_high": high[:, j]}
    for k in range(placed.coordinates.shape[1]):
        columns[f"dimension_{k + 1}"] = placed.coordinates[:, k]
    every = pa.table(columns)
    roles: dict[str, Role] = {"id": "id"}
    return tag(every, roles | dict.fromkeys(every.column_names[1:], _LABEL), public=public)
