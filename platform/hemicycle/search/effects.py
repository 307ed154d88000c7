"""Effects of a factorial population's factors on what is learnt: differences of marginal means, and their tests.

One linear model an outcome: main effects of all factors in effect coding, so that each effect is an average over the
other factors, every level counting the same. Where a factor exists for some cells only, these share the weight that a
cell without it has. With all cells there, effects are differences of marginal means, whatever interactions there are.

*Units.* Where members share their seeds, every fit is a unit and the seed is a block of its own: what a seed does to
all members alike cancels in every difference, as it would with a random effect. Otherwise the unit is the cell, the
mean of a member over its seeds.

*Error.* The residual of the main effects model holds the noise of seeds and what the factors do beyond adding up.
Interactions thus widen the intervals of main effects: with strong ones these are too wide rather than too narrow, and
the table of tests shows them. An interaction with the seed says that intervals are too narrow for other seeds than
these: what a seed does to all members of a level alike is not in the residual. Where residuals vary clearly more at
some levels than at others (Brown and Forsythe, JASA 1974, p < .01 over all factors), the covariance is HC3 (MacKinnon
and White, J. Econometrics 1985) instead of the pooled one.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from hemicycle.core.errors import InputError
from hemicycle.search.coding import Factor, products
from hemicycle.search.linear import Fit, Layout, Matrix, holm

LEVEL = 0.95
SEED = "seed"
"""Name of the block in the table of tests."""
CLEAR = 0.01
"""Below this p, corrected for the number of factors, variances are not taken for equal."""
LEAST_DF = 5
"""Interactions are tested where they leave as many residual degrees of freedom."""
MOST_COLUMNS = 600
"""Interactions are left out where they would take more columns."""
EFFECTS = ["design", "outcome", "factor", "level", "against", "effect", "ci_low", "ci_high"]
EFFECTS += ["adjusted_low", "adjusted_high", "n", "residual_df", "variance"]
TESTS = ["design", "outcome", "factor", "df", "F", "p", "p_adjusted", "eta2_partial", "residual_df", "variance"]


def effects(levels: pd.DataFrame, outcomes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimate what every level of every factor does to every outcome.

    Args:
        levels: of :func:`hemicycle.search.designs.levels`; without ``place``, levels are in order of appearance.
        outcomes: ``design``, ``member``, ``seed``, ``outcome``, ``value``, one row a fit and outcome; failed members
            and values that are not finite are missing cells.

    Returns:
        ``effects``: difference of each level from the factor's first (of those that some fit has), and over three or
        more numeric levels a row ``against`` "linear trend", its ``level`` "per unit" or, where they are spaced more
        evenly on a logarithmic scale, "per doubling". 95 % t-intervals, ``adjusted`` ones for all rows of an outcome
        together (Bonferroni), ``n`` units compared; missing where cells are too few to tell.
        ``effect_tests``: F test of each factor and of the seed in the same model, and of each two-way interaction
        (``a:b``, ``a:seed``) in the model with all of them, where that leaves LEAST_DF; ``p_adjusted`` over an
        outcome's rows (Holm, Scand. J. Stat. 1979); ``eta2_partial``, the share of the variance that all else leaves.
        ``variance`` is ``pooled`` or ``HC3``.

    Raises:
        InputError: a fit has two values of one outcome.
    """
    _check_unique(outcomes)
    differences: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for key, model, values in _outcomes(levels, outcomes):
        fit = Fit(model.layout, values)
        fit = Fit(model.layout, values, robust=_unequal(fit, model.factors))
        differences += [key | row for row in _differences(model, fit)]
        tests += [key | row for row in _tests(model, fit)]
    return pd.DataFrame(differences, columns=EFFECTS), pd.DataFrame(tests, columns=TESTS)


def _check_unique(outcomes: pd.DataFrame) -> None:
    doubled = outcomes.duplicated(["design", "member", "seed", "outcome"])
    if doubled.any():
        row = outcomes[doubled].iloc[0]
        raise InputError(
            f"{row['member']} with seed {row['seed']} has several values of {row['outcome']}",
            where=f"outcomes of the design {row['design']}",
            remedy="name outcomes so that each fit has one value of each, e.g. with the label and the probe",
        )


# -- the model -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """The factors of some units; outcomes that the same units have share it.

    Args:
        factors: with two or more levels each; the last is the seed's block where there is one.
    """

    factors: tuple[Factor, ...]

    @cached_property
    def layout(self) -> Layout:
        """Main effects."""
        shares = [f.shares for f in self.factors if f.name != SEED]
        return Layout({factor.name: factor.columns for factor in self.factors}, np.prod(shares, axis=0))

    @cached_property
    def interactions(self) -> Layout | None:
        """Main effects and two-way interactions, the seed's only if units suffice; None where they are too few."""
        pairs = list(combinations(self.factors, 2))
        return self._crossed(pairs) or self._crossed([pair for pair in pairs if pair[1].name != SEED])

    def _crossed(self, pairs: list[tuple[Factor, Factor]]) -> Layout | None:
        """Main effects and the interactions of pairs that are not main effects in disguise."""
        if sum((len(a.levels) - 1) * (len(b.levels) - 1) for a, b in pairs) > MOST_COLUMNS:
            return None
        blocks = {f"{a.name}:{b.name}": self.layout.beyond(products(a, b)) for a, b in pairs}
        blocks = {name: block for name, block in blocks.items() if block.shape[1]}
        found = Layout({**self.layout.blocks, **blocks}, self.layout.weights)
        return found if blocks and found.df >= LEAST_DF else None


