"""One analysis of attention as figures, tables and sentences need it: groups in order with colours, issues, modes."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from hemicycle.reports.facts import Tables
from hemicycle.reports.theme import BLUE, CYCLE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

ALL = "all"
PREFIX = "agenda_"
LEGISLATORS, SUPPORTERS, PUBLIC, MEDIA, OTHER = "legislators", "supporters", "public", "media", ""
ROLES = (LEGISLATORS, SUPPORTERS, PUBLIC, MEDIA, OTHER)
"""Roles of groups in the order in which they are shown."""
_ROLE_WORDS = {  # in the order in which they are looked for: Republicans are no public
    SUPPORTERS: ("support", "follower", "partisan", "voter", "sympath", "militant"),
    MEDIA: ("media", "press", "news", "journal", "outlet", "broadcast"),
    LEGISLATORS: (
        *("democrat", "republican", "congress", "legislat", "politic", "parliament", "deput", "senat"),
        *("member", "mps", "elected", "elus", "parlement", "left", "right", "government", "party"),
    ),
    PUBLIC: ("public", "random", "user", "citizen", "citoyen", "people", "population"),
}
_PARTIES = {
    "democrat": (BLUE, SKY),
    "republican": (VERMILION, ORANGE),
    "left": (BLUE, SKY),
    "right": (VERMILION, ORANGE),
}
_ROLE_COLOURS = {MEDIA: PURPLE, PUBLIC: GREEN}
ONE_TIME, CUMULATED, PERMANENT = "one-time", "one-time cumulative", "permanent"
SHOCKS = (ONE_TIME, CUMULATED, PERMANENT)
"""Rises in the order in which they are shown."""
SIMULATED = ("recovery", "power", "mediation", "discoveries", "false_discoveries")
"""How names of tables of simulations begin; these know the truth and have neither analysis nor issue."""


def role(group: str) -> str:
    """Role that a group's name tells: legislators, their supporters, a public, media, or nothing."""
    text = "".join(
        letter for letter in unicodedata.normalize("NFD", group.lower()) if not unicodedata.combining(letter)
    )
    return next((name for name, words in _ROLE_WORDS.items() if any(word in text for word in words)), OTHER)


def group_label(group: object) -> str:
    """Name for people of a group: ``Democratic_Supporters`` is Democratic Supporters."""
    return str(group).replace("_", " ").strip()


def issue_label(issue: object) -> str:
    """Name for people of an issue."""
    return "all issues" if str(issue) == ALL else str(issue).replace("_", " ").strip()


def measure_label(measure: object) -> str:
    """Name for people of a measure of leading: ``granger`` is Granger causality."""
    return str(measure).replace("granger", "Granger causality").replace("gaussian", "Gaussian")


@dataclass(frozen=True, eq=False)
class Agenda:
    """Tables of one analysis of attention.

    Args:
        name: of the analysis.
        several: whether the study has others, so that figures must say which is theirs.
        tables: table name without ``agenda_`` -> its rows of this analysis.
    """

    name: str
    several: bool
    tables: Mapping[str, pd.DataFrame]

    def id(self, figure: str) -> str:
        """Id of a figure of this analysis, unique in its study."""
        return f"{figure}_{self.name}" if self.several else figure

    def title(self, text: str) -> str:
        """Title of a figure, with the analysis where there are several."""
        return f"{text} ({group_label(self.name)})" if self.several else text

    def where(self) -> str:
        """Words for a sentence: `` in legislators`` where there are several analyses."""
        return f" in {group_label(self.name)}" if self.several else ""

    def rows(self, table: str, issue: str | None = None) -> pd.DataFrame:
        """Rows of a table, of one issue where it is given; empty where there are none."""
        found = self.tables.get(table)
        if found is None or found.empty or issue is None or "issue" not in found:
            return pd.DataFrame() if found is None else found
        return found[found["issue"].astype(str) == issue]

    def main(self, table: str) -> pd.DataFrame:
        """Rows over all issues together; of the first issue where no row is."""
        found = self.rows(table)
        if found.empty or "issue" not in found:
            return found
        names = list(dict.fromkeys(found["issue"].astype(str)))
        return self.rows(table, ALL if ALL in names else names[0])

    def issues(self, table: str) -> list[str]:
        """Issues of a table, all together first."""
        found = self.rows(table)
        names = list(dict.fromkeys(found["issue"].astype(str))) if len(found) and "issue" in found else []
        return sorted(names, key=lambda name: name != ALL)

    def areas(self, table: str) -> tuple[list[str], list[str]]:
        """Issues of a table without all together: areas, as attention over time has them, and single topics."""
        named = {str(issue) for issue in self.rows("attention").get("issue", pd.Series(dtype=str)).unique()}
        issues = [issue for issue in self.issues(table) if issue != ALL]
        areas = [issue for issue in issues if issue in named]
        return (areas, [issue for issue in issues if issue not in named]) if areas else (issues, [])

    @cached_property
    def groups(self) -> list[str]:
        """Groups, legislators first, then supporters, publics and media, each in the order of the data."""
        columns = ("group", "response", "impulse", "a", "b", "to", "from")
        return self._named(("attention", "responses", "following", "decomposition", "leads"), columns)

    @cached_property
    def sources(self) -> list[str]:
        """Sources of events in continuous time, in the same order."""
        return self._named(("hawkes", "endogeneity"), ("source", "target"))

    def _named(self, tables: Sequence[str], columns: Sequence[str]) -> list[str]:
        found: list[str] = []
        for rows in map(self.rows, tables):
            found += [str(name) for column in columns if column in rows for name in rows[column].unique()]
        return sort_groups(found)

    @property
    def step(self) -> str:
        """Time from one row of the attention to the next: hour, day or week."""
        steps = self.rows("attention").get("step", pd.Series(dtype=str))
        return str(steps.iloc[0]) if len(steps) else "day"

    @property
    def a_step(self) -> str:
        """One of these times, with its article."""
        return f"an {self.step}" if self.step == "hour" else f"a {self.step}"

    @property
    def modes(self) -> list[str]:
        """Names of the autoregressions, the panel first."""
        both = [rows for rows in (self.rows("responses"), self.rows("following")) if len(rows)]
        found = [str(mode) for rows in both for mode in rows["mode"].unique()]
        return sorted(dict.fromkeys(found), key=lambda mode: mode != "panel")


