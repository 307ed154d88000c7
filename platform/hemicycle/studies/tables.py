"""Tidy tables of a study, gathered from its finished steps."""

from collections.abc import Mapping, Sequence
from operator import attrgetter, itemgetter

import pandas as pd

from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.population.population import read_records, records_table
from hemicycle.probes.learning_order import learning_order
from hemicycle.studies.agenda_tables import agenda_tables
from hemicycle.studies.assessing import ASSESSED
from hemicycle.studies.comparing import USERS, kept_users, ranking_differences
from hemicycle.studies.deriving import FRONTIER
from hemicycle.studies.engine import Outcome
from hemicycle.studies.interpretation.attitudes import ATTITUDES
from hemicycle.studies.interpretation.questions import INTERPRETED
from hemicycle.studies.interpretation.rewired_controls import with_rewired
from hemicycle.studies.interpretation.rewiring import REWIRED
from hemicycle.studies.plan import named
from hemicycle.studies.search_tables import search_tables
from hemicycle.studies.simulation_tables import KEYS, simulation_tables
from hemicycle.studies.stacking import KIND as STACK
from hemicycle.studies.stacking import names_in, place_of
from hemicycle.studies.steps import Step

FAILURES = ["step", "title", "error"]
RESULTS = {
    "ranking_results": ("fit", STACK, "rank", "derive"),
    "probe_results": ("probe",),
    "map_points": ("map",),
    FRONTIER: ("derive",),
    **ASSESSED,
    **INTERPRETED,
}
"""Table -> kinds of steps that make it."""
DESCRIBED = ["name", "family", "seed", "status"]


def member_of(step: Step) -> str:
    """Name of the record that a fit, a foreign or a derived step yields: its title without the verb."""
    return step.title.rsplit(" ", 1)[-1]


def records_of(outcome: Outcome, store: Folder) -> list[ModelRecord]:
    """Records of the population, sorted by name, untrained twins after their models."""
    models = [step for kind in ("fit", "foreign", "derive", REWIRED) for step in outcome.finished(kind)]
    models += trained_in_stretches(outcome)
    found = [named(r, member_of(s)) for s in models for r in read_records(s.folder(store))]
    for step in outcome.finished(STACK):
        names = names_in(step.title)
        found += [named(record, names[place_of(record)]) for record in read_records(step.folder(store))]
    return sorted(found, key=attrgetter("name"))


def trained_in_stretches(outcome: Outcome) -> list[Step]:
    """The last stretch of every trial that was trained in several."""
    last = {step.inputs["model"].fingerprint for step in outcome.finished("evaluate")}
    return [step for step in outcome.finished("rung") if step.fingerprint in last]


def gather(outcome: Outcome, store: Folder) -> dict[str, pd.DataFrame]:
    """Return every table of the study; rows are sorted, so that the order of tasks leaves no trace."""
    records = records_table(records_of(outcome, store)).to_pandas()
    tables = {"records": records}
    for name, kinds in RESULTS.items():
        steps = [step for kind in kinds for step in outcome.finished(kind)]
        steps += trained_in_stretches(outcome) if "fit" in kinds else []
        tables[name] = _describe(_concatenate(steps, store, name), records, name)
    tables["probe_results"] = with_rewired(tables["probe_results"], records)
    tables["learning_order"] = learning_order(tables["probe_results"], tables["ranking_results"])
    tables["ranking_differences"] = _differences(outcome, store, tables)
    tables |= search_tables(outcome, store, dict(zip(records["id"], records["name"], strict=True)))
    tables |= simulation_tables(outcome.finished("simulate"), store)
    tables |= agenda_tables(outcome, store)
    failures: list[dict[str, str]] = sorted(outcome.failures(), key=itemgetter("title"))
    tables["failures"] = pd.DataFrame(failures, columns=FAILURES)
    return {name: _sorted(table, name) for name, table in tables.items()}


def _concatenate(steps: Sequence[Step], store: Folder, name: str) -> pd.DataFrame:
    ordered = sorted(steps, key=lambda step: (step.title, step.fingerprint))
    frames = [step.folder(store).read_table(name).to_pandas() for step in ordered]
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=pd.Index([], dtype=object))


def _differences(outcome: Outcome, store: Folder, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare members by the metrics of single users that their steps kept; fits of older versions kept none."""
    steps = [step for kind in RESULTS["ranking_results"] for step in outcome.finished(kind)]
    folders = [step.folder(store) for step in [*steps, *trained_in_stretches(outcome)]]
    names = {name.removesuffix(".parquet"): folder for folder in folders for name in (folder / USERS).names()}
    found = {record: kept_users(folder, record) for record, folder in names.items()}
    kept = {record: ranking for record, ranking in found.items() if ranking is not None and ranking.n}
    return ranking_differences(tables["records"], tables["ranking_results"], kept)


def _describe(table: pd.DataFrame, records: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Put the record's name, family, seed and status into a table of a record's results."""
    if table.empty or kind in ATTITUDES:
        return table
    described = records.set_index("id")[DESCRIBED]
    if kind == "map_points":
        described = described.rename(columns={"name": "name_of_model"})
    found = table[table["record_id"].isin(described.index)]
    added = found[["record_id"]].join(described, on="record_id")
    found = found.assign(**{name: added[name] for name in described.columns})
    names = records.set_index("id")["name"]
    others = {"parent": "parent_id", "other": "other_id"}
    return found.assign(**{name: found[key].map(names) for name, key in others.items() if key in found})


def _sorted(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Sort by the columns that identify a row."""
    if table.empty:
        return table
    keys = {
        "records": ["name"],
        "ranking_results": ["name", "split", "epoch", "metric"],
        "probe_results": ["name", "attribute", "scope", "probe", "layer", "epoch", "control"],
        "map_points": ["name_of_model"],
        FRONTIER: ["name"],
        "list_results": ["name", "metric", "about"],
        "group_results": ["name", "by", "group", "metric"],
        "impression_results": ["name", "metric", "ranker"],
        "ranking_differences": ["metric", "role", "model"],
        **KEYS,
    }.get(name, [])
    present = [key for key in keys if key in table]
    return table.sort_values(present, kind="stable", ignore_index=True) if present else table
