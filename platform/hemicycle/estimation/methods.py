"""The methods of an estimation in words, with citations."""

from hemicycle.estimation.catalogue import MECHANISM
from hemicycle.estimation.estimate import Estimates, EstimationOptions

_HEAD = """# Methods

Movements between consecutive waves were fitted by least squares, which is conditional maximum likelihood given the
wave before: x_i(t + 1) = mechanism(x(t), graph)_i{drift} + normal noise, with {steps} of the mechanism between two
waves. {n:,} movements entered. Intervals are {level:.0%} intervals. {error}
"""
_HOW = """
## Intervals and comparison

Coefficients have Student's intervals, profiled over the shape parameter where there is one. Shape parameters have the
values whose likelihood ratio is below a quantile: of chi-squared for smooth ones. The likelihood of a confidence jumps
at every edge's distance, so that this quantile was simulated from the fitted model on the users and edges at hand
(theory of thresholds: Hansen, Econometrica 68, 2000). Mechanisms were compared by BIC (Schwarz, Ann. Stat. 6, 1978;
words of evidence after Kass and Raftery, J. Am. Stat. Assoc. 90, 1995), AIC (Akaike, IEEE Trans. Autom. Control 19,
1974), and the log-likelihood of users left out of the fit ({folds} folds), with intervals paired over pools of users.
A confidence, searched among all distances, counts as two parameters in BIC (Zhang and Siegmund, Biometrics 63, 2007)
and as three in AIC (Ninomiya, Stat. Probab. Lett. 72, 2005). Two mechanisms cannot be told apart where users left out
do not decide and BIC differs by less than 6, or by less than 2 where the one with more parameters has the higher BIC.
Of more than 400,000 movements, about 100,000 of users taken at random show where to look for a shape parameter;
estimates, intervals and likelihoods are those of all users.

## Limits

Shocks that neighbours share make intervals too narrow. Influence cannot be told from homophily by unseen causes that
also move opinions (Shalizi and Thomas, Sociol. Methods Res. 40, 2011): estimates describe unless that can be ruled out.
"""
_GIVEN = "Errors of measurement with standard deviation {0} were corrected (SIMEX on moments: {1})."
_COOK = "Cook and Stefanski, J. Am. Stat. Assoc. 89, 1994; intervals by the jackknife over pools of users"
_ESTIMATED = "Errors of measurement were estimated with the wave before as instruments, and corrected ({0})."
_TIES = """
## Ties

Formation: conditional logit of each new tie against {0} users drawn at random (McFadden, in Frontiers in Econometrics,
1974; drawn alternatives: 1978). Dissolution: logit of the first graph's ties. Errors are clustered by user.
"""


def methods_text(found: Estimates, options: EstimationOptions) -> str:
    """Return what was done, which mechanisms were fitted, what was left out, and the verdict, as Markdown."""
    drift = " + drift" if options.drift else ""
    steps = " or ".join(map(str, options.steps)) + (" step" if options.steps == (1,) else " steps")
    n, level = int(found.comparison["n"].iloc[0]), options.level
    text = _HEAD.format(drift=drift, steps=steps, n=n, level=level, error=_error(options))
    fitted = set(found.comparison["mechanism"])
    models = [MECHANISM.build(config) for config in options.mechanisms]
    lines = "\n".join(f"- {model.name}: {model.formula}" for model in models if model.name in fitted)
    text += f"\n## Mechanisms\n\n{lines}\n{_HOW.format(folds=options.folds)}"
    text += _TIES.format(options.alternatives) if len(found.selection) else ""
    notes = "\n".join(f"- {note}" for note in found.notes)
    return f"{text}\n## Notes\n\n{notes}\n\n## Result\n\n{found.verdict}\n"


def _error(options: EstimationOptions) -> str:
    if options.error == "estimate":
        return _ESTIMATED.format(_COOK)
    if options.error:
        return _GIVEN.format(f"{options.error:g}", _COOK)
    return "Opinions were taken as measured without error."
