"""A comparison for people: tables on a terminal, one HTML file in the look of the reports, or Markdown."""

import re
from importlib import resources

import jinja2
import pandas as pd
from markupsafe import Markup

from hemicycle.ledger.answers import markdown as markdown_table
from hemicycle.ledger.comparison import AGENDA, PROBE, SIMULATION, Comparison
from hemicycle.ledger.comparison_tests import METRIC
from hemicycle.reports.html import seats
from hemicycle.reports.tables import HtmlTable, html_table
from hemicycle.reports.theme import interval, label, listing, number, signed

DIGITS = 3
MOST_SETTINGS = 80
_CAPTIONS = {
    METRIC: "Ranking of withheld test interactions at the checkpoint that recommends",
    PROBE: "What is read out of the layer that scores recommendations",
    SIMULATION: "What recommendations do to opinions: arm minus reference at the last step",
    AGENDA: "Attention: who follows, who leads, what mediation does, all topics together",
}
_INTERVALS = "mean over seeds with 95 % intervals over seeds, for one seed its own interval"
_OF_AGENDAS = "intervals are those of the analyses; effects of mediation are means over replications"


def plain_tables(found: Comparison) -> list[HtmlTable]:
    """The tables of a comparison: what differs, each kind of measure side by side, the tests."""
    made = [_settings(found), *(_measures(found, part) for part in _CAPTIONS), _tests(found)]
    return [table for table in made if table is not None]


def _settings(found: Comparison) -> HtmlTable | None:
    rows = found.settings.head(MOST_SETTINGS).astype(str).to_dict(orient="records")
    more = len(found.settings) - len(rows)
    caption = f"What differs in settings and data{f', and {more} settings more' if more else ''}"
    named = [{"setting" if key == "key" else str(key): str(v) for key, v in row.items()} for row in rows]
    return html_table("settings", caption, named, ["setting", *found.labels])


def _measures(found: Comparison, part: str) -> HtmlTable | None:
    rows = found.measures[found.measures["part"] == part]
    members = bool(rows["member"].any())
    made = []
    for (member, measure), of in rows.groupby(["member", "measure"], sort=False):
        cells = {"model": str(member)} if members else {}
        cells |= {"measure": _measure(part, str(measure))} | dict.fromkeys(found.labels, "")
        made.append(cells | {str(row["side"]): _value(row) for _, row in of.iterrows()})
    intervals = _OF_AGENDAS if part == AGENDA else _INTERVALS
    return html_table(part, f"{_CAPTIONS[part]}: {intervals}", made, ["model", "measure"])


def _measure(part: str, name: str) -> str:
    return label(name) if part == METRIC else name


def _value(row: pd.Series) -> str:
    seeds = f", {row['seeds']} {_times(row)}" if row["seeds"] > 1 else ""
    return number(row["value"], DIGITS) + interval(row["ci_low"], row["ci_high"], DIGITS) + seeds


def _tests(found: Comparison) -> HtmlTable | None:
    if found.tests.empty:
        return None
    methods = listing(sorted(found.tests["method"].unique()))
    caption = (
        f"Differences from {found.labels[0]}: {methods}. Intervals are those of each difference alone; p (Holm) is "
        f"corrected for all {len(found.tests)} comparisons. Pairing by user says what other users would show of the "
        "same fits."
    )
    members = bool(found.tests["member"].any())
    rows = [({"model": row["member"]} if members else {}) | _test(row) for _, row in found.tests.iterrows()]
    return html_table("tests", caption, rows, ["model", "measure", "difference of", "by"])


def _test(row: pd.Series) -> dict[str, str]:
    what = "users" if "users" in row["method"] else _times(row)
    return {
        "measure": _measure(row["part"], row["measure"]),
        "difference of": str(row["side"]),
        "difference": signed(row["difference"], DIGITS) + interval(row["ci_low"], row["ci_high"], DIGITS),
        "p": _probability(row["p"]),
        "p (Holm)": _probability(row["p_holm"]),
        "by": f"{row['method'].replace('seeds', _times(row))} (n = {row['n']} {what})",
    }


def _times(row: pd.Series) -> str:
    """What a mean is over."""
    return "replications" if row["part"] == AGENDA else "seeds"


def _probability(p: float) -> str:
    return "< .001" if p < 0.001 else number(p, 3)


def _title(found: Comparison) -> str:
    return f"Comparison of {listing(found.labels)}"


def lead(found: Comparison) -> str:
    """The result in a sentence."""
    certain = int((found.tests["p_holm"] < 0.05).sum())
    if found.tests.empty:
        return f"{len(found.settings)} settings differ; no difference could be tested."
    return (
        f"{len(found.settings)} settings differ; {certain} of {len(found.tests)} tested differences from "
        f"{found.labels[0]} are told from chance (p < .05 after Holm's correction)."
    )


def html(found: Comparison) -> str:
    """One HTML file that needs no network."""
    package = resources.files("hemicycle.reports")
    look = (package / "template.html.j2").read_text(encoding="utf-8")
    source = (package / "comparison.html.j2").read_text(encoding="utf-8")
    style = re.search(r"<style>.*?</style>", look, re.DOTALL)
    assert style is not None, "the report has a style"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(source).render(
        title=_title(found),
        lead=lead(found),
        notes=found.notes,
        tables=plain_tables(found),
        seats=list(seats()),
        style=Markup(style[0]),  # noqa: S704 - our own template's, no input in it
    )


def markdown(found: Comparison) -> str:
    """The same as Markdown."""
    notes = "".join(f"- {_plain(note)}\n" for note in found.notes)
    parts = [f"# {_plain(_title(found))}\n\n{lead(found)}\n\n{notes}"]
    parts += [f"## {t.id.capitalize()}\n\n{_plain(t.caption)}.\n\n{_rows(t)}" for t in plain_tables(found)]
    return "\n".join(parts)


def _plain(text: str) -> str:
    """Keep names from becoming markup."""
    return re.sub(r"([*_<`])", r"\\\1", text)


def _rows(table: HtmlTable) -> str:
    rows = [tuple(_plain(cell) for cell in row) for row in table.rows]
    return markdown_table([_plain(name) for name in table.head], rows)
