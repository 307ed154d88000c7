"""Which models differ: metrics of single users, kept in the store alone, and paired differences between members."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import stats

from hemicycle.core.disclosure import PUBLIC, SENSITIVE, K
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.evaluation.ranking import Ranking, paired_difference

USERS = "ranking_users"
"""Folder beside a fit with one table a record: row number of each test user and her metrics."""
KEPT = ("ndcg", "recall")
BASELINES = ("popularity", "random")
"""Families without learning, which every model has to beat."""
BASELINE, BEST = "best baseline", "best model"
LEVEL = 0.95
COLUMNS = ["model", "against", "role", "chosen_on", "metric", "difference", "ci_low", "ci_high"]
COLUMNS += ["adjusted_low", "adjusted_high", "comparisons", "n"]


def users_table(ranking: Ranking) -> pa.Table:
    """Metrics of single users: what they took next can be guessed from them, so every column is sensitive."""
    kept = {name: values for name, values in ranking.per_user.items() if name.split("@")[0] in KEPT}
    columns = {"user": ranking.users.astype(np.int32), **kept}
    made = pa.table(columns)
    fields = [field.with_metadata({SENSITIVE: b"true"}) for field in made.schema]
    return made.cast(pa.schema(fields, metadata={PUBLIC: b"false"}))


def keep_users(folder: Folder, record_id: str, ranking: Ranking) -> None:
    """Write the metrics of single users beside a record."""
    (folder / USERS).write_table(record_id, users_table(ranking))


def kept_users(folder: Folder, record_id: str) -> Ranking | None:
    """Read what :func:`keep_users` wrote; None where there is nothing."""
    if not (folder / USERS).exists(f"{record_id}.parquet"):
        return None
    table = (folder / USERS).read_table(record_id)
    values = {name: table[name].to_numpy().astype(np.float64) for name in table.column_names if name != "user"}
    return Ranking({name: float(v.mean()) for name, v in values.items() if len(v)}, table["user"].to_numpy(), values)


def over_seeds(rankings: Iterable[Ranking]) -> Ranking:
    """Mean over the seeds of one member, user by user; users whom not every seed measured are left out."""
    frames = [pd.DataFrame({**r.per_user}, index=pd.Index(r.users)) for r in rankings]
    stacked = pd.concat(frames)
    groups = stacked.groupby(level=0, sort=True)
    means = groups.mean()[groups.size() == len(frames)]
    values = {str(name): means[name].to_numpy(np.float64) for name in means}
    return Ranking({name: float(v.mean()) for name, v in values.items() if len(v)}, means.index.to_numpy(), values)


def member_name(record_name: str) -> str:
    """Name of a record without its seed."""
    return re.sub(r"-s\d+$", "", record_name)


def ranking_differences(records: pd.DataFrame, ranking: pd.DataFrame, kept: Mapping[str, Ranking]) -> pd.DataFrame:
    """Compare every member with the best baseline, and with the best model.

    Who is best is decided on validation edges, where there are any, so that the test does not choose whom it judges.
    Differences are means over users of the mean over seeds: intervals are for these fits and other users. Beside the
    95 % intervals stand wider ones that all comparisons of one metric meet together (Bonferroni).

    Args:
        records: the study's models.
        ranking: its ``ranking_results``.
        kept: metrics of single users by record.

    Returns:
        One row for each pair and metric; none for fewer than K common users.
    """
    shown = records[records["id"].isin(list(kept)) & (records["status"] != "untrained")] if len(records) else records
    if shown.empty:
        return pd.DataFrame(columns=COLUMNS)
    shown = shown.assign(member=shown["name"].map(member_name))
    members = {str(m): over_seeds(kept[i] for i in rows["id"]) for m, rows in shown.groupby("member", sort=True)}
    chosen_on, values = _choosing(shown, ranking)
    rows: list[dict[str, Any]] = []
    for metric in next(iter(members.values())).per_user:
        compared = [(_difference(members, one, other, metric), role) for one, other, role in _pairs(shown, values)]
        found = [row | {"role": role, "chosen_on": chosen_on} for row, role in compared if row]
        rows += [row | _adjusted(row, len(found)) for row in found]
    return pd.DataFrame(rows, columns=COLUMNS)


def _choosing(shown: pd.DataFrame, ranking: pd.DataFrame) -> tuple[str, pd.Series]:
    """By which part of the data the best are chosen, and each member's mean NDCG there."""
    best = ranking.merge(shown[["id", "best_epoch", "member"]], left_on="record_id", right_on="id")
    best = best[(best["epoch"] == best["best_epoch"]) & best["metric"].str.startswith("ndcg@")]
    part = "valid" if (best["split"] == "valid").any() else "test"
    return {"valid": "validation"}.get(part, part), best[best["split"] == part].groupby("member")["value"].mean()


def _pairs(shown: pd.DataFrame, values: pd.Series) -> list[tuple[str, str, str]]:
    """Pairs to compare: everyone with the best baseline, and with the best model."""
    members = sorted(shown["member"].unique())
    plain = set(shown.loc[shown["family"].isin(BASELINES), "member"])
    pairs: dict[frozenset[str], tuple[str, str, str]] = {}
    for role, known in ((BASELINE, values[values.index.isin(plain)]), (BEST, values[~values.index.isin(plain)])):
        if known.empty:
            continue
        other = str(known.idxmax())
        for one in members:
            if one != other:
                pairs.setdefault(frozenset((one, other)), (one, other, role))
    return list(pairs.values())


def _difference(members: Mapping[str, Ranking], one: str, other: str, metric: str) -> dict[str, Any]:
    a, b = members[one], members[other]
    if metric not in b.per_user or metric not in a.per_user:
        return {}
    found = paired_difference(a, b, metric, rng("ranking difference", one, other, metric))
    if found.n < K:
        return {}
    row = {"model": one, "against": other, "metric": metric, "difference": found.value, "n": found.n}
    return row | {"ci_low": found.low, "ci_high": found.high, "error": found.error}


def _adjusted(row: Mapping[str, Any], comparisons: int) -> dict[str, Any]:
    """Normal interval of level 1 - .05 / m from the bootstrap standard error, m comparisons."""
    half = float(stats.norm.ppf(1 - (1 - LEVEL) / (2 * comparisons))) * row["error"]
    ends = {"adjusted_low": row["difference"] - half, "adjusted_high": row["difference"] + half}
    return ends | {"comparisons": comparisons}
