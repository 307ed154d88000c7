"""What an arm does: paired differences to the reference arm at the end of the runs, cell by cell."""

import numpy as np
import pandas as pd
from scipy import stats

from hemicycle.core.errors import InputError

GROUP = ["simulation", "cell", "opinion", "metric"]
RUN = ["simulation", "cell", "opinion", "arm", "seed"]
COLUMNS = [
    *GROUP,
    "arm",
    "reference",
    "step",
    "n_seeds",
    "difference",
    "ci_low",
    "ci_high",
    "minimum_detectable_effect",
]


def contrasts(results: pd.DataFrame, reference: str = "none") -> pd.DataFrame:
    """Compare every arm with the reference arm, seed by seed, at the last step of each run.

    Args:
        results: columns simulation, cell (without it: 0), opinion, arm, seed, step, metric, value
            (``simulation_results``).
        reference: name of the arm with which the others are compared.

    Returns:
        One row for each simulation, cell, opinion model, metric and other arm: ``step``, the last of any run;
        ``n_seeds`` present in both arms; ``difference``, the mean over seeds of arm - reference; ``ci_low`` and
        ``ci_high``, its 95 % interval; and ``minimum_detectable_effect`` (see :func:`paired_interval`). With one seed,
        or where a value is NaN, the interval is NaN.

    Raises:
        InputError: the reference arm has no rows.
    """
    arms = sorted(results["arm"].unique())
    if reference not in arms:
        raise InputError(
            f"there is no reference arm {reference!r} in the results", remedy=f"arms: {', '.join(map(str, arms))}"
        )
    last = last_values(results)
    keys = [*GROUP, "seed"]
    base = last[last["arm"] == reference][[*keys, "value"]]
    pairs = last[last["arm"] != reference].merge(base, on=keys, suffixes=("", "_reference"))
    pairs["difference"] = pairs["value"] - pairs["value_reference"]
    rows = [
        (*key, reference, group["step"].max(), len(group), *paired_interval(group["difference"].to_numpy()))
        for key, group in pairs.groupby([*GROUP, "arm"], sort=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def last_values(results: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last step of each run; a run that stopped early ended at what it has."""
    found = results if "cell" in results else results.assign(cell=0)
    return found[found["step"] == found.groupby(RUN)["step"].transform("max")]


def paired_interval(
    differences: np.ndarray[tuple[int], np.dtype[np.float64]], level: float = 0.95, power: float = 0.8
) -> tuple[float, float, float, float]:
    """Mean, Student-t interval over seeds, and minimum detectable effect of paired differences.

    The minimum detectable effect is (t_{(1 + level) / 2} + t_{power}) standard errors with n - 1 degrees of freedom
    (Bloom, Evaluation Review 19, 1995): a true effect of that size would be found at that level with that power.

    Returns:
        (mean, low, high, minimum detectable effect); with one difference all but the mean are NaN.
    """
    n, mean = len(differences), float(np.mean(differences))
    if n < 2:
        return mean, float("nan"), float("nan"), float("nan")
    error = float(np.std(differences, ddof=1)) / n**0.5
    reach, detectable = stats.t.ppf([(1 + level) / 2, power], n - 1) * error
    return mean, mean - float(reach), mean + float(reach), float(reach + detectable)
