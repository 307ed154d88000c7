"""What records reach in test data by the metrics that searches are told of in validation."""

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.summaries import at_readout, main_probe, recommending, scores

PROBE = "probe"
VALUES = ["record_id", "value", "low", "high"]


def held_out_values(tables: Tables, metric: str) -> pd.DataFrame:
    """What records reach in test data by an objective's metric: columns VALUES, one row a record; may be empty."""
    for read in (_ranked, _probed, _listed, _cut):
        found = read(tables, metric)
        if len(found):
            return found.drop_duplicates("record_id").reset_index(drop=True)
    return pd.DataFrame({"record_id": pd.Series(dtype=object), **{n: pd.Series(dtype=float) for n in VALUES[1:]}})


def _ranked(tables: Tables, metric: str) -> pd.DataFrame:
    rows = table(tables, "ranking_results")
    rows = rows if rows.empty else rows[(rows["split"] == "test") & (rows["metric"] == metric)]
    return rows if rows.empty else _valued(rows, "value")


def _cut(tables: Tables, metric: str) -> pd.DataFrame:
    """A measure of all lists (``coverage``) as ranking calls it (``coverage@20``)."""
    rows = table(tables, "ranking_results")
    known = [] if rows.empty else [name for name in rows["metric"].unique() if name.partition("@")[0] == metric]
    return _ranked(tables, known[0]) if known else pd.DataFrame()


def _probed(tables: Tables, metric: str) -> pd.DataFrame:
    head, _, about = metric.partition(":")
    rows = table(tables, "probe_results")
    if head != PROBE or rows.empty:
        return pd.DataFrame()
    rows = scores(at_readout(recommending(main_probe(rows), table(tables, "records"))))
    rows = rows[rows["scope"].isin(["all", ""])]
    rows = rows[rows["attribute"] == (about or rows["attribute"].iloc[0])] if len(rows) else rows
    return _valued(rows, "score")


def _listed(tables: Tables, metric: str) -> pd.DataFrame:
    head, _, about = metric.partition(":")
    rows = table(tables, "list_results")
    rows = rows if rows.empty else rows[rows["metric"] == head]
    rows = rows if rows.empty else rows[rows["about"] == (about or rows["about"].iloc[0])]
    return rows if rows.empty else _valued(rows, "value")


def _valued(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    return rows.rename(columns={column: "value", "ci_low": "low", "ci_high": "high"})[VALUES]