def _unequal(fit: Fit, factors: tuple[Factor, ...]) -> bool:
    """Tell whether residuals clearly vary more at some levels of a factor than at others."""
    if not fit.scale:
        return False
    return any(_brown_forsythe(fit.residuals, factor) * len(factors) < CLEAR for factor in factors)


def _brown_forsythe(residuals: Matrix, factor: Factor) -> float:
    """Return p of the F test that distances from the level's median are alike, among levels with over 2 units."""
    groups = [residuals[factor.codes == code] for code in range(len(factor.levels))]
    distances = [np.abs(group - np.median(group)) for group in groups if len(group) > 2]
    if len(distances) < 2:
        return 1.0
    every = np.concatenate(distances)
    within = sum(float(((d - d.mean()) ** 2).sum()) for d in distances)
    between = float(((every - every.mean()) ** 2).sum()) - within
    df, left = len(distances) - 1, len(every) - len(distances)
    return float(special.fdtrc(df, left, max(0.0, between) / df * left / within)) if within > 0 else 1.0


# -- units -----------------------------------------------------------------------------------------------------------


def _outcomes(levels: pd.DataFrame, outcomes: pd.DataFrame) -> Iterator[tuple[dict[str, str], Model, Matrix]]:
    """Each design and outcome with its model and values; those that leave no factor two levels are left out."""
    known = outcomes.astype({"value": np.float64})
    finite = known[np.isfinite(known["value"])]
    for design, part in levels.groupby("design", sort=False):
        own = finite[(finite["design"] == design) & finite["member"].isin(part["member"])]
        own = own.sort_values(["member", SEED], kind="stable")
        models: dict[Hashable, Model] = {}
        for outcome, rows in own.groupby("outcome", sort=False):
            units = _units(rows)
            key = tuple(units["member"]), tuple(units.get(SEED, ()))
            model = models[key] = models.get(key) or Model(_factors(units, part))
            if any(factor.name != SEED for factor in model.factors):
                yield {"design": str(design), "outcome": str(outcome)}, model, _centred(units["value"])


def _units(rows: pd.DataFrame) -> pd.DataFrame:
    """Fits where several seeds were each given to most members (a few may have failed), else means over seeds."""
    fits = rows.groupby(SEED)["member"].nunique()
    if len(fits) > 1 and fits.min() > rows["member"].nunique() / 2:
        return rows
    return rows.groupby("member", sort=True)["value"].mean().reset_index()


def _centred(values: pd.Series) -> Matrix:
    """Values less their mean; exactly 0 where they are all equal up to rounding."""
    found = values.to_numpy(np.float64)
    return found - found.mean() if np.ptp(found) > 1e-12 * np.abs(found).max() else np.zeros(len(found))


def _factors(units: pd.DataFrame, levels: pd.DataFrame) -> tuple[Factor, ...]:
    ordered = levels.sort_values("place", kind="stable") if "place" in levels else levels
    found = []
    for name in levels["factor"].unique():
        own = ordered[ordered["factor"] == name].astype({"level": str})
        values = units["member"].map(own.set_index("member")["level"]).tolist()
        found.append(Factor.of(str(name), values, own["level"].unique().tolist()))
    if SEED in units:
        found.append(Factor.of(SEED, units[SEED].map(str).tolist(), [str(s) for s in sorted(units[SEED].unique())]))
    return tuple(factor for factor in found if len(factor.levels) > 1)


# -- rows ------------------------------------------------------------------------------------------------------------


def _differences(model: Model, fit: Fit) -> list[dict[str, Any]]:
    pairs = [(f.name, contrast) for f in model.factors if f.name != SEED for contrast in f.contrasts]
    told = [fit.contrast(name, contrast.weights) for name, contrast in pairs]
    count = sum(bool(np.isfinite(effect)) for effect, _ in told)
    same = {"residual_df": fit.layout.df, "variance": fit.variance}
    return [
        {"factor": name, "level": c.level, "against": c.against, "effect": effect, "n": c.rows}
        | _ends(effect, error, fit.layout.df, count)
        | same
        for (name, c), (effect, error) in zip(pairs, told, strict=True)
    ]


def _ends(effect: float, error: float, df: int, comparisons: int) -> dict[str, float]:
    """t-intervals of one comparison, and of all together."""
    tail = (1 - LEVEL) / 2
    tails = np.array([tail, tail / max(1, comparisons)])
    quantiles = -special.stdtrit(df, tails) if df > 0 else np.full(2, np.nan)
    plain, adjusted = (quantiles * error).tolist()
    ends = {"ci_low": effect - plain, "ci_high": effect + plain}
    return ends | {"adjusted_low": effect - adjusted, "adjusted_high": effect + adjusted}


def _tests(model: Model, fit: Fit) -> list[dict[str, Any]]:
    found = _tested(fit, [factor.name for factor in model.factors])
    if model.interactions is not None:
        names = [name for name in model.interactions.blocks if name not in model.layout.blocks]
        found += _tested(Fit(model.interactions, fit.values, fit.robust), names)
    adjusted = holm(np.array([row["p"] for row in found], np.float64)).tolist()
    return [row | {"p_adjusted": p} for row, p in zip(found, adjusted, strict=True)]


def _tested(fit: Fit, names: list[str]) -> list[dict[str, Any]]:
    same = {"residual_df": fit.layout.df, "variance": fit.variance}
    tests = {name: test for name in names if (test := fit.test(name))}
    return [
        {"factor": name, "df": test.df, "F": test.statistic, "p": test.p, "eta2_partial": test.eta2} | same
        for name, test in tests.items()
    ]
