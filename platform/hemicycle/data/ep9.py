"""Roll-call votes of the 9th European Parliament: a vote in favour is an interaction of a member with a roll call.

The files are those of MEPwatch (Tech to the People, https://mepwatch.eu): ``votes_by_mep.tsv.gz`` with one character a
member and roll call (``+`` for, ``-`` against, ``0`` abstention, ``.`` absent), ``meps.csv``, ``item_rollcall.csv.gz``
and ``party_to_ches2019.csv``. Where the Chapel Hill Expert Survey is at hand, members carry the positions of
their party: Jolly et al. (2022), *Chapel Hill Expert Survey trend file, 1999-2019*, Electoral Studies 75.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.assembly import Column, edge_table, node_table
from hemicycle.data.batches import open_text
from hemicycle.data.columns import ID, TEXT, TableFile, blank_to_null, ids_of, locate, numbers, seconds
from hemicycle.data.schema import Dataset, Relation

_FILES = ("votes_by_mep.tsv.gz", "meps.csv", "item_rollcall.csv.gz", "party_to_ches2019.csv")
_MEMBER = ("voteid", "firstname", "lastname", "birthdate", "country", "eugroup", "party")
_SIGNS = {"votes": b"+", "against": b"-", "abstained": b"0"}
_NO_PARTY = ("Independent", "-")
_TERM_STARTS = pd.Timestamp("2019-07-02", tz="UTC").timestamp()
_YEAR = 365.25 * 86400


class EP9Config(Options):
    """Configuration of :class:`EP9`."""

    source: Literal["ep9"] = "ep9"
    name: str = "European Parliament 2019-2024"
    """For people."""
    path: str = "ep9_rollcall"
    """Folder with the four files."""
    ches: str | None = None
    """Table of the Chapel Hill Expert Survey of 2019, e.g. ``ches/CHES2019V3.csv``; None: no positions."""
    positions: tuple[str, ...] = ("lrgen", "lrecon", "galtan", "eu_position")
    """Columns of the survey that become labels: those of a member's party."""
    country: Literal["group", "covariate"] = "covariate"
    """Role of the country; the parliamentary group always is a group."""
    min_votes: int = Field(50, ge=0)
    """Members who voted for or against less often are dropped; they are placed too imprecisely."""
    unanimous: float = Field(1.0, gt=0.5, le=1)
    """Roll calls in which a larger share of those for and against stood on one side are dropped."""


@dataclass(frozen=True)
class _Votes:
    """Who voted how.

    Args:
        members: voting ids, shape (n_members,).
        rolls: ids of roll calls, shape (n_rolls,).
        cast: one character each, shape (n_members, n_rolls).
    """

    members: list[str]
    rolls: list[str]
    cast: NDArray[np.uint8]

    def sides(self) -> NDArray[np.bool_]:
        """Tell who voted for or against, shape (2, n_members, n_rolls)."""
        return np.stack([self.cast == ord(sign) for sign in ("+", "-")])


class EP9:
    """Source of the 9th European Parliament: relations ``votes`` (for), ``against`` and ``abstained``.

    Args:
        config: where the files are and what is dropped.
    """

    Config = EP9Config
    keyed = False
    citations = (
        "European Parliament, roll-call votes of the 9th term; collected by MEPwatch, Tech to the People",
        "Jolly et al. (2022): Chapel Hill Expert Survey trend file, 1999-2019. Electoral Studies 75",
    )

    def __init__(self, config: EP9Config) -> None:
        self.config = config

    def files(self) -> list[Path]:
        """Paths of all files; raises for every one that is missing."""
        wanted = [f"{self.config.path}/{name}" for name in _FILES] + ([self.config.ches] if self.config.ches else [])
        found: list[Path] = []
        problems: list[Problem] = []
        for path in wanted:
            try:
                found.append(locate(path))
            except InputError as error:
                problems += error.problems
        raise_problems(problems)
        return found

    def read(self) -> Dataset:
        """Read all files.

        Raises:
            InputError: a file does not hold what it should, with line and column, or nobody votes often enough.
        """
        paths = self.files()
        every = _read_votes(paths[0])
        votes = self._kept(every)
        rolls, times = _rolls(TableFile(paths[2]), votes.rolls)
        members = _member_rows(TableFile(paths[1]), votes.members)
        codes, labels, note = self._positions(paths, members)
        parties = _parties(members, codes)
        columns = {**_member_columns(members, parties, self.config.country), **labels}
        return Dataset(
            self.config.name,
            node_table(votes.members, columns, "users", public=True),
            node_table(votes.rolls, rolls, "items", public=True),
            {name: _relation(votes, sign, times) for name, sign in _SIGNS.items()},
            public=True,
            notes=(*self._dropped(every, votes), *note, *_without_group(members)),
        )

    def _kept(self, votes: _Votes) -> _Votes:
        """Leave out roll calls of one opinion, then members who rarely vote, then roll calls without a vote."""
        both = votes.sides()
        counts = both.sum(axis=1)
        cast = counts.sum(axis=0)
        rolls = (cast > 0) & (counts.max(axis=0) <= self.config.unanimous * cast)
        members = both[:, :, rolls].sum(axis=(0, 2)) >= self.config.min_votes
        if not members.any() or not rolls.any():
            what = f"no member has {self.config.min_votes} votes in {int(rolls.sum())} roll calls"
            raise InputError(what, str(self.config.path), "lower min_votes or raise unanimous")
        rolls &= both[:, members].any(axis=(0, 1))
        return _Votes(_at(votes.members, members), _at(votes.rolls, rolls), votes.cast[members][:, rolls])

    def _dropped(self, every: _Votes, kept: _Votes) -> list[str]:
        members, rolls = len(every.members) - len(kept.members), len(every.rolls) - len(kept.rolls)
        few = f"{members} members with fewer than {self.config.min_votes} votes dropped"
        one = f"{rolls} roll calls with more than {self.config.unanimous:.1%} on one side or without votes dropped"
        return [*([few] if members else []), *([one] if rolls else [])]

    def _positions(
        self, paths: Sequence[Path], members: pa.Table
    ) -> tuple[NDArray[np.float64], dict[str, Column], list[str]]:
        """Return the number of each member's party in the survey, its positions, and what to know of them."""
        if self.config.ches is None:
            return np.full(members.num_rows, np.nan), {}, []
        parties, survey = TableFile(paths[3]), TableFile(paths[4])
        raise_problems(parties.missing({n: n for n in ("country", "party", "ches2019_party_id")}))
        raise_problems(survey.missing({n: n for n in ("party_id", *self.config.positions)}))
        codes = _party_codes(parties, members)
        found = _survey_positions(survey, self.config.positions, codes)
        known = int((~np.isnan(np.stack(list(found.values())))).any(axis=0).sum())
        note = (
            f"{', '.join(found)} are the positions of the member's national party in the survey, the same for all of "
            f"a party; {known} of {len(codes)} members have one (parties were matched by name)"
        )
        return codes, {name: Column(_float(values), "label") for name, values in found.items()}, [note]


