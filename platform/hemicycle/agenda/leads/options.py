"""Options of lead and lag: what is measured between groups, and what counts as a cluster of days and topics."""

from typing import Literal, Self

from pydantic import Field, model_validator

from hemicycle.agenda.attention.scale import ScaleOptions
from hemicycle.core.config import Options

Measure = Literal[
    "granger",
    "granger bivariate",
    "granger by topic",
    "gaussian transfer entropy",
    "transfer entropy",
    "cross-correlation",
]
Clusters = Literal["auto", "topics", "blocks", "both"]
Criterion = Literal["aic", "bic", "hq"]


class LeadOptions(Options):
    """Who leads whom: measures of every ordered pair of groups, their controls and their intervals."""

    measures: tuple[Measure, ...] = Field(("granger", "transfer entropy", "cross-correlation"), min_length=1)
    """``granger``: conditional on all other groups; ``granger bivariate``: on the follower's own past alone; ``granger
    by topic``: mean over topics, each with coefficients of its own (Dumitrescu and Hurlin 2012); ``gaussian transfer
    entropy``: half of ``granger``, in nats; ``transfer entropy``: of symbols, any shape of dependence;
    ``cross-correlation``: of prewhitened series. Those by symbols, by correlation and bivariate see leads that go
    through a third group, or that a third group makes by leading both."""
    lags: int | Criterion = 7
    """Lags of the regressions, and of prewhitening; or the criterion that chooses them."""
    most_lags: int = Field(14, ge=1)
    """Most lags that a criterion may choose."""
    reach: int = Field(7, ge=1)
    """Largest delay, in days, at which transfer entropy and cross-correlation look for a lead."""
    common: bool = False
    """Remove each day's mean over the topics from every group's scaled series, as effects of days do: a day on which
    all topics rise or fall together (a week-end, an outage, one topic that crowds out the others) then leads to
    nothing. What groups have in common on one topic alone stays. Needs at least 3 topics."""
    clusters: Clusters = "auto"
    """What is independent of each other, for p-values of Granger causality and all intervals. ``topics``: whatever a
    topic's days have in common, and however topics differ; ``blocks``: of days, whatever topics have in common on a
    day; ``both``: the larger of the two p-values, and intervals draw topics; ``auto``: ``both`` where there are enough
    of the two, else ``topics`` where there are enough, else ``blocks``."""
    fewest: int = Field(20, ge=4)
    """Fewest clusters that are enough."""
    block: int = Field(14, ge=1)
    """Days of a block."""
    shifts: Literal["together", "apart"] = "together"
    """The control of transfer entropy and cross-correlation shifts the leader's series against the follower's, round
    the circle of days. ``together``: all topics by the same number of days, so that what topics have in common stays;
    every shift is tried. ``apart``: each topic by a number of its own, for series of a few months, whose shifts are too
    few for small p-values; it takes topics for independent."""
    surrogates: int = Field(499, ge=19)
    """Random shifts, where topics are shifted apart."""
    symbols: Literal["quantiles", "ordinal"] = "quantiles"
    """Symbols of transfer entropy: ``quantiles`` of the prewhitened series of a topic and group, or ``ordinal``
    patterns of consecutive days (Staniek and Lehnertz 2008)."""
    states: int = Field(3, ge=2, le=5)
    """Number of quantile classes; or of days of a pattern."""
    replications: int = Field(1000, ge=0)
    """Bootstrap replications; 0: no intervals."""
    level: float = Field(0.05, gt=0, lt=1)
    """False-discovery rate at which an edge is kept."""
    confidence: float = Field(0.95, gt=0, lt=1)
    """Of the intervals."""
    weights: Literal["equal", "none"] = "equal"
    """``equal``: each topic's series are divided by the size of its daily changes, so that a few restless topics do not
    stand for all; what leads what within a topic stays as it is. ``none``: topics count by their variance."""
    scale: ScaleOptions = ScaleOptions()
    """From shares to the series that are compared."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if isinstance(self.lags, int) and self.lags < 1:
            raise ValueError("lags must be at least 1, or one of aic, bic, hq")
        if self.symbols == "ordinal" and self.states > 4:
            raise ValueError("ordinal patterns of 5 days are 120 symbols, too many to count; choose states of 2 to 4")
        return self


class EventOptions(Options):
    """Event studies: what follows, in every group, when attention to a topic rises."""

    file: str | None = None
    """CSV with the columns date, topic and, if wished, label: the events; none: they are found in each group's own
    series."""
    groups: tuple[str, ...] = ()
    """Groups whose rises are events; empty: each group in turn, and the mean of all groups."""
    threshold: float = Field(5.0, gt=0)
    """A rise is a day on which the share stands more than this many robust standard deviations (1.4826 times the median
    absolute deviation, at least the unit to which shares are rounded) above the median of the days around it."""
    around: int = Field(61, ge=3)
    """Days, half before and half after, of that running median."""
    window: int = Field(7, ge=1)
    """Days before and after that are looked at."""
    baseline: int = Field(14, ge=1)
    """Days before the window whose mean is taken off. An event has no other rise in its window and baseline before."""
    clusters: Literal["events", "topics"] = "topics"
    """What is drawn in the bootstrap: single events, or topics with all their events."""
    replications: int = Field(1000, ge=1)
    """Bootstrap replications, and random placements of the events."""
    confidence: float = Field(0.95, gt=0, lt=1)
    """Of the intervals."""
