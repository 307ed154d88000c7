"""What measures of a lead share: scaled series, their lags, innovations, clusters and bootstrap draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.scale import scaled
from hemicycle.agenda.draws import draws
from hemicycle.agenda.leads.clusters import Clusters, clusters
from hemicycle.agenda.leads.granger import Products, products
from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.agenda.leads.prewhitening import innovations, topic_sizes
from hemicycle.agenda.responses.lag_order import chosen_lags
from hemicycle.agenda.responses.moments import moments, total
from hemicycle.agenda.responses.panel import Panel, panel_of
from hemicycle.agenda.responses.panel_var import check_rank
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]


def without_common(values: Floats) -> Floats:
    """Take each day's mean over the topics off every group's series.

    With the topics' own means taken off as well these are the two-way effects of a panel: a shock to a group's
    attention that all topics of a day have in common is gone. Where topics are few, each loses 1 / topics of its own.

    Args:
        values: shape (topics, times, groups); NaN: missing.

    Raises:
        InputError: fewer than 3 topics, of which nothing much would be left.
    """
    if len(values) < 3:
        raise InputError(
            f"daily means over {len(values)} topics would take away what is to be compared",
            "common",
            "give at least 3 topics, or write common: false",
        )
    known = np.isfinite(values)
    means = np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1)
    return np.asarray(values - means)


@dataclass(frozen=True, eq=False)
class LeadData:
    """Series between which leads are looked for.

    Args:
        series: scaled attention, shape (topics, times, groups); NaN: missing.
        groups: names.
        options: lags, clusters and replications.
        key: of all random numbers.
    """

    series: Floats
    groups: Sequence[str]
    options: LeadOptions
    key: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of topics and of days."""
        return self.series.shape[0], self.series.shape[1]

    @cached_property
    def lags(self) -> int:
        """Number of lags, chosen by the criterion where one is named."""
        wanted, most = self.options.lags, self.options.most_lags
        if isinstance(wanted, int):
            return wanted
        return chosen_lags(self.series, wanted, most, stacked=False, fixed_effects=True)[0]

    @cached_property
    def clusters(self) -> Clusters:
        """What is independent of each other."""
        return clusters(*self.shape, self.options)

    @cached_property
    def weights(self) -> Floats:
        """How often each cluster is drawn in each replication, the same for all measures."""
        return draws(self.clusters.number, self.key, self.options.replications)

    @cached_property
    def whitened(self) -> Floats:
        """Standardised innovations, shape (topics, times, groups)."""
        return innovations(self.series, self.lags)

    @cached_property
    def products(self) -> Products:
        """Sums of products of lags and series by cluster."""
        return self.products_by(self.clusters.labels)

    @cached_property
    def tested(self) -> tuple[Products, ...]:
        """Products by each sort of clusters that p-values allow for."""
        others = self.clusters.others
        return (self.products,) if others is None else (self.products, self.products_by(others))

    @cached_property
    def products_of_topics(self) -> Products:
        """Sums of products by topic."""
        topics, times = self.shape
        return self.products_by(np.repeat(np.arange(topics)[:, None], times, 1))

    @cached_property
    def panel(self) -> Panel:
        """Days of a topic on which no group is missing, in runs in which lags can be taken."""
        found = panel_of(self.series, self.lags)
        check_rank(total(moments(found), fixed_effects=True), len(self.groups), tuple(self.groups))
        return found

    def products_by(self, labels: NDArray[np.int64]) -> Products:
        """Return sums of products by the clusters that labels, shape (topics, times), name."""
        rows = self.panel.rows
        topics = self.panel.topic[rows]
        return products(self.panel.windows(), topics, labels[topics, self.panel.time[rows]], int(labels.max()) + 1)


def lead_data(attention: Attention, options: LeadOptions, key: int) -> LeadData:
    """Return the scaled series of attention.

    Raises:
        InputError: fewer than 2 groups, or too few days for the lags.
    """
    groups, times = len(attention.groups), len(attention.times)
    if groups < 2:
        raise InputError(f"{groups} group cannot lead another", "groups", "select at least 2 groups")
    most = options.lags if isinstance(options.lags, int) else options.most_lags
    if times <= 3 * (most + 1):
        raise InputError(f"{times} days are too few for {most} lags", "lags", "give more days or fewer lags")
    values = prepared(scaled(attention, options.scale), options)
    return LeadData(values, attention.groups, options, key)


def prepared(values: Floats, options: LeadOptions) -> Floats:
    """Return scaled series, shape (topics, times, groups), without what is common and weighted, as the options say."""
    series = without_common(values) if options.common else values
    return series if options.weights == "none" else series / topic_sizes(series)[:, None, None]
