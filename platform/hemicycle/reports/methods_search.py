"""What the methods say of searches, and the papers that they rest on."""

from collections.abc import Mapping
from typing import Any

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.search_words import better, metric_label
from hemicycle.reports.searches import HYPERVOLUME, Search, searches
from hemicycle.reports.theme import listing

ALGORITHMS = {
    "tpe": "Optuna's multivariate tree-structured Parzen estimator",
    "nsga2": "NSGA-II",
    "random": "uniform random sampling",
    "grid": "the grid of all combinations",
    "qmc": "scrambled Sobol points",
}
KEYS = {
    "tpe": ["bergstra2011algorithms", "watanabe2023tree", "akiba2019optuna"],
    "nsga2": ["deb2002fast", "akiba2019optuna"],
    "random": ["bergstra2012random", "akiba2019optuna"],
    "qmc": ["sobol1967distribution", "akiba2019optuna"],
    "grid": ["akiba2019optuna"],
}
"""Algorithm -> what to cite."""


def search_methods(config: Mapping[str, Any], tables: Tables) -> list[str]:
    """One paragraph a search, from the study's configuration where it says how, and from the tables."""
    return [_paragraph(search, options_of(config, search.name)) for search in searches(tables)]


def options_of(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Options of a search in a study's configuration; empty where it has none of that name."""
    known = config.get("searches")
    found = known.get(name) if isinstance(known, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _paragraph(search: Search, options: Mapping[str, Any]) -> str:
    aims = listing([f"{metric_label(m)} ({better(d)})" for m, d in search.objectives.items()])
    by = ALGORITHMS.get(str(options.get("algorithm", "")), "")
    text = f"Search {search.name}: {len(search.trials)} trials{f' proposed by {by}' if by else ''} for {aims}"
    text += _startup(options) + _pace(search, options) + "."
    text += " Trials saw training and validation data alone; test values were computed for them afterwards."
    text += _halved(search, options)
    if search.constraints:
        text += f" Trials beyond a bound on {listing(map(metric_label, search.constraints))} are never called best."
    text += " Importances are those of PED-ANOVA among the trials." if len(search.importances) else ""
    if len(search.progress) and (search.progress["metric"] == HYPERVOLUME).any():
        text += " The hypervolume is the volume of objective values that the front dominates."
    return text


def _startup(options: Mapping[str, Any]) -> str:
    if options.get("algorithm") != "tpe" or not options.get("startup"):
        return ""
    return f", the first {options['startup']} at random"


def _pace(search: Search, options: Mapping[str, Any]) -> str:
    if search.asynchronous:
        return ", each as soon as another ended, so that the proposals depend on which ended first"
    size = options.get("generation")
    return f", in generations of {size}, so that the results do not depend on how many ran at once" if size else ""


def _halved(search: Search, options: Mapping[str, Any]) -> str:
    halving = options.get("halving")
    if isinstance(halving, Mapping):
        kind = "Asynchronous successive halving" if search.asynchronous else "Successive halving"
        text = (
            f" {kind} trained every trial for {halving.get('first')} epochs and the best 1 in {halving.get('factor')}"
        )
        return f"{text} further each time, by {metric_label(str(halving.get('metric')))}."
    return " Weak trials were stopped early." if search.trials["state"].eq("stopped").any() else ""


def search_keys(config: Mapping[str, Any], tables: Tables) -> list[str]:
    """Keys of what to cite for the searches of a study."""
    keys: list[str] = []
    for search in searches(tables):
        options = options_of(config, search.name)
        keys += KEYS.get(str(options.get("algorithm", "")), ["akiba2019optuna"])
        if search.trials["state"].eq("stopped").any() or options.get("halving"):
            keys += ["jamieson2016nonstochastic", *(["li2020system"] if search.asynchronous else [])]
        keys += ["liaw2018tune"] if search.asynchronous else []
        keys += ["zitzler1999multiobjective"] if len(search.objectives) > 1 else []
    return [*keys, *([] if table(tables, "search_importances").empty else ["watanabe2023pedanova"])]
