"""Hawkes processes of attention: which sources' events bring about whose.

:func:`hawkes` fits a multivariate Hawkes process to events and returns tidy tables. The baseline is the part of the
intensity that no source explains; influence is the branching matrix: how many events of a target an event of a source
brings about directly, on average.
"""

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from hemicycle.agenda.hawkes.baseline import Baseline
from hemicycle.agenda.hawkes.em import expectation_maximisation
from hemicycle.agenda.hawkes.events_file import Events
from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.goodness import goodness, held_out, without_influence
from hemicycle.agenda.hawkes.kernels import Exponential, KernelOptions, kernel_of
from hemicycle.agenda.hawkes.maximum import maximised
from hemicycle.agenda.hawkes.moments import least_squares
from hemicycle.agenda.hawkes.newton import Fit
from hemicycle.agenda.hawkes.shares import check_parts, endogeneity_table
from hemicycle.agenda.hawkes.tables import (
    Fitted,
    baseline_table,
    branching_table,
    kernel_table,
    stability_table,
)
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError


class HawkesOptions(Options):
    """How Hawkes processes are fitted."""

    estimator: Literal["likelihood", "least squares", "em"] = "likelihood"
    """Maximum likelihood by Newton's steps (best), least squares from moments (fastest; the kernel is known), or
    expectation maximisation (slowest; the same maximum)."""
    kernel: KernelOptions = Field(default_factory=Exponential)
    """How soon events are followed by their children."""
    baseline: Baseline = Field(default_factory=Baseline)
    """How the exogenous rate varies."""
    parts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Name of a group -> its sources, e.g. ``{media: [lemonde, lefigaro], politicians: [...]}``."""
    confidence: float = Field(0.95, gt=0, lt=1)
    """Of the intervals."""
    held_out: float = Field(0.2, ge=0, le=0.5)
    """Share of the observation, at its end, for which a fit to what came before is judged; 0: none."""


def hawkes(events: Events, options: HawkesOptions) -> dict[str, pd.DataFrame]:
    """Fit a Hawkes process and describe it.

    Args:
        events: of :func:`hemicycle.agenda.hawkes.events_file.read_events` or a simulation.
        options: how.

    Returns:
        ``agenda_hawkes`` (source, target, kernel, branching, error, ci_low, ci_high, decay, decay_low, decay_high),
        ``agenda_endogeneity`` (target, level, part, kind, share, error, ci_low, ci_high), ``agenda_goodness`` (source,
        model, statistic, p_value, n, message, held_out: log-likelihood an event), ``agenda_goodness_quantiles``,
        ``agenda_hawkes_baseline``, ``agenda_hawkes_kernel`` and ``agenda_hawkes_fit`` (one row with the branching ratio
        and whether the process is stable). Nothing is drawn at random.

    Raises:
        InputError: an unknown source in a group, or fewer events of a target than its coefficients.
    """
    design = Design(events, options.baseline)
    check_parts(design, options.parts)
    found = Fitted(design, estimated(design, options), options.confidence)
    judged = goodness(design, found.fit)
    judged["agenda_goodness"] = _with_held_out(judged["agenda_goodness"], events, options)
    return {
        "agenda_hawkes": branching_table(found),
        "agenda_endogeneity": endogeneity_table(found, options.parts),
        "agenda_hawkes_baseline": baseline_table(found),
        "agenda_hawkes_kernel": kernel_table(found),
        "agenda_hawkes_fit": stability_table(found, options.estimator),
        **judged,
    }


def estimated(design: Design, options: HawkesOptions) -> Fit:
    """Fit by the estimator of the options.

    Raises:
        InputError: fewer events of a target than its coefficients.
    """
    _check_enough(design, options)
    match options.estimator:
        case "likelihood":
            return maximised(design, options.kernel)
        case "least squares":
            return least_squares(design, options.kernel)
        case "em":
            return expectation_maximisation(design, options.kernel)


def _check_enough(design: Design, options: HawkesOptions) -> None:
    events = design.events
    needed = design.n_columns(kernel_of(options.kernel, events.n_sources, events.horizon - events.start))
    few = np.flatnonzero(design.counts <= needed)
    if few.size:
        least = int(few[np.argmin(design.counts[few])])
        name = events.sources[design.events.targets[least]]
        what = f"{few.size} targets have too few events for {needed} coefficients; {name!r} has {design.counts[least]}"
        raise InputError(
            what, remedy="join sources, leave some out, use fewer pieces of the baseline, or observe longer"
        )


# -- held-out events ---------------------------------------------------------------------------------------------------


def _with_held_out(table: pd.DataFrame, events: Events, options: HawkesOptions) -> pd.DataFrame:
    """Add the log-likelihood an event of the last part of the observation under fits to the first."""
    values = held_out_values(events, options) if options.held_out else None
    rows = zip(table["source"], table["model"], strict=True)
    return table.assign(held_out=[np.nan if values is None else values[model][source] for source, model in rows])


def held_out_values(events: Events, options: HawkesOptions) -> dict[str, dict[str, float]] | None:
    """Log-likelihood an event in the last part, by model and source; None where the first part cannot be fitted.

    It cannot be where a source has too few events there, or where pieces of the baseline do not repeat, so that those
    of the last part are unknown.
    """
    cut = events.horizon - options.held_out * (events.horizon - events.start)
    if options.baseline.width and not options.baseline.cycle:
        return None
    try:
        before = Design(events.until(cut), options.baseline)
        fit = estimated(before, options)
    except InputError:
        return None
    after = Design(events, options.baseline, (cut, events.horizon))
    kernel = kernel_of(fit.kernel, events.n_sources, events.horizon - events.start)
    names = [events.sources[k] for k in events.targets]
    thetas = {"hawkes": fit.theta, "poisson": without_influence(before, kernel)}
    values = {model: held_out(after, kernel, theta).tolist() for model, theta in thetas.items()}
    return {model: dict(zip(names, mine, strict=True)) for model, mine in values.items()}
