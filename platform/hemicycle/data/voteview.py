"""Roll-call votes of the US Congress as Voteview exports them: a yea vote is an interaction with a roll call.

Lewis, Poole, Rosenthal, Boche, Rudkin and Sonnet, *Voteview: Congressional Roll-Call Votes Database*,
https://voteview.com. Members' positions are DW-NOMINATE scores (Poole and Rosenthal 1985, AJPS 29(2)).
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.paths import find_folder
from hemicycle.data.assembly import Column, edge_table, node_table
from hemicycle.data.columns import ID, NUMBER, TEXT, Ids, TableFile, blank_to_null, ids_of, in_order, locate, numbers
from hemicycle.data.schema import Dataset, Relation

BUNDLED = "bundled"
_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_PARTIES = {100: "Democrat", 200: "Republican", 328: "Independent"}
_VOTES = ("rollnumber", "icpsr", "cast_code")
_MEMBERS = ("icpsr", "chamber", "state_abbrev", "party_code", "bioname", "born", "nominate_dim1", "nominate_dim2")
_YEA, _NAY = (1, 3), (4, 6)


class VoteviewConfig(Options):
    """Configuration of :class:`Voteview`."""

    source: Literal["voteview"] = "voteview"
    name: str | None = None
    """For people; default such as ``Senate 96``."""
    path: str = BUNDLED
    """Folder with ``S096_votes.csv`` and ``S096_members.csv`` (also .csv.gz, .parquet), or ``bundled``."""
    congress: int = Field(96, ge=1, le=200)
    """Number of the Congress; the 96th Senate is bundled."""
    chamber: Literal["Senate", "House"] = "Senate"
    """Which chamber."""
    min_votes: int = Field(50, ge=0)
    """Members who cast fewer yeas and nays are dropped; they are placed too imprecisely."""


class Voteview:
    """Source of one Congress: relations ``votes`` (yea) and ``nays``, both from members to roll calls.

    Args:
        config: which Congress, from which folder.
    """

    Config = VoteviewConfig
    keyed = False
    citations = (
        "Lewis, Poole, Rosenthal, Boche, Rudkin, Sonnet: Voteview Congressional Roll-Call Votes Database, voteview.com",
    )

    def __init__(self, config: VoteviewConfig) -> None:
        self.config = config

    @property
    def _stem(self) -> str:
        return f"{self.config.chamber[0]}{self.config.congress:03d}"

    def files(self) -> list[Path]:
        """Paths of votes and members; raises for every one that is missing."""
        folder = self._folder()
        found = {kind: _find(folder, f"{self._stem}_{kind}") for kind in ("votes", "members")}
        remedy = "get both from https://voteview.com/data, or: hemicycle data fetch us_senate_rollcall"
        raise_problems(
            Problem(f"there is no file {self._stem}_{kind}.csv[.gz]", str(folder), remedy)
            for kind, path in found.items()
            if path is None
        )
        return [path for path in found.values() if path is not None]

    def _folder(self) -> Path:
        if self.config.path == BUNDLED:
            return bundled_folder()
        return find_folder(self.config.path) or Path(self.config.path)

    def read(self) -> Dataset:
        """Read both files.

        Raises:
            InputError: columns are missing or hold no numbers.
        """
        votes_file, members_file = (TableFile(path) for path in self.files())
        columns = [*votes_file.missing({n: n for n in _VOTES}), *members_file.missing({n: n for n in _MEMBERS})]
        raise_problems(columns)
        votes = _read_votes(votes_file)
        members, rows = _read_members(members_file, self.config.chamber)
        kept = self._kept(votes, rows)
        items, relations = votes.relations(kept)
        return Dataset(
            self.config.name or f"{self.config.chamber} {self.config.congress}",
            self._users(kept, members.take(pa.array([rows[icpsr] for icpsr in kept]))),
            node_table([f"R{self._stem}{int(number):04d}" for number in items], {}, "items", public=True),
            relations,
            public=True,
            notes=self._notes(len(rows) - len(kept)),
        )

    def _kept(self, votes: "_Votes", rows: dict[str, int]) -> list[str]:
        busy = {member for member, count in votes.counts().items() if count >= self.config.min_votes}
        kept = in_order(busy & rows.keys())
        if not kept:
            raise InputError(
                f"no member of the {self.config.chamber} has {self.config.min_votes} votes",
                remedy="lower min_votes, or check that votes and members are of the same Congress",
            )
        return kept

    def _notes(self, dropped: int) -> tuple[str, ...]:
        circular = "NOMINATE scores are estimated from these same votes: reading them out is a recovery check"
        few = f"{dropped} members with fewer than {self.config.min_votes} votes dropped"
        return (circular, few) if dropped else (circular,)

    def _users(self, ids: list[str], members: pa.Table) -> pa.Table:
        first_year = 1787 + 2 * self.config.congress
        columns = {
            "name": Column(_text(members, "bioname"), "name"),
            "party": Column(pa.array([_party(code) for code in numbers(members["party_code"])[0]]), "group"),
            "state": Column(_text(members, "state_abbrev"), "covariate"),
            "age": Column(_float(first_year - numbers(members["born"])[0]), "covariate"),
            "nominate_dim1": Column(_float(numbers(members["nominate_dim1"])[0]), "label"),
            "nominate_dim2": Column(_float(numbers(members["nominate_dim2"])[0]), "label"),
        }
        return node_table(ids, columns, "users", public=True)


@dataclass(frozen=True)
class _Votes:
    """The yeas and nays: member, roll call and cast code, each of shape (n_votes,)."""

    voters: Ids
    rolls: Ids
    codes: NDArray[np.float64]

    def counts(self) -> dict[str, int]:
        """Votes of each member."""
        counts = np.bincount(self.voters.codes, minlength=len(self.voters.values))
        return dict(zip(self.voters.values, counts.tolist(), strict=True))

    def relations(self, members: list[str]) -> tuple[list[str], dict[str, Relation]]:
        """Return the roll calls in which these members voted, in order, and their yeas and nays."""
        users = self.voters.at({icpsr: row for row, icpsr in enumerate(members)})
        used = np.unique(self.rolls.codes[users >= 0])
        order = in_order(self.rolls.values[code] for code in used)
        items = self.rolls.at({number: row for row, number in enumerate(order)})
        found: dict[str, Relation] = {}
        for name, (low, high) in (("votes", _YEA), ("nays", _NAY)):
            rows = np.flatnonzero((users >= 0) & (self.codes >= low) & (self.codes <= high))
            found[name] = Relation(edge_table(users[rows], items[rows]))
        return order, found


def bundled_folder() -> Path:
    """Folder of the Senate that comes with the package."""
    return Path(str(resources.files("hemicycle.data"))) / "bundled"


def _find(folder: Path, stem: str) -> Path | None:
    for suffix in _SUFFIXES:
        try:
            return locate(str(folder / f"{stem}{suffix}"))
        except InputError:
            continue
    return None


def _read_votes(file: TableFile) -> _Votes:
    table = file.read({"icpsr": ID, "rollnumber": ID, "cast_code": NUMBER})
    codes, bad = numbers(table["cast_code"])
    voters, rolls = ids_of(table["icpsr"]), ids_of(table["rollnumber"])
    no_number = np.array([not value.isdigit() for value in rolls.values] + [True], bool)[rolls.codes]
    raise_problems(
        [
            *file.problem("are no cast codes", "cast_code", bad | np.isnan(codes), "export the file again"),
            *file.problem("are no members' numbers", "icpsr", voters.codes < 0, "export the file again"),
            *file.problem("are no roll-call numbers", "rollnumber", no_number, "export the file again"),
        ]
    )
    cast = (codes >= _YEA[0]) & (codes <= _NAY[1])
    return _Votes(Ids(voters.codes[cast], voters.values), Ids(rolls.codes[cast], rolls.values), codes[cast])


def _read_members(file: TableFile, chamber: str) -> tuple[pa.Table, dict[str, int]]:
    """Return the members of a chamber (rows of the President go) and the row of each ICPSR number."""
    table = file.read({"icpsr": ID, **dict.fromkeys(_MEMBERS[1:], TEXT)})
    rows = np.flatnonzero(np.array(table["chamber"].to_pylist(), object) == chamber)
    problems = [
        problem
        for name in ("party_code", "born", "nominate_dim1", "nominate_dim2")
        for problem in file.problem("are not numbers", name, numbers(table[name])[1], "export the file again")
    ]
    ids = ids_of(table["icpsr"])
    repeated = np.isin(np.arange(table.num_rows), rows) & (np.bincount(ids.codes[rows] + 1)[ids.codes + 1] > 1)
    problems += file.problem("are numbers of members who stand twice", "icpsr", repeated, "keep one row for each")
    raise_problems(problems)
    return table, {ids.values[ids.codes[row]]: int(row) for row in rows if ids.codes[row] >= 0}


def _party(code: float) -> str | None:
    return None if np.isnan(code) else _PARTIES.get(int(code), f"party {int(code)}")


def _text(table: pa.Table, name: str) -> pa.Array:
    return blank_to_null(table[name]).combine_chunks()


def _float(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
