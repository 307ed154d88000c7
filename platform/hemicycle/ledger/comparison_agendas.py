"""What is compared of two analyses of attention: who follows and leads whom, what attention feeds on, mediation."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from hemicycle.ledger.comparison_tests import Sample
from hemicycle.ledger.library import Library
from hemicycle.studies.agenda_work import ALL
from hemicycle.studies.comparing import LEVEL

_Row = Mapping[str, Any]


def agenda_samples(library: Library, study: str) -> dict[str, Sample]:
    """Return the measures of a study's analyses of attention by their names, those of all topics together.

    Estimates from one table of attention are no samples of seeds: their intervals are those of the analyses, and
    nothing is tested. Effects of mediation are means over replications.

    Args:
        library: of the store.
        study: folder's name of the study.
    """
    found: dict[str, Sample] = {}
    for table, told in _TOLD.items():
        for row in _rows(library.of_study(table, study)):
            name, value, n = told(row)
            found[f"{row['agenda']}, {name}"] = _sample(
                float(row[value]), float(row["ci_low"]), float(row["ci_high"]), n
            )
    return found


def _rows(table: pd.DataFrame) -> Iterator[_Row]:
    """Rows on all topics together, or all of a table without issues; of a pair and its reverse, the one in order."""
    rows = table[table["issue"] == ALL] if "issue" in table else table
    if "b_on_a" in rows or "b_in_a" in rows:
        rows = rows[rows["a"] < rows["b"]]
    for row in rows.to_dict(orient="records"):
        yield {str(name): value for name, value in row.items()}


def _sample(value: float, low: float, high: float, n: int) -> Sample:
    reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) if n > 1 else np.nan
    return Sample(value, low, high, (high - low) / 2 / reach * n**0.5, n)


def _following(row: _Row) -> tuple[str, str, int]:
    how = f"points, {row['shock']} ({row['mode']})"
    return f"{row['a']} towards {row['b']}: following minus leading, {how}", "difference", 1


def _following_shares(row: _Row) -> tuple[str, str, int]:
    how = f"share of variance ({row['mode']})"
    return f"{row['a']} towards {row['b']}: following minus leading, {how}", "difference", 1


def _leads(row: _Row) -> tuple[str, str, int]:
    return f"lead of {row['from']} over {row['to']} ({row['measure']})", "value", 1


def _endogeneity(row: _Row) -> tuple[str, str, int]:
    return f"share of {row['target']}'s events from {row['part']} ({row['level']})", "share", 1


def _mediation(row: _Row) -> tuple[str, str, int]:
    pair = ", ".join(str(row[side]) for side in ("a", "b") if isinstance(row[side], str) and row[side])
    named = f"{row['measure']}{f' of {pair}' if pair else ''}"
    return f"{row['model']}, {named}: {row['arm']} against none", "difference", int(row["replications"])


_TOLD = {
    "agenda_following": _following,
    "agenda_following_shares": _following_shares,
    "agenda_leads": _leads,
    "agenda_endogeneity": _endogeneity,
    "agenda_mediation_effects": _mediation,
}
"""Table -> name of a measure, column of its value, and over how many replications it is a mean."""
