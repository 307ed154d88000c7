"""From waves of opinions and a graph to estimates of every mechanism, their comparison and a verdict in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.estimation.base import Mechanism
from hemicycle.estimation.catalogue import MECHANISM, MECHANISMS
from hemicycle.estimation.comparison import comparison_table, verdict
from hemicycle.estimation.explore import Settings
from hemicycle.estimation.fit import Fit, fit
from hemicycle.estimation.intervals import Value
from hemicycle.estimation.kernels import Floats
from hemicycle.estimation.measurement import error_variance
from hemicycle.estimation.moments import Observation
from hemicycle.estimation.panel import FEWEST, Panel, bound_notes, bound_problems, one_dimension, panel_of
from hemicycle.estimation.selection import selection_table
from hemicycle.graphs.interaction import InteractionGraph

COMMON = ""
"""Group of estimates from everybody."""
_CURVED = (
    "corrected for errors of measurement: exactly where a mechanism is linear in opinions, approximately elsewhere; "
    "an abrupt confidence is blurred by errors, and its interval is a rough one; likelihoods are of corrected fits"
)
RESULT_COLUMNS = ("group", "mechanism", "parameter", "value", "ci_low", "ci_high", "se", "method", "n")


class EstimationOptions(Options):
    """Options of the estimation of mechanisms."""

    mechanisms: tuple[Annotated[Any, MECHANISM], ...] = tuple({"mechanism": name} for name in sorted(MECHANISMS))
    """Mechanisms that are fitted and compared."""
    steps: tuple[Annotated[int, Field(ge=1, le=50)], ...] = (1,)
    """Steps of a mechanism between two waves; of several, each mechanism takes the one that fits best."""
    drift: bool = True
    """Whether every pair of waves has a drift common to all users, in all mechanisms."""
    error: Annotated[float, Field(ge=0)] | Literal["estimate"] = 0.0
    """Standard deviation of the error with which each opinion was measured; ``estimate``: from three waves or more."""
    level: float = Field(default=0.9, gt=0.5, lt=1)
    """Of all intervals."""
    folds: int = Field(default=5, ge=2, le=10)
    """Into which users are dealt for held-out likelihoods."""
    bounds: tuple[float, float] | None = None
    """Lowest and highest possible opinion, to check what is given."""
    grid: int = Field(default=25, ge=5, le=1000)
    """Candidates of a smooth shape parameter, refined where the likelihood is high."""
    draws: int = Field(default=199, ge=19)
    """Simulated data sets for the interval of a threshold."""
    alternatives: int = Field(default=5, ge=1, le=100)
    """Users drawn at random for each new tie, whom the same user might have followed instead."""
    seed: int = Field(default=0, ge=0)
    """Of pools, folds and draws."""


@dataclass(frozen=True, eq=False)
class People:
    """What is known of users beside their waves.

    Args:
        innate: opinions that anchor them, shape (n_users,); None: the first of three or more waves.
        groups: shape (n_users,); parameters are also estimated by group. None: not.
    """

    innate: Floats | None = None
    groups: NDArray[np.object_] | None = None


@dataclass(frozen=True, eq=False)
class Estimates:
    """What the waves say about mechanisms; aggregates only.

    Args:
        results: a row a group, mechanism and parameter: value, interval, standard error, how the interval was made.
        comparison: a row a group and mechanism, best first.
        profile: log-likelihood by shape parameter: group, mechanism, parameter, value, log_likelihood, and
            ratio = 2 (maximum - log_likelihood).
        selection: formation and dissolution of ties; empty with a graph of one time.
        verdict: in words.
        notes: what was left out, what is not identified, and what to keep in mind.
    """

    results: pd.DataFrame
    comparison: pd.DataFrame
    profile: pd.DataFrame
    selection: pd.DataFrame
    verdict: str
    notes: tuple[str, ...]

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables by the names of their files; empty ones left out."""
        named = {
            "estimation_results": self.results,
            "estimation_comparison": self.comparison,
            "estimation_profile": self.profile,
            "estimation_selection": self.selection,
        }
        return {name: table for name, table in named.items() if len(table)}


