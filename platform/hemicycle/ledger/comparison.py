"""Compare studies or models: settings and data, measures side by side, and tests of the differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import pandas as pd

from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT
from hemicycle.core.storage import Folder
from hemicycle.ledger.comparison_agendas import agenda_samples
from hemicycle.ledger.comparison_sides import Catalogue, Side, find_sides
from hemicycle.ledger.comparison_tests import METRIC, Kept, Sample, holm, sample_of, sample_of_interval, welch
from hemicycle.ledger.library import Library
from hemicycle.studies.simulation_tables import cell_names, large_designs

PROBE, SIMULATION, AGENDA = "probe", "simulation", "agenda"
KEYS = ["part", "member", "measure"]
MEASURES = [*KEYS, "side", "value", "ci_low", "ci_high", "seeds"]
TESTS = [*KEYS, "side", "against", "difference", "ci_low", "ci_high", "method", "n", "p", "p_holm", "comparisons"]


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Args:
        sides: what was compared; the others are tested against the first.
        settings: settings and data that differ: ``key``, and one column a side; empty where a side has none.
        measures: one row a measure and side; columns ``MEASURES``.
        tests: one row a test; columns ``TESTS``. ``difference`` is side - against.
        notes: what readers must know, the most important first.
    """

    sides: tuple[Side, ...]
    settings: pd.DataFrame
    measures: pd.DataFrame
    tests: pd.DataFrame
    notes: tuple[str, ...]

    @cached_property
    def labels(self) -> list[str]:
        """What the sides are called."""
        return [side.label for side in self.sides]


Samples = dict[tuple[str, str, str], dict[str, Sample]]
"""Part, member and measure -> side -> sample."""


def compare(store: Folder, names: Sequence[str]) -> Comparison:
    """Compare studies or models of a store.

    Args:
        store: its root.
        names: see :func:`~.comparison_sides.find_sides`.

    Raises:
        InputError: names that cannot be used, or sides of which nothing in common was measured.
    """
    catalogue = Catalogue(Library.of(store))
    sides = find_sides(catalogue, names)
    samples: Samples = {}
    for side in sides:
        for key, sample in _samples(catalogue, side).items():
            samples.setdefault(key, {})[side.label] = sample
    _check_common(samples, sides)
    tests = _tests(catalogue, sides, samples)
    return Comparison(sides, _settings(sides), _measures(samples), tests, _notes(catalogue, sides, tests))


def _check_common(samples: Samples, sides: Sequence[Side]) -> None:
    if any(len(of) > 1 for of in samples.values()):
        return
    if not samples:
        raise InputError("nothing was measured yet", remedy="finish the studies first: hemicycle run CONFIG")
    what = "; ".join(f"{side.label} has {', '.join(side.members) or 'no models'}" for side in sides if side.whole)
    remedy = "compare models by name: hemicycle compare STUDY/MODEL STUDY/MODEL"
    raise InputError(f"nothing was measured of both sides{': ' + what if what else ''}", remedy=remedy)


def _settings(sides: Sequence[Side]) -> pd.DataFrame:
    keys = sorted({key for side in sides for key in side.settings})
    rows = [{"key": key} | {side.label: side.settings.get(key, "") for side in sides} for key in keys]
    differing = [row for row in rows if len({row[side.label] for side in sides}) > 1]
    return pd.DataFrame(differing, columns=["key", *(side.label for side in sides)])


# -- measures ----------------------------------------------------------------------------------------------------------


def _samples(catalogue: Catalogue, side: Side) -> dict[tuple[str, str, str], Sample]:
    metrics, probes = (catalogue.library.of_study(name, side.study) for name in ("metrics", "probes"))
    found: dict[tuple[str, str, str], Sample] = {}
    for member, models in side.members.items():
        found |= {(METRIC, member, name): sample for name, sample in _of_metrics(metrics, models).items()}
        found |= {(PROBE, member, name): sample for name, sample in _of_probes(probes, models).items()}
    if side.whole:
        contrasts, factors = (
            catalogue.library.of_study(f"simulation_{name}", side.study) for name in ("contrasts", "factors")
        )
        found |= _of_contrasts(contrasts, factors)
        agendas = agenda_samples(catalogue.library, side.study)
        found |= {(AGENDA, "", name): sample for name, sample in agendas.items()}
    return found


