"""What is learnt first: when a probe's score and a model's recommendations each come near their own best.

Both are looked at on the checkpoints that were probed, since on a finer grid recommendations would seem to be good
earlier. An epoch at which a share is reached lies between that checkpoint and the one before. Two shares:

``best``  of the record's own best score. What the untrained state can do counts, so that a graph network may stand at
          90 % before training.
``gain``  of the way from the untrained score to the best: what training itself adds. Missing where the probe's best is
          not clearly above its start (the start lies in the best score's interval).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

LEVELS = (0.5, 0.9)
"""Shares of interest."""
LEARNING = (
    *("model", "family", "quantity", "attribute", "scope", "of", "level", "epoch", "ci_low", "ci_high", "previous"),
    *("start", "best", "seeds", "lead", "lead_low", "lead_high", "n_before", "n_same", "n_after", "order"),
)
"""Columns of the table; ``lead`` is epochs by which the probe precedes the recommendations."""
PROBE = "probe"
_TARGET = ["attribute", "scope"]
_CURVE = ["record_id", *_TARGET]


def learning_order(probes: pd.DataFrame, ranking: pd.DataFrame, metric: str = "ndcg@20") -> pd.DataFrame:
    """Return when each model reaches half and 90 % of its probe scores and of its recommendation quality.

    Per seed the probe comes ``before`` when its checkpoint is no later than the last one at which recommendations
    had not got there, ``after`` in the opposite case, and ``same`` within one step of the checkpoints. ``order`` is
    what all seeds agree on, else ``mixed``; ``undefined`` where a share is never defined.

    Args:
        probes: the table of probes, with ``name``; of several probes the first reads each attribute.
        ranking: the table of rankings; its validation rows are read.
        metric: quality of recommendations.

    Returns:
        One row a model (seeds together), quantity, attribute, share and level, with the columns ``LEARNING``. Means
        over seeds and 95 % t-intervals; bounds are NaN for one seed. Empty where no record was probed and ranked at
        two common checkpoints.
    """
    curves = _curves(probes, ranking, metric)
    if curves.empty:
        return pd.DataFrame(columns=list(LEARNING))
    reached = pd.DataFrame([row for _, curve in curves.groupby(_CURVE, sort=False) for row in _reached(curve, metric)])
    keys = ["model", "family", *_TARGET, "of", "level"]
    rows = [
        row
        for key, seeds in reached.groupby(keys, sort=False)
        for row in _summary(dict(zip(keys, key, strict=True)), seeds, metric)
    ]
    return pd.DataFrame(rows, columns=list(LEARNING))


def _curves(probes: pd.DataFrame, ranking: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Probe score and quality at common checkpoints of trained records, one row a checkpoint and attribute."""
    if probes.empty or ranking.empty:
        return pd.DataFrame()
    known = probes[(probes["status"] == "trained") & (probes["entity"] == "user")]
    known = known[known["layer"] == known["record_id"].map(_last_layer(known))]
    first = known.groupby(_CURVE, sort=False)["probe"].transform("first")
    known = known[known["probe"] == first].drop_duplicates([*_CURVE, "epoch"])
    useful = ranking[(ranking["split"] == "valid") & (ranking["metric"] == metric)]
    useful = useful[["record_id", "epoch", "value"]].rename(columns={"value": "quality"})
    both = known.merge(useful, on=["record_id", "epoch"]).sort_values("epoch", kind="stable")
    both = both[both.groupby(_CURVE)["epoch"].transform("nunique") > 1]
    names = [str(n).removesuffix(f"-s{s}") for n, s in zip(both["name"], both["seed"], strict=True)]
    return both.assign(model=names)


def _last_layer(probes: pd.DataFrame) -> dict[str, str]:
    """The layer of each record that was probed at most epochs: the read-out."""
    counts = probes.groupby(["record_id", "layer"], sort=False)["epoch"].nunique().reset_index()
    return dict(
        counts.sort_values("epoch", kind="stable")
        .drop_duplicates("record_id", keep="last")[["record_id", "layer"]]
        .to_numpy()
    )


def _reached(curve: pd.DataFrame, metric: str) -> Iterator[dict[str, object]]:
    """When one record reaches each level, for one attribute and for its recommendations."""
    about = {key: curve[key].iloc[0] for key in ("model", "family", "seed", *_TARGET)}
    for of in ("best", "gain"):
        for level in LEVELS:
            row = {**about, "of": of, "level": level}
            for quantity, column in ((PROBE, "score"), (metric, "quality")):
                scores = curve[column].to_numpy(float)
                start = scores[0] if of == "gain" else 0.0
                clear = of == "best" or quantity == metric or _is_clear(curve)
                at = _first(scores, start + level * (scores.max() - start)) if clear and scores.max() > start else None
                epochs = curve["epoch"].to_numpy()
                row[f"{quantity} epoch"] = np.nan if at is None else float(epochs[at])
                row[f"{quantity} previous"] = np.nan if at is None else float(epochs[at - 1]) if at else -1.0
                row[f"{quantity} start"], row[f"{quantity} best"] = scores[0], scores.max()
            yield row