def estimate(
    waves: Floats,
    graphs: InteractionGraph | Sequence[InteractionGraph],
    options: EstimationOptions | None = None,
    people: People | None = None,
) -> Estimates:
    """Estimate mechanisms of opinion change, and compare them.

    x_i(t + 1) = mechanism(x(t), graph)_i + drift + normal noise. Least squares is conditional maximum likelihood given
    the wave before; movements are independent given that wave, so that the network needs no further care as long as
    the noise of different users is independent. Shocks that neighbours share (a regional event) are not, and make
    intervals too narrow. Estimates are causal only where ties do not depend on unseen causes of opinions (see
    :mod:`hemicycle.estimation.selection`).

    Args:
        waves: opinions on one dimension, NaN where unknown, shape (n_users, n_waves), two waves or more.
        graphs: row u: whom u follows; one for all pairs of waves, one for each pair, or one for each wave: the last
            one then serves the changes of ties alone.
        options: of the estimation.
        people: innate opinions and groups.

    Raises:
        InputError: everything that is wrong with shapes and values, at once.
    """
    options, people = options or EstimationOptions(), people or People()
    waves, several = one_dimension(waves), [graphs] if isinstance(graphs, InteractionGraph) else list(graphs)
    if options.bounds is not None:
        raise_problems(bound_problems(waves, options.bounds))
    mechanisms = [MECHANISM.build(config) for config in options.mechanisms]
    known = several[:-1] if len(several) == waves.shape[1] > 1 else several
    tells = people.innate is not None or waves.shape[1] > 2
    anchored = tells and any(mechanism.anchored for mechanism in mechanisms)
    panel = panel_of(waves, known, people.innate, options.seed, anchored=anchored)
    usable = [mechanism for mechanism in mechanisms if tells or not mechanism.anchored]
    if not usable:
        raise InputError("none of the mechanisms can be told from two waves", "mechanisms", "give innate opinions")
    settings, error, notes = _settings(panel, options)
    fits = _by_group(panel, usable, settings, (options, people))
    about = (*_bounds(waves, options), *_left_out(mechanisms, usable), *_small_groups(people, fits))
    return _assembled(fits, (error, (*panel.notes, *about, *notes)), options, (waves, several))


def _bounds(waves: Floats, options: EstimationOptions) -> tuple[str, ...]:
    return () if options.bounds is None else bound_notes(waves, options.bounds)


def _left_out(mechanisms: Sequence[Mechanism], usable: Sequence[Mechanism]) -> tuple[str, ...]:
    lost = [mechanism.name for mechanism in mechanisms if mechanism not in usable]
    if not lost:
        return ()
    why = "two waves without innate opinions cannot tell an anchor from the first wave"
    return (f"{' and '.join(lost)} not estimated: {why}",)


def _settings(panel: Panel, options: EstimationOptions) -> tuple[Settings, Value | None, tuple[str, ...]]:
    """Return the settings of all fits, the estimated error of measurement if asked for, and notes on errors."""
    settings = Settings(
        Observation(1, options.drift, 0.0, seed=options.seed),
        options.level,
        options.folds,
        options.grid,
        options.draws,
        options.seed,
    )
    if options.error == "estimate":
        error, without = error_variance(panel, options.level)
        observed = replace(settings.observed, error=error.value)
        notes = () if error.value else ("the estimated variance of errors is not positive: taken as 0",)
        return replace(settings, observed=observed, error_without=without), error, (*notes, *_curved(error.value))
    given = float(options.error)
    if given:
        return replace(settings, observed=replace(settings.observed, error=given)), None, _curved(given)
    note = "opinions are taken as measured without error; errors look like regression to the mean and assimilation"
    return settings, None, (note,)


def _curved(error: float) -> tuple[str, ...]:
    if not error:
        return ()
    return (_CURVED,)


# -- all fits --------------------------------------------------------------------------------------------------------

_Fits = dict[str, list[tuple[Fit, str, int]]]


