"""Positions of parties on the scales of a survey, from any table, and which actor belongs to which of them."""

import difflib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.columns import ID, NUMBER, TEXT, TableFile, ids_of, locate, numbers

Array = NDArray[np.float64]
Scale = tuple[float, float]
SHOWN = 5
"""Names that a message lists."""


@dataclass(frozen=True, eq=False)
class PartyPositions:
    """Where p parties stand on a attitudes.

    Args:
        ids: distinct, shape (p,).
        names: for people, shape (p,).
        countries: ISO 3166 codes in lower case, shape (p,); empty where it is not known.
        attitudes: names, shape (a,).
        means: positions, shape (p, a), NaN where missing.
        sds: standard deviations between experts, shape (p, a), NaN where not known.
        experts: experts who judged a party, shape (p,), NaN where not known.
        scales: attitude -> lowest and highest answer, where it is known.
        source: where they come from.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    countries: tuple[str, ...]
    attitudes: tuple[str, ...]
    means: Array
    sds: Array
    experts: Array
    scales: Mapping[str, Scale] = field(default_factory=dict)
    source: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    def choose(self, attitudes: Sequence[str]) -> "PartyPositions":
        """Return some attitudes alone, in this order; none: all.

        Raises:
            InputError: one is unknown; the message lists the nearest names.
        """
        if not attitudes:
            return self
        raise_problems(_unknown(name, self) for name in attitudes if name not in self.attitudes)
        at = [self.attitudes.index(name) for name in attitudes]
        scales = {name: self.scales[name] for name in attitudes if name in self.scales}
        kept = (tuple(attitudes), self.means[:, at], self.sds[:, at], self.experts, scales, self.source)
        return PartyPositions(self.ids, self.names, self.countries, *kept)

    def rows(self, at: NDArray[np.int64]) -> "PartyPositions":
        """Return some parties alone, in this order."""
        ids, names, countries = (tuple(col[row] for row in at) for col in (self.ids, self.names, self.countries))
        means, sds, experts = self.means[at], self.sds[at], self.experts[at]
        return PartyPositions(ids, names, countries, self.attitudes, means, sds, experts, self.scales, self.source)

    def errors(self, experts: float) -> Array:
        """Standard errors of the means, sd / sqrt(experts), shape (p, a); 0 where the sd is not known.

        Args:
            experts: their number where it is not known; 1 takes the sd itself, which is the widest.
        """
        number = np.where(np.isfinite(self.experts) & (self.experts > 0), self.experts, experts)
        return np.nan_to_num(self.sds / np.sqrt(number)[:, None])


class PartyColumns(Options):
    """Columns of a party table that are not positions."""

    party: str = "party"
    """Ids or names, as the actors' table writes them."""
    country: str = ""
    """Countries, where parties of several share names."""
    name: str = ""
    """Names for people; default: as ``party``."""
    experts: str = ""
    """Number of experts of each party."""
    sd_suffix: str = Field("_sd", min_length=1)
    """A column of this ending holds the standard deviations of the one without it."""


def read_parties(path: str, columns: PartyColumns | None = None, attitudes: Sequence[str] = ()) -> PartyPositions:
    """Read a table with a column of parties and numeric ones.

    Args:
        path: CSV, TSV or Parquet; found like an edge list.
        columns: which columns are no positions.
        attitudes: columns of positions; none: every numeric column.

    Raises:
        InputError: every problem, with file, line and column.
    """
    columns, file = columns or PartyColumns(), TableFile(locate(path))
    named = {key: column for key, column in columns.model_dump().items() if column and key != "sd_suffix"}
    raise_problems(file.missing({**named, **{f"attitude {name}": name for name in attitudes}}))
    texts = {named[key]: TEXT for key in ("country", "name") if key in named}
    rest = [name for name in file.names if name not in named.values()]
    wanted = [name for name in rest if not attitudes or name.removesuffix(columns.sd_suffix) in attitudes]
    experts = [columns.experts] if columns.experts else []
    table = file.read({columns.party: ID, **texts, **dict.fromkeys([*wanted, *experts], NUMBER)})
    values = _numeric(file, table, wanted, attitudes)
    ids = _ids(file, table, columns.party)
    return positions_of(
        ids,
        values,
        names=_texts(table, columns.name) or ids,
        countries=[text.lower() for text in _texts(table, columns.country)] or [""] * len(ids),
        experts=_experts(file, table, columns.experts),
        sd_suffix=columns.sd_suffix,
        source=file.path.name,
    )


def positions_of(  # noqa: PLR0913 - the columns of one table
    ids: Sequence[str],
    values: Mapping[str, Array],
    *,
    names: Sequence[str],
    countries: Sequence[str],
    experts: Array,
    sd_suffix: str = "_sd",
    scales: Mapping[str, Scale] | None = None,
    source: str = "",
) -> PartyPositions:
    """Put columns together; those that end in ``sd_suffix`` belong to the column without it."""
    own = tuple(name for name in values if not (name.endswith(sd_suffix) and name.removesuffix(sd_suffix) in values))
    missing = np.full(len(ids), np.nan)
    return PartyPositions(
        tuple(ids),
        tuple(names),
        tuple(countries),
        own,
        np.column_stack([values[name] for name in own]) if own else np.empty((len(ids), 0)),
        np.column_stack([values.get(name + sd_suffix, missing) for name in own]) if own else np.empty((len(ids), 0)),
        experts,
        {name: scale for name, scale in (scales or {}).items() if name in own},
        source,
    )


