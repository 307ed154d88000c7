"""Sentences about following and leading: whom legislators follow more than they lead, and where models disagree."""

from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from hemicycle.reports.agendas import (
    CUMULATED,
    LEGISLATORS,
    ONE_TIME,
    PERMANENT,
    ROLES,
    Agenda,
    excludes_zero,
    group_label,
    issue_label,
    own_side,
    role,
)
from hemicycle.reports.figures_following import (
    FOLLOWS,
    LEADS,
    UNTOLD,
    comparisons,
    share_comparisons,
)
from hemicycle.reports.theme import interval, listing, signed

RISES = {ONE_TIME: "a one-time rise", CUMULATED: "a one-time rise, summed over the {}s", PERMANENT: "a permanent rise"}
MOST_NAMED, MOST_DISAGREEING = 6, 3


def following_findings(agenda: Agenda) -> Iterator[str]:
    """For every legislator, or group where none is one, whom it follows more than it leads, in points."""
    rows = comparisons(agenda)
    if rows.empty:
        return
    first = rows[(rows["shock"] != ONE_TIME) & (rows["mode"] == agenda.modes[0])]
    yield _counted(agenda, first) + _opposite(agenda, first)
    yield from _by_shares(agenda)
    for (shock, group), part in _by_shock(first):
        rise = RISES.get(shock, shock).format(agenda.step)
        yield f"{group_label(group)} (points{agenda.where()}, {rise}): {'; '.join(_verdicts(part))}."


def _by_shock(rows: pd.DataFrame) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """Comparisons of each rise and group, permanent rises first."""
    for shock in sorted(rows["shock"].unique(), key=lambda name: name != PERMANENT):
        for group in rows["a"].unique():
            yield (str(shock), str(group)), rows[(rows["shock"] == shock) & (rows["a"] == group)]


def _counted(agenda: Agenda, rows: pd.DataFrame) -> str:
    """In how many comparisons legislators follow each kind of group more than they lead it."""
    rows = rows[rows["shock"] == PERMANENT] if (rows["shock"] == PERMANENT).any() else rows
    who = "legislators" if any(role(group) == LEGISLATORS for group in rows["a"]) else "the first group of each pair"
    day = f" ({agenda.step} {int(rows['day'].iloc[0])})" if "day" in rows else ""
    parts = [f"{_of_kind(name)}{_shares_of(part)}" for name, part in _kinds(rows)]
    rise = RISES.get(str(rows["shock"].iloc[0]), "a rise").format(agenda.step)
    return f"After {rise}{day}{agenda.where()}, {who} follow more than they lead: {'; '.join(parts)}."


def _of_kind(name: str) -> str:
    return f"{name} " if name else ""


def _shares_of(rows: pd.DataFrame) -> str:
    count = rows["verdict"].value_counts()
    others = ((LEADS, "leading more in"), (UNTOLD, "not told apart in"))
    rest = ", ".join(f"{words} {count[kind]}" for kind, words in others if kind in count)
    return f"in {count.get(FOLLOWS, 0)} of {len(rows)} comparisons" + (f" ({rest})" if rest else "")


def _opposite(agenda: Agenda, points: pd.DataFrame) -> str:
    """How many verdicts turn into their opposite by shares of variance, and which."""
    rows = share_comparisons(agenda)
    if rows.empty:
        return ""
    known = points[points["shock"] == PERMANENT].set_index(["a", "b"])["verdict"]
    other = rows[rows["mode"] == agenda.modes[0]].set_index(["a", "b"])["verdict"].reindex(known.index)
    turned = [pair for pair in known.index if {known[pair], other[pair]} == {FOLLOWS, LEADS}]
    if not turned:
        return " By shares of forecast variance no verdict turns into its opposite."
    named = listing([f"{group_label(a)} and {group_label(b)}" for a, b in turned[:MOST_NAMED]])
    count = f"{len(turned)} of {len(known)} verdicts turn into their opposite"
    return f" This depends on the scale: by shares of forecast variance {count} ({named})."


def _by_shares(agenda: Agenda) -> Iterator[str]:
    """The same by shares of variance."""
    rows = share_comparisons(agenda)
    if rows.empty:
        return
    rows = rows[rows["mode"] == agenda.modes[0]]
    parts = [f"{_of_kind(name)}{_shares_of(part)}" for name, part in _kinds(rows)]
    lead = f"By shares of forecast variance{agenda.where()}, which do not depend on how much a group attends"
    why = "(in points, groups that attend more gain more easily)"
    yield f"{lead} {why}, they follow more: {'; '.join(parts)}.{_order(agenda)}"


def _order(agenda: Agenda) -> str:
    """What orthogonalised shocks favour."""
    kinds = agenda.rows("responses").get("kind", pd.Series(dtype=str))
    given = (
        f"With orthogonalised shocks, what groups share within {agenda.a_step} is given to those that stand first in "
        "the order."
    )
    return f" {given}" if (kinds == "orthogonalised").any() else ""


