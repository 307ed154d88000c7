"""Who responds to whom: impulse responses of groups' attention with bands, and what they rest on.

A study calls :func:`responses`. A study that shares the bootstrap out among tasks calls :func:`fitted`, in each task
``replications`` of :mod:`hemicycle.agenda.responses.bootstrap` for some numbers, its ``joined``, and :func:`tables`:
the result is the same to the last bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.agenda.attention.attention import Attention, unknown
from hemicycle.agenda.attention.scale import scaled
from hemicycle.agenda.responses.bootstrap import Bands, Replications, check_topics, replications
from hemicycle.agenda.responses.decomposition import decomposition
from hemicycle.agenda.responses.following import following, following_shares
from hemicycle.agenda.responses.impulse import responses_to_deviation
from hemicycle.agenda.responses.intervals import Interval, interval, long_table
from hemicycle.agenda.responses.lag_order import chosen_lags
from hemicycle.agenda.responses.panel import panel_of
from hemicycle.agenda.responses.panel_var import PanelVar, fit
from hemicycle.agenda.responses.points import Translation
from hemicycle.agenda.responses.var_options import VarOptions
from hemicycle.core.errors import InputError, Problem, raise_problems

__all__ = ["Fitted", "VarOptions", "fitted", "responses", "tables"]

Floats = NDArray[np.float64]
ENOUGH_TOPICS = 20
"""Topics from which on bands are by drawing topics, unless options say otherwise."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A panel vector autoregression of one issue and how its responses are told.

    Args:
        groups: names.
        var: the model.
        lags: table agenda_lags.
        translation: from the model's scale to points.
        options: what was asked for.
    """

    groups: tuple[str, ...]
    var: PanelVar
    lags: pd.DataFrame
    translation: Translation
    options: VarOptions

    @property
    def order(self) -> list[int]:
        """Groups in the order of the Cholesky factor."""
        return [self.groups.index(group) for group in self.options.order or self.groups]

    @property
    def bands(self) -> Bands:
        """What is drawn for bands."""
        return drawn_by(self.var, self.options)

    def deviation(self, coefficients: Floats, covariance: Floats) -> Floats:
        """Return responses to one standard deviation, shape (..., horizon + 1, groups, groups).

        They are those of attention itself: a model of differences has its responses added up over the days.
        """
        options = self.options
        try:
            found = responses_to_deviation(coefficients, covariance, options.horizon, options.kind, self.order)
        except np.linalg.LinAlgError as error:
            raise InputError(
                f"what is new in the groups at {len(self.var.panel.rows)} times does not tell them apart",
                "lags",
                "give more times, fewer lags, or leave out a group that moves as another does",
            ) from error
        return np.cumsum(found, axis=-3) if options.scale.detrend == "differences" else found


def responses(attention: Attention, options: VarOptions, key: int) -> dict[str, pd.DataFrame]:
    """Estimate who responds to whom in one issue: all topics given, a category, or one topic.

    Args:
        attention: the topics of the issue.
        options: of the model, its responses and bands.
        key: of the bootstrap.

    Returns:
        agenda_responses (kind, shock, impulse, response, day, scale, value, ci_low, ci_high): effects of a rise by
        ``points`` of the impulse group, in logits and points; shock ``one-time`` is the response on the day, ``one-time
        cumulative`` the sum of its points from day 0 on, ``permanent`` the response on the day while the rise lasts
        (published translation: see :mod:`hemicycle.agenda.responses.points`, where ``one-time`` is cumulative);
        agenda_decomposition (response, impulse, day, share, ci_low, ci_high); agenda_lags; agenda_var;
        agenda_following and agenda_following_shares, see :mod:`hemicycle.agenda.responses.following`.

    Raises:
        InputError: too few days for the lags (says how many are needed), a group without change, an order that does not
            name the groups, too few topics to draw from.
    """
    model = fitted(attention, options)
    drawn = replications(model.var, model.bands, key, 0, options.replications)
    return tables(model, drawn)


def fitted(attention: Attention, options: VarOptions) -> Fitted:
    """Fit the model of one issue; see :func:`responses`."""
    raise_problems(_order_problems(attention.groups, options.order))
    values, stacked = _values(attention, options), options.mode == "stacked"
    lags, table = chosen_lags(
        values, options.lags, options.most_lags, stacked=stacked, fixed_effects=options.fixed_effects
    )
    panel = panel_of(values, lags, stacked=stacked, fixed_effects=options.fixed_effects)
    var = fit(panel, attention.groups, corrected=options.bias == "corrected")
    if options.replications:
        check_topics(var, drawn_by(var, options))
    return Fitted(attention.groups, var, table, _translation(attention, options), options)


def _values(attention: Attention, options: VarOptions) -> Floats:
    """Scale attention; stacked topics take what is missing for zero, as the published code does at their last days."""
    if options.mode == "stacked":
        attention = replace(attention, shares=np.nan_to_num(attention.shares, nan=0.0))
    return scaled(attention, options.scale)


def drawn_by(var: PanelVar, options: VarOptions) -> Bands:
    """What is drawn for bands: topics where there are enough of them, unless the options say."""
    if options.bands != "auto":
        return options.bands
    return "topics" if len(np.unique(var.panel.topic[var.panel.rows])) >= ENOUGH_TOPICS else "residual"


def _order_problems(groups: tuple[str, ...], order: tuple[str, ...]) -> Iterator[Problem]:
    yield from unknown("group", order, groups)
    left = [group for group in groups if group not in order]
    if order and (left or len(set(order)) < len(order)):
        yield Problem(
            f"the order names {', '.join(order)}; the groups are {', '.join(groups)}",
            "order",
            "name every group once, or leave the order empty",
        )


def _translation(attention: Attention, options: VarOptions) -> Translation:
    means = np.nanmean(attention.shares, axis=(0, 1))
    high = [
        f"{group} ({100 * mean:.1f})"
        for group, mean in zip(attention.groups, means, strict=True)
        if 100 * mean + options.points >= 100
    ]
    if high:
        raise InputError(
            f"a rise by {options.points} points from the mean attention of {', '.join(high)} ends above 100",
            "points",
            "choose fewer points",
        )
    return Translation(means, options.points, options.rule, options.permanent, options.scale.scale == "logit")


def tables(model: Fitted, drawn: Replications) -> dict[str, pd.DataFrame]:
    """Return the tables of a fitted model and its replications; see :func:`responses`."""
    own = model.deviation(model.var.coefficients, model.var.covariance)
    others = model.deviation(drawn.coefficients, drawn.covariance)
    level = model.options.confidence
    estimates, spread = model.translation.translated(own), model.translation.translated(others)
    found = {shock: interval(estimates[shock], spread[shock], level) for shock in estimates}
    made, drawn_shares = decomposition(own), decomposition(others)
    return {
        "agenda_responses": _responses_table(model, found),
        "agenda_decomposition": long_table(interval(made, drawn_shares, level), model.groups, "share"),
        "agenda_lags": model.lags,
        "agenda_var": pd.DataFrame([_summary(model, drawn)]),
        "agenda_following": following(estimates, spread, model.groups, level),
        "agenda_following_shares": following_shares(made, drawn_shares, model.groups, level),
    }


def _responses_table(model: Fitted, found: dict[tuple[str, str], Interval]) -> pd.DataFrame:
    parts = [
        long_table(values, model.groups, "value").assign(kind=model.options.kind, shock=shock, scale=scale)
        for (shock, scale), values in found.items()
    ]
    columns = ["kind", "shock", "impulse", "response", "day", "scale", "value", "ci_low", "ci_high"]
    return pd.concat(parts, ignore_index=True)[columns]


def _summary(model: Fitted, drawn: Replications) -> dict[str, object]:
    panel, root = model.var.panel, model.var.largest_root
    corrected = int(drawn.corrected.sum())
    return {
        "mode": model.options.mode,
        "lags": panel.lags,
        "topics": len(np.unique(panel.topic[panel.rows])),
        "rows": len(panel.rows),
        "largest_root": root,
        "explosive": root >= 1,
        "bands": model.bands if len(drawn) else "none",
        "replications": len(drawn),
        "corrected": corrected,
        "message": " ".join(_messages(root, corrected, len(drawn))),
    }


def _messages(root: float, corrected: int, count: int) -> Iterator[str]:
    if root >= 1:
        yield (
            f"Explosive: the largest root is {root:.3f}, so that responses grow without end; detrend the series, take "
            "differences or leave out the topics that trend."
        )
    if corrected:
        yield f"{corrected} of {count} bootstrap replications were explosive and were brought back to a root of .99."
