"""What the methods say of simulations, and the papers that they rest on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.theme import label, listing

OPINION_KEYS = {
    "degroot": ["degroot1974reaching"],
    "friedkin_johnsen": ["friedkin1990social"],
    "bounded_confidence": ["hegselmann2002opinion"],
    "deffuant": ["deffuant2000mixing"],
    "voter": ["clifford1973model"],
    "noisy_voter": ["kirman1993ants"],
    "q_voter": ["castellano2009nonlinear"],
    "majority_rule": ["krapivsky2003dynamics"],
    "axelrod": ["axelrod1997dissemination"],
    "attraction_repulsion": ["axelrod2021preventing"],
    "baumann": ["baumann2020modeling", "baumann2021emergence"],
    "sasahara": ["sasahara2021social"],
    "biased_assimilation": ["dandekar2013biased"],
}
"""Opinion model -> what to cite."""
EXPOSURE_KEYS = {
    "chronological": ["perra2012activity"],
    "popular": ["barabasi1999emergence"],
    "outlets": ["mcfadden1974conditional"],
    "structural": ["santos2021link"],
    "administrator": ["chitra2020analyzing"],
}
"""Exposure -> what to cite."""
DESIGN = "saltelli2010variance"
Plain = Mapping[str, Any]


def simulation_methods(config: Plain, tables: Tables) -> list[str]:
    """One paragraph on all simulations, from the tables and, where it says how, the configuration."""
    results = table(tables, "simulation_results")
    if results.empty:
        return []
    parts = [_runs(results), _society(config), *_options(config, tables)]
    return [" ".join(part for part in parts if part)]


def _runs(results: pd.DataFrame) -> str:
    opinions = listing([label(name) for name in results["opinion"].unique()])
    arms = listing([label(name) for name in results["arm"].unique()])
    seeds, steps = results["seed"].nunique(), int(results["step"].max())
    text = f"Simulations: {opinions} over {_count(steps, 'step')}, with the arms {arms},"
    text += f" {_count(seeds, 'seed')} each. Arms share the random numbers of a seed, so differences are paired;"
    return f"{text} their intervals are 95 % t-intervals over seeds, the minimum detectable effect has 80 % power."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}" if number > 9999 else f"{number} {noun}{'s'[: number != 1]}"


def _society(config: Plain) -> str:
    society = config.get("society")
    if not isinstance(society, Mapping):
        return ""
    if society.get("from_data"):
        return "The society is the data's own users, with their relations and labels."
    known = [f"{key} {_plain(society[key])}" for key in ("users", "n_users", "positions_from") if society.get(key)]
    if isinstance(society.get("positions"), str):
        known.append(f"positions {society['positions']}")
    return f"The society is synthetic ({', '.join(known)})." if known else "The society is synthetic."


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return listing([str(item) for item in value])
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


def _options(config: Plain, tables: Tables) -> Iterator[str]:
    simulations = list(_simulations(config).items())
    for name, simulation in simulations:
        if simulation.get("grid"):
            text = "; ".join(f"{key} {_plain(values)}" for key, values in simulation["grid"].items())
            yield f"The grid of {name} has a cell for each combination of {text}."
    if len(table(tables, "simulation_sensitivity")):
        yield (
            "Sobol indices come from Saltelli's design on a scrambled Sobol sequence, with percentile intervals of a "
            "bootstrap over its rows."
        )
    if len(table(tables, "simulation_knowledge")):
        yield (
            "What a mediator knows is the R² out of fold of a ridge regression of opinions on the users' vectors, as "
            "they score after any erasure, at every refresh, beside the untrained mediator and permuted opinions."
        )
    if any(simulation.get("conduct") for _, simulation in simulations):
        yield "Users may click, follow and unfollow; the graph changes through a log of edges."
    if any(simulation.get("zealots") for _, simulation in simulations):
        yield "Zealots never move."


def _simulations(config: Plain) -> Mapping[str, Plain]:
    found = config.get("simulations")
    return found if isinstance(found, Mapping) else {}


# -- references ------------------------------------------------------------------------------------------------------


def simulation_keys(config: Plain, tables: Tables) -> list[str]:
    """Keys of the packaged bibliography for what was simulated."""
    results = table(tables, "simulation_results")
    if results.empty:
        return []
    keys = [key for name in _kinds(config, results, "opinion") for key in OPINION_KEYS.get(name, [])]
    keys += [key for name in _kinds(config, results, "arm") for key in EXPOSURE_KEYS.get(name, [])]
    simulations = _simulations(config).values()
    keys += ["mobilia2003zealot"] if any(simulation.get("zealots") for simulation in simulations) else []
    keys += ["sasahara2021social"] if any(_rewires(simulation.get("conduct")) for simulation in simulations) else []
    keys += [] if table(tables, "simulation_contrasts").empty else ["bloom1995minimum"]
    keys += [] if table(tables, "simulation_sensitivity").empty else [DESIGN]
    return [*keys, "grimm2010odd", "grimm2020odd"]


def _rewires(conduct: Any) -> bool:
    return isinstance(conduct, Mapping) and bool(conduct.get("keep_degree"))


def _kinds(config: Plain, results: pd.DataFrame, what: str) -> list[str]:
    """Names of models or exposures: those of the configuration, whatever an entry is called, and of the tables."""
    field, key = ("opinions", "opinion") if what == "opinion" else ("arms", "exposure")
    entries: list[Any] = []
    for simulation in _simulations(config).values():
        entries += list(_with_parts(simulation.get(field) or ()))
    named = [str(entry.get(key)) if isinstance(entry, Mapping) else str(entry) for entry in entries]
    return list(dict.fromkeys([*named, *(str(name) for name in results[what].unique())]))


def _with_parts(entries: Sequence[Any]) -> Iterator[Any]:
    """Entries, and the parts of those that mix others."""
    for entry in entries:
        yield entry
        parts = entry.get("parts") if isinstance(entry, Mapping) else None
        for part in parts or ():
            inner = part.get("exposure") if isinstance(part, Mapping) else None
            yield inner if isinstance(inner, Mapping) else part