def sort_groups(groups: Iterable[str]) -> list[str]:
    """Groups once each by role, in the order given within a role."""
    return sorted(dict.fromkeys(groups), key=lambda group: ROLES.index(role(group)))


def group_colours(groups: Sequence[str]) -> list[str]:
    """One colour a group: a party's customary one for legislators, its light one for supporters, then the cycle's."""
    wanted = [_customary(group) for group in groups]
    known = [colour if colour not in wanted[:place] else "" for place, colour in enumerate(wanted)]
    free = iter([colour for colour in CYCLE if colour not in known] + [GREY] * len(groups))
    return [colour or next(free) for colour in known]


def _customary(group: str) -> str:
    party = next((pair for name, pair in _PARTIES.items() if name[:7] in group.lower()), None)
    kind = role(group)
    if party and kind in {LEGISLATORS, SUPPORTERS}:
        return party[kind == SUPPORTERS]
    return _ROLE_COLOURS.get(kind, "")


def own_side(group: str, other: str) -> bool:
    """Whether two groups are called after the same party: Democrats and Democratic Supporters."""
    first, second = (name.lower().split()[0] for name in (group_label(group), group_label(other)))
    return len(first) > 4 and first[:5] == second[:5]


def agendas(tables: Tables) -> list[Agenda]:
    """Every analysis of attention in a study, in the order of its tables."""
    found = {
        name.removeprefix(PREFIX): rows
        for name, rows in tables.items()
        if name.startswith(PREFIX) and not name.removeprefix(PREFIX).startswith(SIMULATED) and len(rows)
    }
    found = {name: rows if "agenda" in rows else rows.assign(agenda="agenda") for name, rows in found.items()}
    names = list(dict.fromkeys(str(name) for rows in found.values() for name in rows["agenda"].unique()))
    parts = {of: {key: rows[rows["agenda"].astype(str) == of] for key, rows in found.items()} for of in names}
    return [Agenda(of, len(names) > 1, _with_modes(parts[of])) for of in names]


def _with_modes(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables of the autoregression with the column ``mode``, from agenda_var where a table lacks it.

    Where a mode has no cumulated effects of a one-time rise, its effects were translated as published, which cumulates
    them: they are called so.
    """
    fits = tables.get("var", pd.DataFrame())
    known = list(fits["mode"].unique()) if len(fits) and "mode" in fits else []
    mode = str(known[0]) if len(known) == 1 else "panel"
    wanted = ("responses", "decomposition", "following", "following_shares", "lags")
    named = {k: rows.assign(mode=mode) if k in wanted and "mode" not in rows else rows for k, rows in tables.items()}
    return named | {name: _cumulated(named[name]) for name in ("responses", "following") if name in named}


def _cumulated(rows: pd.DataFrame) -> pd.DataFrame:
    known = rows.loc[rows["shock"] == CUMULATED, "mode"].unique()
    points = rows["scale"].eq("points") if "scale" in rows else True
    published = rows["shock"].eq(ONE_TIME) & ~rows["mode"].isin(known) & points
    return rows.assign(shock=rows["shock"].mask(published, CUMULATED))


def excludes_zero(rows: pd.DataFrame) -> pd.Series:
    """Rows whose interval does not hold 0."""
    return (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
