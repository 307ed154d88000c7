"""How concentrated the agenda of a group is, and how alike the agendas of two groups are."""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from hemicycle.agenda.attention.attention import Attention

Floats = NDArray[np.float64]


def agenda_measures(attention: Attention) -> pd.DataFrame:
    """Describe agendas by their mean over days, days of missing attention left out.

    Of each group with daily shares p: ``entropy`` H = -sum p ln p, which grows with diversity (Boydstun, Bevan and
    Thomas 2014, *Policy Studies Journal* 42), ``effective issues`` exp(H), and ``concentration``, the Herfindahl index
    sum p^2. Of each pair: ``correlation`` of shares over topics, and ``divergence`` of Jensen and Shannon (Lin 1991,
    *IEEE Transactions on Information Theory* 37) in nats, between 0 and ln 2.

    Returns:
        Columns measure, a, b (empty for one group), value.
    """
    days = np.moveaxis(attention.shares, 0, -1)  # (days, groups, topics)
    total = days.sum(axis=-1, keepdims=True)
    p = np.divide(days, total, out=np.full(days.shape, np.nan), where=total > 0)
    rows = [row for g, name in enumerate(attention.groups) for row in _of_one(p[:, g], name)]
    pairs = combinations(range(len(attention.groups)), 2)
    rows += [row for g, h in pairs for row in _of_two(p[:, g], p[:, h], attention.groups[g], attention.groups[h])]
    return pd.DataFrame(rows, columns=["measure", "a", "b", "value"])


def _of_one(p: Floats, name: str) -> list[tuple[str, str, str, float]]:
    h = entropy(p)
    values = {"entropy": h, "effective issues": np.exp(h), "concentration": (p**2).sum(axis=-1)}
    return [(measure, name, "", _mean(daily)) for measure, daily in values.items()]


def _of_two(p: Floats, q: Floats, a: str, b: str) -> list[tuple[str, str, str, float]]:
    divergence = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
    x, y = (v - v.mean(axis=-1, keepdims=True) for v in (p, q))
    scale = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    alike = np.divide((x * y).sum(axis=-1), scale, out=np.full(len(p), np.nan), where=scale > 0)
    return [("correlation", a, b, _mean(alike)), ("divergence", a, b, _mean(np.maximum(divergence, 0)))]


def entropy(p: Floats) -> Floats:
    """Return -sum p ln p over the last axis, in nats; NaN where a share is."""
    return np.asarray(special.entr(p).sum(axis=-1))


def _mean(daily: Floats) -> float:
    known = daily[np.isfinite(daily)]
    return float(known.mean()) if len(known) else float("nan")