def _at(values: list[str], keep: NDArray[np.bool_]) -> list[str]:
    return [value for value, kept in zip(values, keep, strict=True) if kept]


def _relation(votes: _Votes, sign: bytes, times: NDArray[np.float64]) -> Relation:
    users, items = np.nonzero(votes.cast == ord(sign))
    return Relation(edge_table(users, items, time=times[items]))


# -- files -----------------------------------------------------------------------------------------------------------


def _read_votes(path: Path) -> _Votes:
    try:
        with open_text(path) as stream:
            lines = stream.read().split(b"\n")
    except (OSError, EOFError) as error:
        raise InputError("the file is damaged", str(path), "get it again") from error
    head, *rows = [line.rstrip(b"\r").split(b"\t") for line in lines if line.strip()] or [[b""]]
    if head[0] != b"#rollcalls" or len(head) != 2:
        raise InputError("the first line does not list the roll calls", f"{path}:1", "#rollcalls<TAB>id,id,...")
    rolls = head[1].decode().split(",")
    wrong = [n for n, row in enumerate(rows, 2) if len(row) != 2 or len(row[1]) != len(rolls)]
    remedy = f"a member's voting id, a tab and {len(rolls)} characters, one a roll call"
    if wrong or not rows:
        where = f"{path}:{','.join(map(str, wrong[:5]))}"
        raise InputError(f"{len(wrong)} lines do not have one character for each roll call", where, remedy)
    cast = np.frombuffer(b"".join(row[1] for row in rows), np.uint8).reshape(len(rows), len(rolls))
    members = [row[0].decode() for row in rows]
    raise_problems(_vote_problems(path, members, rolls, cast))
    return _Votes(members, rolls, cast)


def _vote_problems(path: Path, members: list[str], rolls: list[str], cast: NDArray[np.uint8]) -> list[Problem]:
    known = np.zeros(256, bool)
    known[list(b"+-0.")] = True
    odd = np.flatnonzero(~known[cast].all(axis=1))
    where = f"{path}:{','.join(str(row + 2) for row in odd[:5])}"
    problems = [Problem(f"{len(odd)} lines hold other signs than + - 0 .", where, "get it again")] if len(odd) else []
    for what, ids in (("members", members), ("roll calls", rolls)):
        if len(set(ids)) < len(ids):
            problems.append(Problem(f"{len(ids) - len(set(ids))} {what} stand twice", str(path), "keep one of each"))
    return problems


def _rows_of(file: TableFile, column: str, wanted: list[str], table: pa.Table) -> NDArray[np.int64]:
    """Row of each wanted id; raises when one is missing or stands twice."""
    ids = ids_of(table[column])
    repeated = np.bincount(ids.codes + 1, minlength=2)[ids.codes + 1] > 1
    raise_problems(file.problem("are ids that stand twice", column, repeated, "keep one row for each"))
    position = {ids.values[code]: row for row, code in enumerate(ids.codes) if code >= 0}  # noqa: PD011 - of ours
    rows = np.array([position.get(value, -1) for value in wanted], np.int64)
    if (rows < 0).any():
        what = f"{int((rows < 0).sum())} of {len(rows)} ids of the votes file are missing"
        raise InputError(what, f"{file.path} column {column!r}", "get all files of one collection")
    return rows