def _by_group(
    panel: Panel, mechanisms: Sequence[Mechanism], settings: Settings, told: tuple[EstimationOptions, People]
) -> _Fits:
    """Fits by group: of everybody, and of each group that is large enough."""
    options, people = told
    found = {COMMON: [_best_steps(mechanism, panel, settings, options.steps) for mechanism in mechanisms]}
    if people.groups is None:
        return found
    groups = np.asarray(people.groups).astype(str)
    if groups.shape != panel.transitions[0].before.shape:
        what = f"{len(groups):,} groups for {len(panel.transitions[0].before):,} users"
        raise InputError([Problem(what, "groups", "give one a user, in the order of the waves")])
    for name in np.unique(groups):
        own = panel.among(groups == name)
        if min(len(transition.rows) for transition in own.transitions) >= FEWEST and name:
            found[str(name)] = [_best_steps(mechanism, own, settings, options.steps) for mechanism in mechanisms]
    return found


def _small_groups(people: People, fits: _Fits) -> tuple[str, ...]:
    """Say how many groups have no parameters of their own."""
    if people.groups is None:
        return ()
    number = len({str(name) for name in people.groups} - {""})
    lost = number - len(fits) + 1
    return (f"{lost} of {number} groups have fewer than {FEWEST} users in a pair of waves",) if lost else ()


def _best_steps(mechanism: Mechanism, panel: Panel, settings: Settings, steps: tuple[int, ...]) -> tuple[Fit, str, int]:
    """Return the fit at the number of steps with the highest likelihood, its shape parameter's name, and the steps."""
    fits = [(fit(mechanism, panel, replace(settings, observed=replace(settings.observed, steps=k))), k) for k in steps]
    best, number = max(fits, key=lambda pair: pair[0].log_likelihood)
    counted = replace(best, n_parameters=best.n_parameters + (len(steps) > 1))
    return counted, mechanism.shape, number


def _assembled(
    fits: _Fits,
    told: tuple[Value | None, tuple[str, ...]],
    options: EstimationOptions,
    data: tuple[Floats, Sequence[InteractionGraph]],
) -> Estimates:
    """Turn fits into tables."""
    error, notes = told
    corrected = options.error == "estimate" or bool(options.error)
    comparisons = {
        group: comparison_table([own for own, _, _ in several], options.level, corrected=corrected)
        for group, several in fits.items()
    }
    compared = pd.concat([table.assign(group=group) for group, table in comparisons.items()], ignore_index=True)
    compared = compared[["group", *compared.columns.drop("group")]]
    waves, graphs = data
    selection, more = pd.DataFrame(), tuple[str, ...]()
    if len(graphs) > 1:
        selection, more = selection_table(waves[:, 0], graphs, (options.level, options.alternatives, options.seed))
    of_fits = tuple(note for own, _, _ in fits[COMMON] for note in own.notes)
    return Estimates(
        _results(fits, error, options),
        compared,
        _profiles(fits),
        selection,
        verdict(comparisons[COMMON]),
        (*notes, *of_fits, *more),
    )


def _results(fits: _Fits, error: Value | None, options: EstimationOptions) -> pd.DataFrame:
    rows = []
    for group, several in fits.items():
        for own, _, steps in several:
            values = list(own.values)
            if len(options.steps) > 1:
                values.append(Value("steps", steps, np.nan, np.nan, np.nan, "highest likelihood"))
            rows += [(group, own.mechanism, *_row(value), own.n) for value in values]
    if error is not None:
        rows.append((COMMON, "measurement", *_row(error), fits[COMMON][0][0].n))
    return pd.DataFrame(rows, columns=[*RESULT_COLUMNS])


def _row(value: Value) -> tuple[str, float, float, float, float, str]:
    return value.name, value.value, value.low, value.high, value.error, value.method


def _profiles(fits: _Fits) -> pd.DataFrame:
    parts = []
    for group, several in fits.items():
        for own, shape, _ in several:
            if shape:
                place, height = own.profile
                about = {"group": group, "mechanism": own.mechanism, "parameter": shape}
                ratio = 2 * (height.max() - height)
                parts.append(pd.DataFrame({**about, "value": place, "log_likelihood": height, "ratio": ratio}))
    columns = ["group", "mechanism", "parameter", "value", "log_likelihood", "ratio"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
