"""What is compared of two analyses of attention: who follows and leads whom, what attention feeds on, mediation."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from hemicycle.agenda.simulated.mediation_weight import ALL as ALL_GROUPS
from hemicycle.core.records import member_of
from hemicycle.ledger.comparison_tests import Sample, sample_of_interval
from hemicycle.ledger.library import Library
from hemicycle.studies.agenda_work import ALL

_Row = Mapping[str, Any]
_SAID_BY_ISSUES = "entropy"  # whose exponential is the number of effective issues


def agenda_samples(library: Library, study: str) -> dict[str, Sample]:
    """Return the measures of a study's analyses of attention by their names, those of all topics together.

    Estimates from one table of attention are no samples of seeds: their intervals are those of the analyses, and
    nothing is tested. Effects of mediation on all groups are means over replications; studies of the same keys share
    the noise of these, which Welch's test does not use.

    Args:
        library: of the store.
        study: folder's name of the study.
    """
    found: dict[str, Sample] = {}
    for table, told in _TOLD.items():
        for row in _rows(library.of_study(table, study)):
            name, value, n = told(row)
            place = f"{row.get('agenda', 'agenda')}, {name}"
            found[place] = sample_of_interval(float(row[value]), float(row["ci_low"]), float(row["ci_high"]), n)
    return found


def _rows(table: pd.DataFrame) -> Iterator[_Row]:
    """Rows on all topics together, or all of a table without issues; of a pair and its reverse, the one in order.

    Of mediation those on all groups together, by member: single groups and pairs would be hundreds of tests.
    """
    rows = table[table["issue"] == ALL] if "issue" in table else table
    if "replications" in rows:
        members = rows["model"] == rows["model"].map(member_of)
        rows = rows[members & (rows["a"] == ALL_GROUPS) & (rows["measure"] != _SAID_BY_ISSUES)]
    if "b_on_a" in rows or "b_in_a" in rows:
        rows = rows[rows["a"] < rows["b"]]
    for row in rows.to_dict(orient="records"):
        yield {str(name): value for name, value in row.items()}


def _following(row: _Row) -> tuple[str, str, int]:
    how = f"points, {row['shock']} ({row.get('mode', 'panel')})"
    return f"{row['a']} towards {row['b']}: following minus leading, {how}", "difference", 1


def _following_shares(row: _Row) -> tuple[str, str, int]:
    how = f"share of variance ({row.get('mode', 'panel')})"
    return f"{row['a']} towards {row['b']}: following minus leading, {how}", "difference", 1


def _leads(row: _Row) -> tuple[str, str, int]:
    return f"lead of {row['from']} over {row['to']} ({row['measure']})", "value", 1


def _endogeneity(row: _Row) -> tuple[str, str, int]:
    return f"share of {row['target']}'s events from {row['part']} ({row.get('level', 'source')})", "share", 1


def _mediation(row: _Row) -> tuple[str, str, int]:
    named = f"{row['model']}, {row['measure']} of {ALL_GROUPS}"
    return f"{named}: {row['arm']} against none", "difference", int(row["replications"])


_TOLD = {
    "agenda_following": _following,
    "agenda_following_shares": _following_shares,
    "agenda_leads": _leads,
    "agenda_endogeneity": _endogeneity,
    "agenda_mediation_effects": _mediation,
}
"""Table -> name of a measure, column of its value, and over how many replications it is a mean."""