def _rolls(file: TableFile, rolls: list[str]) -> tuple[dict[str, Column], NDArray[np.float64]]:
    raise_problems(file.missing({n: n for n in ("identifier", "date", "report", "title")}))
    table = file.read({"identifier": ID, "date": TEXT, "report": TEXT, "title": TEXT})
    times, bad = seconds(table["date"])
    raise_problems(file.problem("are no dates", "date", bad | np.isnan(times), "write 2021-02-09 15:24:53"))
    rows = _rows_of(file, "identifier", rolls, table)
    text = {name: _one(blank_to_null(table[name])).take(pa.array(rows)) for name in ("title", "report")}
    columns = {
        "title": Column(text["title"], "text"),
        "report": Column(text["report"], "covariate"),
        "time": Column(pa.array(times[rows]), "covariate"),
    }
    return columns, times[rows]


def _member_rows(file: TableFile, members: list[str]) -> pa.Table:
    raise_problems(file.missing({n: n for n in _MEMBER}))
    table = file.read({"voteid": ID, **dict.fromkeys(_MEMBER[1:], TEXT)})
    born, bad = seconds(table["birthdate"])
    raise_problems(file.problem("are no dates", "birthdate", bad, "write 1951-02-12"))
    return table.append_column("born", pa.array(born)).take(pa.array(_rows_of(file, "voteid", members, table)))


def _parties(members: pa.Table, codes: NDArray[np.float64]) -> pa.Array:
    """Name of each member's national party with its country, e.g. ``Green Party (ie)``; null for independents.

    Parties that the survey counts as one carry one name, so that what is known of a party has one group.
    """
    own = list(zip(*(_one(blank_to_null(members[name])).to_pylist() for name in ("party", "country")), strict=True))
    surveyed: dict[float, set[str]] = defaultdict(set)
    for (party, _), code in zip(own, codes.tolist(), strict=True):
        if not np.isnan(code):
            surveyed[code].add(party)
    names = [
        None
        if party is None or party in _NO_PARTY
        else f"{' / '.join(sorted(surveyed.get(code, {party})))} ({country})"
        for (party, country), code in zip(own, codes.tolist(), strict=True)
    ]
    return pa.array(names, pa.string())


def _member_columns(members: pa.Table, parties: pa.Array, country: Literal["group", "covariate"]) -> dict[str, Column]:
    text = {name: _one(blank_to_null(members[name])) for name in _MEMBER[1:]}
    names = pc.binary_join_element_wise(text["firstname"].fill_null(""), text["lastname"].fill_null(""), " ")
    age = np.floor((_TERM_STARTS - members["born"].to_numpy()) / _YEAR)
    return {
        "name": Column(pc.utf8_trim_whitespace(names), "name"),
        "eugroup": Column(text["eugroup"], "group"),
        "party": Column(parties, "group"),
        "country": Column(text["country"], country),
        "age": Column(_float(age), "covariate"),
    }


def _without_group(members: pa.Table) -> list[str]:
    empty = _one(blank_to_null(members["eugroup"])).null_count
    return [f"{empty} members have no parliamentary group in the file"] if empty else []


def _party_codes(file: TableFile, members: pa.Table) -> NDArray[np.float64]:
    """Number of each member's party in the survey, NaN where it is not known, and for independents."""
    table = file.read({"country": TEXT, "party": TEXT, "ches2019_party_id": TEXT})
    codes, bad = numbers(table["ches2019_party_id"])
    raise_problems(file.problem("are no numbers", "ches2019_party_id", bad, "leave unknown ones empty"))
    pairs = zip(table["country"].to_pylist(), table["party"].to_pylist(), strict=True)
    known = dict(zip(pairs, codes.tolist(), strict=True))
    own = zip(members["country"].to_pylist(), members["party"].to_pylist(), strict=True)
    return np.array([np.nan if pair[1] in _NO_PARTY else known.get(pair, np.nan) for pair in own], np.float64)


def _survey_positions(
    file: TableFile, names: Sequence[str], codes: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    table = file.read(dict.fromkeys(("party_id", *names), TEXT))
    parties, bad = numbers(table["party_id"])
    problems = file.problem("are no numbers", "party_id", bad, "get it again")
    columns = {}
    for name in names:
        columns[name], bad = numbers(table[name])
        problems += file.problem("are no numbers", name, bad, "choose a column of numbers")
    raise_problems(problems)
    row = pd.Series(np.arange(len(parties)), index=parties)
    rows = row[~row.index.duplicated()].reindex(codes).fillna(-1).to_numpy(np.int64)
    rows[np.isnan(codes)] = -1
    return {name: np.append(values, np.nan)[rows] for name, values in columns.items()}


def _one(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _float(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