def _is_clear(curve: pd.DataFrame) -> bool:
    """Tell whether training raised the probe's score beyond its interval; True where there are no intervals."""
    best = curve.iloc[int(curve["score"].argmax())]
    low = float(best["ci_low"])
    return bool(np.isnan(low) or curve["score"].iloc[0] < low)


def _first(scores: np.ndarray, threshold: float) -> int:
    return int(np.flatnonzero(scores >= threshold)[0])


def _summary(key: dict[str, object], seeds: pd.DataFrame, metric: str) -> Iterator[dict[str, object]]:
    """Rows of the probe and of the recommendations, over the seeds of a model."""
    lead = seeds[f"{metric} epoch"] - seeds[f"{PROBE} epoch"]
    before = int((seeds[f"{PROBE} epoch"] <= seeds[f"{metric} previous"]).sum())
    after = int((seeds[f"{metric} epoch"] <= seeds[f"{PROBE} previous"]).sum())
    counts = {"n_before": before, "n_same": int(lead.notna().sum()) - before - after, "n_after": after}
    low, high = _t_interval(lead)
    paired = {"lead": lead.mean(), "lead_low": low, "lead_high": high, **counts, "order": _order(counts, len(seeds))}
    for quantity in (PROBE, metric):
        epochs = seeds[f"{quantity} epoch"]
        low, high = _t_interval(epochs)
        means = {name: seeds[f"{quantity} {name}"].mean() for name in ("previous", "start", "best")}
        row = {**key, "quantity": quantity, "epoch": epochs.mean(), "ci_low": low, "ci_high": high}
        yield {**row, **means, "seeds": int(epochs.notna().sum()), **paired}


def _order(counts: dict[str, int], seeds: int) -> str:
    if sum(counts.values()) < seeds:
        return "undefined"
    agreed = [name.removeprefix("n_") for name, count in counts.items() if count == seeds]
    return agreed[0] if agreed else "mixed"


def _t_interval(values: pd.Series) -> tuple[float, float]:
    known = values.dropna().to_numpy(float)
    if len(known) < 2:
        return float("nan"), float("nan")
    half = float(stats.t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    return float(known.mean() - half), float(known.mean() + half)


def order_sentence(table: pd.DataFrame, attribute: str, level: float = 0.9) -> str:
    """Say for each model whether an attribute can be read before recommendations are good, and when not so.

    The share is that of what training adds, where it adds anything clear: what the untrained model can do, or chance
    recommends, is no learning.

    Args:
        table: from :func:`learning_order`.
        attribute: read from all users (scope "all").
        level: share at which both count as there.
    """
    rows = table[(table["attribute"] == attribute) & table["scope"].isin(["all", ""]) & (table["level"] == level)]
    parts = []
    for model, part in rows[rows["quantity"] == PROBE].groupby("model", sort=False):
        by = {row["of"]: row for _, row in part.iterrows()}
        parts.append(f"in {model}, {_phrase(by['best'], by['gain'], attribute)}")
    start = f"Reaching {level:.0%} of what training adds to each: "
    return f"{start}{'; '.join(parts)} (means over seeds, 95 % t-intervals)." if parts else ""


def _phrase(best: pd.Series, gain: pd.Series, attribute: str) -> str:
    if gain["order"] == "undefined":
        start = "the untrained model reads it as well" if best["epoch"] == 0 else "it never rises clearly"
        return f"training adds nothing clear to the reading of {attribute} ({start})"
    lead, low, high = (float(gain[name]) for name in ("lead", "lead_low", "lead_high"))
    seeds = int(gain["n_before"] + gain["n_same"] + gain["n_after"])
    where = f"{abs(lead):.1f} epochs {'before' if lead >= 0 else 'after'} recommendations"
    interval = f" [{low:.1f}, {high:.1f}]" if np.isfinite(low) else ""
    counts = f"earlier in {gain['n_before']} of {seeds} seeds, at the same checkpoint in {gain['n_same']}"
    text = f"{attribute} {where}{interval}, {counts}, later in {gain['n_after']}"
    return f"{text}, from {gain['start']:.2f} before training" if gain["start"] > 0.1 * gain["best"] else text