def _kinds(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Comparisons by what the other group is: own supporters, other supporters, each public, media."""
    kinds = [_kind(str(a), str(b)) for a, b in zip(rows["a"], rows["b"], strict=True)]
    rows = rows.assign(kind=[name for _, name in kinds])
    found = sorted(dict.fromkeys(kinds))
    for _, name in found:
        yield name or ("other groups" if len(found) > 1 else ""), rows[rows["kind"] == name]


def _kind(group: str, other: str) -> tuple[int, str]:
    """Place in the order of telling, and name."""
    if own_side(group, other):
        return 0, "their own supporters"
    named = {"supporters": "other supporters", "media": "the media", "public": group_label(other)}
    return ROLES.index(role(other)), named.get(role(other), "")


def _verdicts(rows: pd.DataFrame) -> list[str]:
    """Whom a group follows more, leads more and is not told apart from, in points with intervals."""
    words = {FOLLOWS: "follow {} more than they lead", LEADS: "lead {} more than they follow"}
    parts = []
    for kind, text in words.items():
        part = rows[rows["verdict"] == kind]
        if len(part):
            sign = 1 if kind == FOLLOWS else -1
            parts.append(text.format(listing([_difference(row, sign) for _, row in part.iterrows()])))
    untold = rows[rows["verdict"] == UNTOLD]
    if len(untold):
        parts.append(f"not told apart from {listing([_difference(row, 1) for _, row in untold.iterrows()])}")
    return parts


def _difference(row: pd.Series, sign: int) -> str:
    low, high = sorted((sign * row["ci_low"], sign * row["ci_high"]))
    return f"{group_label(row['b'])} ({signed(sign * row['difference'])}{interval(low, high)})"


def following_by_issue(agenda: Agenda) -> Iterator[str]:
    """In how many issues legislators follow each kind of group more, or lead it more: by area, then by topic."""
    areas, topics = agenda.areas("following")
    for issues, what in ((areas, "Area by area" if topics else "Issue by issue"), (topics, "Topic by topic")):
        if len(issues) < 2:
            continue
        rows = pd.concat([comparisons(agenda, issue) for issue in issues], ignore_index=True)
        rows = rows[(rows["shock"] == PERMANENT) & (rows["mode"] == agenda.modes[0])]
        parts = [f"{_of_kind(name)}{_shares_of(part)}" for name, part in _kinds(rows)]
        led = rows[rows["verdict"] == LEADS]["issue"].map(issue_label).value_counts()
        most = f" Most leading: {led.index[0]} ({led.iloc[0]} pairs)." if len(led) else ""
        many = f"{len(issues)}{agenda.where()}, permanent rises, not corrected for their number"
        yield f"{what} ({many}) they follow more: {'; '.join(parts)}.{most}"


# -- where models disagree -------------------------------------------------------------------------------------------


def permanent_effects(agenda: Agenda) -> dict[str, pd.DataFrame]:
    """Mode of lags -> permanent effects in points at the last day, by impulse and response."""
    rows = agenda.main("responses")
    if rows.empty:
        return {}
    rows = rows[(rows["scale"] == "points") & (rows["shock"] == PERMANENT) & (rows["impulse"] != rows["response"])]
    rows = rows[rows["day"] == rows["day"].max()]
    found = {mode: rows[rows["mode"] == mode] for mode in agenda.modes}
    return {mode: part.set_index(["impulse", "response"]) for mode, part in found.items()}


def disagreements(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Permanent effects in two modes, with ``apart``, whether intervals do not meet, and ``turned``, opposite signs."""
    both = first.merge(second, left_index=True, right_index=True, suffixes=("", "_other"))
    apart = (both["ci_low"] > both["ci_high_other"]) | (both["ci_low_other"] > both["ci_high"])
    turned = excludes_zero(both) & (both["value"] * both["value_other"] < 0)
    return both.assign(apart=apart, turned=turned).reset_index()


def mode_findings(found: list[Agenda]) -> Iterator[str]:
    """Where modes of lags disagree: within an analysis, or between two that have the same groups."""
    effects = [(agenda, mode, rows) for agenda in found for mode, rows in permanent_effects(agenda).items()]
    for (agenda, mode, rows), (_, other, others) in combinations(effects, 2):
        if mode in {effects[0][1], "panel"} and mode != other and set(rows.index) == set(others.index) and len(rows):
            yield _disagreement(agenda, (mode, other), disagreements(rows, others))
    for agenda in found:
        yield from _turned_verdicts(agenda)


def _disagreement(agenda: Agenda, modes: tuple[str, str], both: pd.DataFrame) -> str:
    apart = both[both["apart"]]
    text = f"By the autoregression {modes[1]} instead of {modes[0]}{agenda.where()}, {len(apart)} of {len(both)} "
    text += f"permanent effects have intervals that do not meet and {int(both['turned'].sum())} change their sign"
    gap = (apart["value_other"] - apart["value"]).abs().sort_values(ascending=False, kind="stable")
    told = [_apart(apart.loc[place]) for place in gap.index[:MOST_DISAGREEING]]
    return f"{text}; furthest apart: {listing(told)}." if told else f"{text}."


def _turned_verdicts(agenda: Agenda) -> Iterator[str]:
    """Comparisons of following and leading whose verdict depends on the autoregression."""
    rows = comparisons(agenda)
    if rows.empty or len(agenda.modes) < 2:
        return
    rows = rows[rows["shock"] == PERMANENT]
    wide = rows.pivot_table(index=["a", "b"], columns="mode", values="verdict", aggfunc="first", sort=False)
    first, *others = [mode for mode in agenda.modes if mode in wide]
    for mode in others:
        yield _turned(agenda, (first, mode), wide[[first, mode]].dropna())


def _turned(agenda: Agenda, modes: tuple[str, str], wide: pd.DataFrame) -> str:
    first, second = modes
    other = wide[wide[first] != wide[second]]
    pairs = zip(other.index, other[first], other[second], strict=True)
    told = [f"{group_label(a)} and {group_label(b)} ({new} instead of {old})" for (a, b), old, new in pairs]
    lead = f"Verdicts on following{agenda.where()} by {second} instead of {first}"
    if told:
        return f"{lead} differ in {len(told)} of {len(wide)} comparisons: {listing(told[:MOST_NAMED])}."
    return f"{lead} are the same in all {len(wide)} comparisons."


def _apart(row: pd.Series) -> str:
    pair = f"{group_label(row['response'])} to {group_label(row['impulse'])}"
    return f"{pair} ({signed(row['value_other'])} instead of {signed(row['value'])} points)"
