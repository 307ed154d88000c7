"""Tidy tables of a study's simulations, gathered from their finished steps; every row says of which cell it is."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import cast

import pandas as pd

from hemicycle.core.storage import Folder
from hemicycle.simulations.contrasts import COLUMNS as CONTRASTS
from hemicycle.simulations.contrasts import contrasts
from hemicycle.simulations.design import Cell
from hemicycle.simulations.outcomes import outcomes
from hemicycle.simulations.sensitivity import COLUMNS as SENSITIVITY
from hemicycle.simulations.sensitivity import Design, sensitivity_table
from hemicycle.studies.mediation import SimulateOptions
from hemicycle.studies.simulated import MediatedSimulation
from hemicycle.studies.steps import Step

RESULTS = ["simulation", "cell", "opinion", "arm", "seed", "step", "metric", "value"]
MOST_TOLD = 50
"""Cells of a design that are compared or tracked one by one."""
FACTORS = ["simulation", "cell", "factor", "value", "level"]
GATHERED = ("simulation_results", "simulation_densities", "simulation_knowledge", "simulation_changes")
"""Tables that steps write and the study gathers."""
KEYS = {
    "simulation_results": ["simulation", "cell", "opinion", "arm", "seed", "metric", "step"],
    "simulation_densities": ["simulation", "cell", "opinion", "arm", "seed", "step", "kind", "dimension"],
    "simulation_knowledge": ["simulation", "cell", "opinion", "arm", "seed", "step", "status", "opinions", "dimension"],
    "simulation_changes": ["simulation", "cell", "opinion", "arm", "seed", "step", "what"],
    "simulation_factors": ["simulation", "cell", "factor"],
    "simulation_outcomes": ["simulation", "cell", "opinion", "arm", "metric"],
}
"""Table -> columns that identify a row, or by which rows are sorted."""


def simulation_tables(steps: Iterable[Step], store: Folder) -> dict[str, pd.DataFrame]:
    """Return every table of the simulations.

    Args:
        steps: finished ones of the kind ``simulate``.
        store: where they lie.

    Returns:
        ``simulation_results`` (simulation, cell, opinion, arm, seed, step, metric, value), ``simulation_contrasts``,
        ``simulation_outcomes`` (means over seeds at the end), ``simulation_densities``, ``simulation_knowledge``,
        ``simulation_changes`` (what users did to their follows, counted), ``simulation_factors`` (simulation, cell,
        factor, value, NaN for words, and level, the value in words) and ``simulation_sensitivity``.
        Cells have numbers from 1; 0 where there is no design.
    """
    ordered = sorted(steps, key=lambda step: (step.title, step.fingerprint))
    tables = {name: _gathered(ordered, store, name) for name in GATHERED}
    wholes = {whole.name: whole for whole in map(_whole, ordered)}
    results = tables["simulation_results"]
    of = {name: results[results["simulation"] == name] for name in sorted(wholes)} if len(results) else {}
    tables["simulation_contrasts"] = _together(
        [contrasts(rows, wholes[name].reference) for name, rows in of.items()], CONTRASTS
    )
    tables["simulation_outcomes"] = outcomes(results)
    tables["simulation_factors"] = _factors(ordered)
    tables["simulation_sensitivity"] = _together(
        [sensitivity_table(rows, design) for name, rows in of.items() if (design := _design(wholes[name])) is not None],
        SENSITIVITY,
    )
    return tables


def _options(step: Step) -> SimulateOptions:
    return cast("SimulateOptions", step.options)


def _whole(step: Step) -> MediatedSimulation:
    options = _options(step)
    return options.whole or options.simulation


def _cells(step: Step) -> Sequence[Cell]:
    return _options(step).cells or (Cell(),)


def _gathered(steps: Iterable[Step], store: Folder, name: str) -> pd.DataFrame:
    """Rows of a table of all steps, once for each of their cells."""
    frames = []
    for step in steps:
        folder = step.folder(store)
        if not folder.exists(f"{name}.parquet"):
            continue
        table = folder.read_table(name).to_pandas()
        columns = ["simulation", "cell", *list(table.columns)[1:]]
        frames += [table.assign(cell=cell.number)[columns] for cell in _cells(step)]
    return _together(frames, RESULTS if name == GATHERED[0] else [])


def _together(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    kept = [frame for frame in frames if len(frame)]
    if kept:
        return pd.concat(kept, ignore_index=True)
    return pd.DataFrame(columns=columns or pd.Index([], dtype=object))


def _factors(steps: Iterable[Step]) -> pd.DataFrame:
    """What each cell is."""
    rows = {
        (_whole(step).name, cell.number, factor): value
        for step in steps
        for cell in _cells(step)
        for factor, value in cell.factors.items()
    }
    found = [
        (*key, float("nan") if isinstance(value, str) else float(value), str(value)) for key, value in rows.items()
    ]
    return pd.DataFrame(found, columns=FACTORS)


def _design(simulation: MediatedSimulation) -> Design | None:
    asked = simulation.sensitivity
    if asked is None:
        return None
    return Design(simulation.name, tuple(asked.factors), asked.samples, asked.seed, asked.resamples)


def cell_names(factors: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Return simulation and cell -> the levels of its factors in words; a design without factors has no names.

    Args:
        factors: ``simulation_factors``.
    """
    found: dict[tuple[str, int], list[str]] = {}
    for row in factors.to_dict(orient="records"):
        found.setdefault((str(row["simulation"]), int(row["cell"])), []).append(f"{row['factor']} {row['level']}")
    return {cell: ", ".join(levels) for cell, levels in found.items()}


def large_designs(factors: pd.DataFrame) -> dict[str, int]:
    """Return simulation -> number of cells, of designs of more than ``MOST_TOLD``, which nobody reads one by one.

    Args:
        factors: ``simulation_factors``.
    """
    counts = Counter(simulation for simulation, _ in cell_names(factors))
    return {name: n for name, n in counts.items() if n > MOST_TOLD}
