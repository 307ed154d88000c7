"""Steps of an analysis of attention: one a question and issue, one a batch of simulated agendas."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from hemicycle.agenda.attention import Attention
from hemicycle.agenda.attention_config import AttentionConfig
from hemicycle.agenda.attention_files import attention_paths, read_attention
from hemicycle.agenda.discoveries import discoveries
from hemicycle.agenda.event_study import events
from hemicycle.agenda.events_file import read_events
from hemicycle.agenda.hawkes import hawkes
from hemicycle.agenda.influence import AgendaSimulation
from hemicycle.agenda.leads import leads
from hemicycle.agenda.mediation_tables import mediation_tables
from hemicycle.agenda.newsfeed import newsfeed
from hemicycle.agenda.power import Cell, power_trials
from hemicycle.agenda.recovery import recovery
from hemicycle.agenda.responses import fitted, responses
from hemicycle.agenda.scale import ScaleOptions
from hemicycle.agenda.simulation import simulate_agenda
from hemicycle.agenda.stationarity import stationarity
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.seeding import key_of
from hemicycle.core.storage import Folder
from hemicycle.data.columns import locate
from hemicycle.data.schema import Dataset
from hemicycle.studies.agenda_config import AgendaConfig, AgendaMediation, Discoveries, HawkesAnalysis, Recovery
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.mediation import Trained, trained_mediator
from hemicycle.studies.models import FitOptions
from hemicycle.studies.steps import Cost, Step, Work

ALL = "all"
BATCH = 10
"""Simulated agendas of a task."""
TABLES = "tables.json"
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Issue:
    """Topics that are analysed together.

    Args:
        name: for people.
        topics: their ids.
    """

    name: str
    topics: tuple[str, ...]


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
    attention, tables = _made(options.attention, options.seed)
    attention.write(work.out)
    found = {name: table for name, table in tables.items() if name != "agenda_documents"}
    found["agenda_attention"] = weekly(attention)
    if options.stationarity is not None:
        found["agenda_stationarity"] = stationarity(attention, options.stationarity)
    _write(work.out, {name: _headed(table, agenda=options.agenda) for name, table in found.items()})


def _made(source: AttentionConfig | AgendaSimulation, seed: int) -> tuple[Attention, Tables]:
    if isinstance(source, AgendaSimulation):
        return simulate_agenda(source, seed), {}
    return read_attention(source, seed)


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


# -- steps -------------------------------------------------------------------------------------------------------------


def agenda_steps(
    config: StudyConfig, data: Step, trained: Trained, hashed: Callable[[Iterable[Any]], dict[str, str]]
) -> list[Step]:
    """Return the steps of every analysis of a study; those on topics that are found in texts follow from these.

    Args:
        config: the study.
        data: the step that reads its data.
        trained: its population.
        hashed: contents of files.

    Raises:
        InputError: attention or events that cannot be used, and questions that do not go with them.
    """
    found = []
    for name, agenda in config.agenda.items():
        found += _about_attention(name, agenda, hashed)
        if agenda.hawkes is not None:
            contents = hashed([locate(agenda.hawkes.events.path)])
            asked = HawkesStep(agenda=name, analysis=agenda.hawkes, contents=contents, seed=agenda.seed)
            found.append(Step("agenda_hawkes", f"hawkes {name}", hawkes_step, asked, cost=Cost(20, 2e9, 1e6)))
        found += _simulated(name, agenda)
        if agenda.mediation is not None:
            found += _mediated(name, agenda.mediation, data, trained)
    return found


def _about_attention(name: str, agenda: AgendaConfig, hashed: Callable[[Iterable[Any]], dict[str, str]]) -> list[Step]:
    source = agenda.attention or agenda.simulated
    if source is None:
        return []
    options = AttentionStep(
        agenda=name,
        attention=source,
        contents=hashed(attention_paths(source)) if isinstance(source, AttentionConfig) else {},
        stationarity=agenda.stationarity,
        seed=agenda.seed,
    )
    step = Step("attention", f"attention {name}", attention_step, options, cost=Cost(10, 1e9, 1e7))
    if isinstance(source, AttentionConfig) and source.form == "texts":
        return [replace(step, then=partial(_read_questions, name, agenda, step))]
    attention, _ = _made(source, agenda.seed)
    raise_problems(_refusals(name, agenda, attention))
    return [step, *_questions(name, agenda, step, attention)]


def _read_questions(name: str, agenda: AgendaConfig, step: Step, folder: Folder) -> list[Step]:
    return _questions(name, agenda, step, Attention.read(folder))


def _refusals(name: str, agenda: AgendaConfig, attention: Attention) -> Iterator[Problem]:
    """What keeps autoregressions from being fitted to all topics together."""
    for mode, options in agenda.var.items():
        try:
            fitted(attention, options.replace(replications=0))
        except InputError as error:
            for problem in error.problems:
                place = f"agenda.{name}.var.{mode}" + (f": {problem.where}" if problem.where else "")
                yield Problem(problem.what, place, problem.remedy)


def issues_of(agenda: AgendaConfig, attention: Attention) -> list[Issue]:
    """Return what is analysed together."""
    found = [Issue(ALL, attention.topics)] if "all" in agenda.issues else []
    if "category" in agenda.issues:
        for category in sorted({*attention.categories} - {""}):
            topics = tuple(t for t, c in zip(attention.topics, attention.categories, strict=True) if c == category)
            found += [Issue(category, topics)] if len(topics) >= agenda.fewest_topics else []
    if "topic" in agenda.issues:
        found += [Issue(label, (topic,)) for label, topic in zip(attention.names, attention.topics, strict=True)]
    return found


def _questions(name: str, agenda: AgendaConfig, step: Step, attention: Attention) -> list[Step]:
    asked: list[tuple[str, str, Any]] = [("var", mode, options) for mode, options in agenda.var.items()]
    asked += [("leads", "", agenda.leads)] if agenda.leads else []
    asked += [("shocks", "", agenda.shocks)] if agenda.shocks else []
    return [
        _question(name, agenda.seed, step, issue, *question)
        for issue in issues_of(agenda, attention)
        for question in asked
        if question[0] != "shocks" or issue.name == ALL or len(agenda.issues) == 1
    ]


def _question(name: str, seed: int, step: Step, issue: Issue, question: str, mode: str, options: Any) -> Step:  # noqa: PLR0913, PLR0917 - a question and its place
    asked = AskOptions.model_validate(
        {"agenda": name, "issue": issue.name, "topics": issue.topics, "mode": mode, "seed": seed}
        | {"question": question, "options": options}
    )
    title = " ".join(part for part in (question, mode, "of", issue.name, "in", name) if part)
    return Step(f"agenda_{question}", title, ask_step, asked, {"attention": step}, cost=Cost(10, 1.5e9, 1e6))


def _simulated(name: str, agenda: AgendaConfig) -> Iterator[Step]:
    """Steps of agendas whose answer is known, some replications each."""
    designs: list[tuple[str, Callable[[Work], None], Recovery | Discoveries | None]] = [
        ("recovery", recovery_step, agenda.recovery),
        ("discoveries", discoveries_step, agenda.discoveries),
    ]
    for kind, function, options in designs:
        for first, last in _batches(0 if options is None else options.replications):
            batch = BatchOptions(agenda=name, options=_endless(options), first=first, last=last)
            yield Step(f"agenda_{kind}", f"{kind} {name} {first}-{last - 1}", function, batch, cost=Cost(15, 8e8, 1e5))
    if agenda.power is None:
        return
    for days in agenda.power.days:
        cells = tuple(cell for cell in agenda.power.cells if cell.days == days)
        for first, last in _batches(agenda.power.replications):
            options = _endless(agenda.power)
            batch = BatchOptions(agenda=name, options=options, first=first, last=last, cells=cells)
            title = f"power {name} {days} days {first}-{last - 1}"
            cost = Cost(0.02 * len(cells) * BATCH * days / 100, 8e8, 1e5)
            yield Step("agenda_power", title, power_step, batch, cost=cost)


def _mediated(name: str, asked: AgendaMediation, data: Step, trained: Trained) -> Iterator[Step]:
    """Steps of agendas between which and the news a member stands."""
    for member in asked.members or tuple(trained.models):
        for seed, fit in trained.models[member].items():
            record = f"{member}-s{seed}"
            for first, last in _batches(asked.replications):
                about = {"agenda": name, "options": _endless(asked), "first": first, "last": last}
                batch = BatchOptions(**about, trained=fit.options, member=record)
                inputs = {"data": data, "graph": trained.graph, "model": fit}
                title = f"agenda {name} by {record} {first}-{last - 1}"
                yield Step("agenda_mediation", title, mediated_step, batch, inputs, cost=Cost(20, 1e9, 1e5))


def _endless(options: Any) -> Any:
    """Options of a batch, which are the same however many replications there are."""
    return options.model_copy(update={"replications": BATCH})


def _batches(replications: int) -> list[tuple[int, int]]:
    return [(first, min(first + BATCH, replications)) for first in range(0, replications, BATCH)]
