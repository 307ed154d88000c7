"""What steps of an analysis of attention do: one a question and issue, one a batch of simulated agendas."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.agenda.attention.files import read_attention
from hemicycle.agenda.attention.grid import SECONDS
from hemicycle.agenda.attention.scale import ScaleOptions
from hemicycle.agenda.attention.stationarity import stationarity
from hemicycle.agenda.hawkes.events_file import read_events
from hemicycle.agenda.hawkes.hawkes import hawkes
from hemicycle.agenda.leads.event_study import events
from hemicycle.agenda.leads.leads import leads
from hemicycle.agenda.responses.responses import responses
from hemicycle.agenda.simulated.discoveries import discoveries
from hemicycle.agenda.simulated.influence import AgendaSimulation
from hemicycle.agenda.simulated.mediation_tables import mediation_tables
from hemicycle.agenda.simulated.newsfeed import newsfeed
from hemicycle.agenda.simulated.power import Cell, power_trials
from hemicycle.agenda.simulated.recovery import recovery
from hemicycle.agenda.simulated.simulation import simulate_agenda
from hemicycle.core.config import Options
from hemicycle.core.seeding import key_of
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.studies.agenda_config import AgendaMediation, HawkesAnalysis
from hemicycle.studies.mediation import trained_mediator
from hemicycle.studies.models import FitOptions
from hemicycle.studies.steps import Work

ALL = "all"
TABLES = "tables.json"
Tables = dict[str, pd.DataFrame]


class AttentionStep(Options):
    """Attention that is read once for all questions."""

    agenda: str
    attention: AttentionConfig | AgendaSimulation
    contents: dict[str, str]
    """Hashes of the files."""
    stationarity: ScaleOptions | None
    seed: int


class AskOptions(Options):
    """A question to the attention of one issue."""

    agenda: str
    issue: str
    topics: tuple[str, ...]
    question: Literal["var", "leads", "shocks"]
    mode: str = ""
    """Name of the autoregression."""
    options: Any
    seed: int


class HawkesStep(Options):
    """Events and their model."""

    agenda: str
    analysis: HawkesAnalysis
    contents: dict[str, str]
    """Hashes of the files."""
    seed: int


class BatchOptions(Options):
    """Some replications of a simulation."""

    agenda: str
    options: Any
    first: int
    last: int
    cells: tuple[Cell, ...] = ()
    trained: FitOptions | None = None
    member: str = ""


# -- what steps do -----------------------------------------------------------------------------------------------------


def attention_step(work: Work) -> None:
    """Read attention, or make it from texts, and describe it week by week."""
    options: AttentionStep = work.options
    attention, tables = made(options.attention, options.seed)
    attention.write(work.out)
    found = {name: table for name, table in tables.items() if name != "agenda_documents"}
    found["agenda_attention"] = weekly(attention).assign(step=step_name(attention))
    if options.stationarity is not None:
        found["agenda_stationarity"] = stationarity(attention, options.stationarity)
    _write(work.out, {name: _headed(table, agenda=options.agenda) for name, table in found.items()})


def made(source: AttentionConfig | AgendaSimulation, seed: int) -> tuple[Attention, Tables]:
    """Return attention that is read or simulated, with the tables of its topics."""
    if isinstance(source, AgendaSimulation):
        return simulate_agenda(source, seed), {}
    return read_attention(source, seed)


def step_name(attention: Attention) -> str:
    """Return what the time from one point of the grid to the next is called."""
    return next(name for name, length in SECONDS.items() if attention.step == np.timedelta64(length, "s"))


def weekly(attention: Attention) -> pd.DataFrame:
    """Return mean shares by week, summed over the topics of an issue: its category, or by itself where there is none.

    Returns:
        Columns issue, group, time (the week's first day), share.
    """
    names = attention.names
    issues = [category or name for category, name in zip(attention.categories or names, names, strict=True)]
    weeks = attention.times.astype("datetime64[W]").astype("datetime64[s]")
    frames = []
    for topic, issue in enumerate(issues):
        table = pd.DataFrame(attention.shares[topic], columns=list(attention.groups)).assign(time=weeks)
        means = table.groupby("time").mean().melt(ignore_index=False, var_name="group", value_name="share")
        frames.append(means.reset_index().assign(issue=issue))
    joined = pd.concat(frames, ignore_index=True)
    summed = joined.groupby(["issue", "group", "time"], sort=False)["share"].sum(min_count=1)
    return summed.reset_index()[["issue", "group", "time", "share"]]


def ask_step(work: Work) -> None:
    """Put one question to one issue."""
    options: AskOptions = work.options
    attention = Attention.read(work.inputs["attention"]).select(topics=options.topics)
    key = key_of("agenda", options.agenda, options.question, options.mode, options.issue, options.seed)
    asked: dict[str, Callable[[Attention, Any, int], Tables]] = {"var": responses, "leads": leads, "shocks": events}
    tables = asked[options.question](attention, options.options, key)
    about = {"agenda": options.agenda, "issue": options.issue}
    about |= {"mode": options.mode} if options.question == "var" else {}
    for name in {"agenda_leads", "agenda_net_leads"} & tables.keys():
        tables[name] = tables[name].assign(level=options.options.level)
    _write(work.out, {name: _headed(table, **about) for name, table in tables.items()})


def hawkes_step(work: Work) -> None:
    """Estimate which source's events set off which others'."""
    options: HawkesStep = work.options
    found = hawkes(read_events(options.analysis.events, options.seed), options.analysis.model)
    _write(work.out, {name: _headed(table, agenda=options.agenda, issue=ALL) for name, table in found.items()})


def recovery_step(work: Work) -> None:
    """Simulate and estimate some agendas."""
    options: BatchOptions = work.options
    _write(work.out, _of_agenda(recovery(options.options, options.first, options.last), options))


def discoveries_step(work: Work) -> None:
    """Look for the leaders of some agendas."""
    options: BatchOptions = work.options
    table = discoveries(options.options, options.first, options.last).assign(level=options.options.leads.level)
    _write(work.out, _of_agenda({"agenda_discoveries": table}, options))


def power_step(work: Work) -> None:
    """Look for a planted leader in some agendas of every length."""
    options: BatchOptions = work.options
    table = power_trials(options.options, options.cells, options.first, options.last)
    table = table.assign(target=options.options.target, level=options.options.level)
    _write(work.out, _of_agenda({"agenda_power_trials": table}, options))


def mediated_step(work: Work) -> None:
    """Let one trained recommender stand between the news and the groups of some agendas."""
    options: BatchOptions = work.options
    asked: AgendaMediation = options.options
    assert options.trained is not None, "a mediator has been trained"
    feed = newsfeed(Dataset.read(work.inputs["data"]), asked.feed)
    mediator = trained_mediator(options.trained, work.inputs["model"], work.inputs["graph"])
    found = mediation_tables(asked.simulation, feed, mediator, asked.mediation, range(options.first, options.last))
    _write(
        work.out, {name: _headed(table, agenda=options.agenda, model=options.member) for name, table in found.items()}
    )


def _of_agenda(tables: Mapping[str, pd.DataFrame], options: BatchOptions) -> Tables:
    return {name: _headed(table, agenda=options.agenda) for name, table in tables.items()}


def _headed(table: pd.DataFrame, **values: str) -> pd.DataFrame:
    """A table behind columns that say of what it is."""
    return table.assign(**values)[[*values, *(name for name in table if name not in values)]]


def _write(folder: Folder, tables: Mapping[str, pd.DataFrame]) -> None:
    for name, table in tables.items():
        folder.write_table(name, pa.Table.from_pandas(table, preserve_index=False))
    folder.write_json(TABLES, sorted(tables))