def _at_best(rows: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Rows of models at the checkpoint that recommends."""
    if rows.empty:
        return rows
    best = rows["record_id"].map(dict(zip(models["id"], models["best_epoch"], strict=True)))
    return rows[rows["epoch"] == best]


def _of_metrics(rows: pd.DataFrame, models: pd.DataFrame) -> dict[str, Sample]:
    rows = _at_best(rows, models)
    if rows.empty:
        return {}
    groups = rows[rows["split"] == "test"].groupby("metric", sort=True)
    return {str(name): sample_of(of["value"], of["ci_low"], of["ci_high"]) for name, of in groups}


def _of_probes(rows: pd.DataFrame, models: pd.DataFrame) -> dict[str, Sample]:
    """Scores at the read-out, or at the last layer of models without one."""
    rows = _at_best(rows, models)
    if rows.empty:
        return {}
    layers = {layer for of in models["layers"] for layer in of} or {READOUT}
    rows = rows[rows["layer"] == (READOUT if READOUT in layers else max(layers))]
    by = ["attribute", "entity", "scope", "probe", "score_name"]
    groups = rows.drop_duplicates(["record_id", *by]).groupby(by, sort=True)
    return {_site(*map(str, key)): sample_of(of["score"], of["ci_low"], of["ci_high"]) for key, of in groups}


def _site(attribute: str, entity: str, scope: str, probe: str, score: str) -> str:
    """Name of what is probed: ``left_right, within party (ridge r2)``."""
    of = "" if entity == "user" else f" of {entity}s"
    return f"{attribute}{of}{'' if scope == 'all' else ', ' + scope} ({probe} {score})"


def _of_contrasts(rows: pd.DataFrame, factors: pd.DataFrame) -> dict[tuple[str, str, str], Sample]:
    """Effects of arms in every cell of a design that is not too large."""
    found, cells, large = {}, cell_names(factors), large_designs(factors)
    for row in rows.to_dict(orient="records"):
        if row["simulation"] in large:
            continue
        cell = cells.get((str(row["simulation"]), int(row.get("cell", 0))), "")
        where = ", ".join(filter(None, (row["simulation"], cell, row["opinion"], row["metric"])))
        name = f"{where}: {row['arm']} against {row['reference']}"
        value, low, high = (float(row[column]) for column in ("difference", "ci_low", "ci_high"))
        found[SIMULATION, "", name] = sample_of_interval(value, low, high, int(row["n_seeds"]))
    return found


def _measures(samples: Samples) -> pd.DataFrame:
    rows = [
        (*key, side, sample.value, sample.low, sample.high, sample.n)
        for key, of in sorted(samples.items(), key=lambda item: _order(item[0]))
        for side, sample in of.items()
    ]
    return pd.DataFrame(rows, columns=MEASURES)


def _order(key: tuple[str, str, str]) -> tuple[int, str, str]:
    return (METRIC, PROBE, SIMULATION, AGENDA).index(key[0]), key[1], key[2]


# -- tests -------------------------------------------------------------------------------------------------------------


def _tests(catalogue: Catalogue, sides: Sequence[Side], samples: Samples) -> pd.DataFrame:
    """Test every side against the first, wherever both were measured and there is something to test with."""
    first, rows = sides[0], []
    kept = Kept(catalogue)
    for key in sorted(samples, key=_order):
        of = samples[key]
        for side in sides[1:]:
            if first.label in of and side.label in of:
                found = kept.difference(side, first, key) or welch(of[side.label], of[first.label])
                rows += [(*key, side.label, first.label, found)] if found else []
    adjusted = holm([row[-1].p for row in rows])
    told = [
        (*row[:-1], d.value, d.low, d.high, d.method, d.n, d.p, p, len(rows))
        for row, p in zip(rows, adjusted, strict=True)
        for d in [row[-1]]
    ]
    return pd.DataFrame(told, columns=TESTS)


# -- notes -------------------------------------------------------------------------------------------------------------


def _notes(catalogue: Catalogue, sides: Sequence[Side], tests: pd.DataFrame) -> tuple[str, ...]:
    told = (*_on_data(sides), *_on_tests(catalogue, sides), *_on_members(sides), *_on_designs(catalogue, sides))
    return (*told, _on_number(sides, tests))


def _on_data(sides: Sequence[Side]) -> list[str]:
    unlike = [f"{a.label} and {b.label}" for a, b in combinations(sides, 2) if a.data != b.data]
    if not unlike:
        return []
    return [f"DIFFERENT DATA: {'; '.join(unlike)}. A difference may be one of data; nothing is paired by user."]


def _on_tests(catalogue: Catalogue, sides: Sequence[Side]) -> list[str]:
    """Say where the data are the same and the test edges are not."""
    first = sides[0]
    found = []
    for side in sides[1:]:
        both = first.members.keys() & side.members.keys()
        unlike = [m for m in both if _tests_of(catalogue, first, m) != _tests_of(catalogue, side, m)]
        if unlike and side.data == first.data:
            found.append(f"The test edges of {side.label} are others than those of {first.label}: nothing is paired.")
    return found


def _tests_of(catalogue: Catalogue, side: Side, member: str) -> set[tuple[str, str] | None]:
    return {catalogue.test_of(str(step)) for step in side.members[member]["step"]}


def _on_members(sides: Sequence[Side]) -> list[str]:
    members: Mapping[str, list[str]] = {
        name: [side.label for side in sides if name in side.members] for side in sides for name in side.members
    }
    alone = [f"{name} ({', '.join(of)})" for name, of in members.items() if len(of) < len(sides)]
    return [f"Not in all: {', '.join(alone)}."] if alone else []


def _on_designs(catalogue: Catalogue, sides: Sequence[Side]) -> list[str]:
    tables = {side.study: catalogue.library.of_study("simulation_factors", side.study) for side in sides if side.whole}
    large = {name: n for table in tables.values() for name, n in large_designs(table).items()}
    return [f"{name} has {n} cells, too many to compare one by one: see its report." for name, n in large.items()]


def _on_number(sides: Sequence[Side], tests: pd.DataFrame) -> str:
    if tests.empty:
        return "No tests: there are neither metrics of the same users nor several seeds whose results vary."
    count = f"{len(tests)} comparison{'' if len(tests) == 1 else 's'}"
    return f"{count} with {sides[0].label}; p (Holm) holds for all of them together."
