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
from hemicycle.attitudes.filters import FilterOptions, filtered
from hemicycle.attitudes.latent import Blocks, Latent, Method, latent_space
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
    method: Method = "correspondence"
    """``correspondence`` analysis, or ``ideal_points``: slower, with an uncertainty of every user."""
    dims: int | None = Field(None, ge=1)
    """Latent dimensions that are computed; the maps choose among the first of them. None: 10, of ideal points 2."""
    map: MapOptions = MapOptions()
    """From latent dimensions to attitudes."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Users, or actors, in latent and in attitude space.

    Args:
        index: their rows in what was given, shape (n,).
        coordinates: latent, shape (n, k).
        attitudes: shape (n, a).
        errors: standard errors of the map at these coordinates and, of users with ideal points, of their own
            position, shape (n, a).
    """

    index: Index
    coordinates: Array
    attitudes: Array
    errors: Array

    def interval(self) -> tuple[Array, Array]:
        """95 % interval of each attitude by the uncertainty that ``errors`` hold, two arrays of shape (n, a)."""
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
        latent: where they stand before the map.
        notes: what was dropped, and what the scores do not cover.
    """

    users: Placed
    actors: Placed
    map: AffineMap
    parties: PartyPoints
    positions: PartyPositions
    latent: Latent
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
        blocks: see :func:`hemicycle.attitudes.correspondence.correspondence`; ideal points take the first column of a
            block for votes for, the second for votes against.
        report: is told what is being done.

    Raises:
        InputError: shapes do not fit, nothing is left, or too few parties have members.
    """
    if len(parties) != table.shape[members == "columns"]:
        what = f"{len(parties)} parties for {table.shape[members == 'columns']} {members}"
        raise InputError(what, "infer", "give one party, or -1, for each")
    report("filters")
    left = filtered(table, options.filters)
    kept = None if blocks is None else Blocks.numbered(blocks).select(left.columns)
    found = latent_space(left.table, options.method, options.dims, kept, report)
    columns = left.columns[found.index]
    side, index = (found.columns, columns) if members == "columns" else (found.rows, left.rows)
    points = party_points(side, parties[index], options.map.min_actors)
    report(f"maps from {len(points.rows)} parties to {len(positions.attitudes)} attitudes")
    fitted = fit_map(points, positions, options.map)
    report(f"attitudes of {len(left.rows):,} users")
    users, actors = _placed(fitted, found.rows, left.rows, found.row_sds), _placed(fitted, found.columns, columns)
    notes = (*left.notes(), *fitted.notes, *found.notes)
    return Inferred(users, actors, fitted, points, positions, found, notes)


def _placed(fitted: AffineMap, coordinates: Array, index: Index, sds: Array | None = None) -> Placed:
    errors = fitted.errors(coordinates)
    if sds is not None:
        errors = np.sqrt(np.square(errors) + np.square(sds) @ np.square(fitted.slopes).T)
    return Placed(index, coordinates, fitted.predict(coordinates), errors)


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