# -- which party is whose --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Matched:
    """Parties of actors.

    Args:
        rows: row of each actor's party among the positions, shape (m,); -1 where there is none.
        notes: what did not match.
    """

    rows: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def match(parties: Sequence[str | None], positions: PartyPositions, countries: Sequence[str | None] = ()) -> Matched:
    """Find each actor's party by its id, else by its name (within the country, where one is given).

    Args:
        parties: what the actors' table says, shape (m,); None where nothing.
        positions: the survey's parties.
        countries: codes as in ``positions.countries``, shape (m,), or empty.

    Raises:
        InputError: no actor has a party of the survey (lists the nearest names), or a name stands for several.
    """
    known = _names_of(positions)
    pairs = list(zip(parties, countries or [None] * len(parties), strict=True))
    found = {pair: known.get(key, []) for pair in set(pairs) if (key := _key(*pair, known)) is not None}
    several = sorted({str(party) for (party, _), rows in found.items() if len(rows) > 1})
    if several:
        what = f"{len(several)} names stand for parties of several countries: {', '.join(several[:SHOWN])}"
        raise InputError(what, positions.source, "use the survey's party ids, or give the actors' countries")
    rows = np.array([found[pair][0] if found.get(pair) else -1 for pair in pairs], np.int64)
    lost = sorted({str(party) for (party, _), at in zip(pairs, rows, strict=True) if at < 0 and party is not None})
    if lost and (rows < 0).all():
        raise InputError([_no_match(lost, positions)])
    note = f"{len(lost)} parties of {int((rows < 0).sum())} actors are not in {positions.source or 'the party table'}"
    return Matched(rows, (note,) if lost else ())


def _key(party: str | None, country: str | None, known: Mapping[tuple[str, str], list[int]]) -> tuple[str, str] | None:
    if party is None:
        return None
    plain = party.strip().casefold()
    options = [("id", plain), ((country or "").strip().lower(), plain)]
    return next((key for key in options if key in known), ("", plain) if not country else None)


def _names_of(positions: PartyPositions) -> dict[tuple[str, str], list[int]]:
    """Every way to write a party -> its rows: by id; by country and name; by name alone."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, (own, name, country) in enumerate(zip(positions.ids, positions.names, positions.countries, strict=True)):
        plain = name.strip().casefold()
        for key in {("id", own.casefold()), ("", plain), (country, plain), ("", f"{country}:{plain}")}:
            found[key].append(row)
    return found


def _no_match(lost: Sequence[str], positions: PartyPositions) -> Problem:
    every = list(dict.fromkeys([*positions.names, *positions.ids]))
    lower = {name.casefold(): name for name in every}
    near = []
    for name in lost[:SHOWN]:
        close = difflib.get_close_matches(name.casefold(), list(lower), n=3, cutoff=0.4)
        near.append(
            f"{name!r} (nearest: {', '.join(lower[c] for c in close)})" if close else f"{name!r} (none is near)"
        )
    what = f"no actor's party is among the {len(positions)} of the party table: {'; '.join(near)}"
    return Problem(what, positions.source, f"write parties as it does, e.g. {', '.join(every[:SHOWN])}")


def _unknown(name: str, positions: PartyPositions) -> Problem:
    near = difflib.get_close_matches(name, positions.attitudes, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"it has: {', '.join(positions.attitudes[:20])}"
    return Problem(f"there is no attitude {name!r}; {hint}", positions.source, "correct it")


# -- columns ---------------------------------------------------------------------------------------------------------


def _numeric(file: TableFile, table: pa.Table, names: Sequence[str], asked: Sequence[str]) -> dict[str, Array]:
    """Columns of numbers; one that was asked for and holds something else is a problem."""
    values, problems = {}, []
    for name in names:
        found, bad = numbers(table[name])
        if not bad.any() and np.isfinite(found).any():
            values[name] = np.where(np.isfinite(found), found, np.nan)
        elif name in asked:
            problems += file.problem("are not numbers", name, bad | ~np.isfinite(found), "correct or remove them")
    if not values and not problems:
        problems.append(Problem("there is no column of numbers", f"{file.path}:1", "give a column for each attitude"))
    raise_problems(problems)
    return values


def _ids(file: TableFile, table: pa.Table, column: str) -> list[str]:
    ids = ids_of(table[column])
    raise_problems(file.problem("are empty where a party is needed", column, ids.codes < 0, "complete them"))
    repeated = np.bincount(ids.codes, minlength=1)[ids.codes] > 1
    raise_problems(file.problem("are parties that stand twice", column, repeated, "one row for each: choose a year"))
    return [ids.values[code] for code in ids.codes]


def _texts(table: pa.Table, column: str) -> list[str]:
    return [str(value or "").strip() for value in table[column].to_pylist()] if column else []


def _experts(file: TableFile, table: pa.Table, column: str) -> Array:
    if not column:
        return np.full(table.num_rows, np.nan)
    values, bad = numbers(table[column])
    raise_problems(file.problem("are no numbers of experts", column, bad | (values < 1), "write 1, 2, ..."))
    return values
