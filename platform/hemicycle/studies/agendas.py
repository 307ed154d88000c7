"""Steps of an analysis of attention: one a question and issue, one a batch of simulated agendas."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.agenda.attention.files import attention_paths
from hemicycle.agenda.attention.scale import scale
from hemicycle.agenda.attention.topics import check_texts
from hemicycle.agenda.hawkes.events_file import read_events
from hemicycle.agenda.hawkes.shares import check_members
from hemicycle.agenda.leads.event_study import check_events
from hemicycle.agenda.leads.leads import check_leads
from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.agenda.responses.bootstrap import FEWEST_TOPICS
from hemicycle.agenda.responses.responses import VarOptions, fitted
from hemicycle.agenda.simulated.influence import AgendaSimulation
from hemicycle.agenda.simulated.mediated import fitted_to
from hemicycle.agenda.simulated.newsfeed import newsfeed
from hemicycle.agenda.simulated.power import Cell
from hemicycle.agenda.simulated.simulation import simulate_agenda
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.storage import Folder
from hemicycle.data.columns import locate
from hemicycle.data.schema import Dataset
from hemicycle.studies.agenda_config import AgendaConfig, AgendaMediation, Discoveries, HawkesAnalysis, Recovery
from hemicycle.studies.agenda_work import (
    ALL,
    AskOptions,
    AttentionStep,
    BatchOptions,
    HawkesStep,
    ask_step,
    attention_step,
    discoveries_step,
    hawkes_step,
    made,
    mediated_step,
    power_step,
    recovery_step,
)
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.mediation import Trained
from hemicycle.studies.steps import Cost, Step, Work

BATCH = 10
"""Simulated agendas of a task."""


@dataclass(frozen=True)
class Issue:
    """Topics that are analysed together.

    Args:
        name: for people.
        topics: their ids.
    """

    name: str
    topics: tuple[str, ...]


def agenda_steps(
    config: StudyConfig,
    dataset: Dataset,
    data: Step,
    trained: Trained,
    hashed: Callable[[Iterable[Any]], dict[str, str]],
) -> list[Step]:
    """Return the steps of every analysis of a study; those on topics that are found in texts follow from these.

    Args:
        config: the study.
        dataset: its data.
        data: the step that reads them.
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
            raise_problems(_told(f"agenda.{name}.hawkes", partial(_check_hawkes, agenda.hawkes, agenda.seed)))
            asked = HawkesStep(agenda=name, analysis=agenda.hawkes, contents=contents, seed=agenda.seed)
            found.append(Step("agenda_hawkes", f"hawkes {name}", hawkes_step, asked, cost=Cost(20, 2e9, 1e6)))
        raise_problems(_too_short(name, agenda))
        found += _simulated(name, agenda)
        if agenda.mediation is not None:
            raise_problems(_told(f"agenda.{name}.mediation", partial(_check_mediation, agenda.mediation, dataset)))
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
    step = Step("attention", f"attention {name}", attention_step, options, cost=Cost(5, 1e9, 1e7))
    if isinstance(source, AttentionConfig) and source.form == "texts":
        raise_problems(_told(f"agenda.{name}.attention", partial(check_texts, source)))
        return [replace(step, then=partial(_read_questions, name, agenda, step))]
    read: list[Attention] = []
    raise_problems(_told(f"agenda.{name}.attention", lambda: read.append(made(source, agenda.seed)[0])))
    attention = read[0]
    raise_problems(_refusals(name, agenda, attention))
    return [step, *_questions(name, agenda, step, attention)]


def _read_questions(name: str, agenda: AgendaConfig, step: Step, folder: Folder) -> list[Step]:
    return _questions(name, agenda, step, Attention.read(folder))


def _refusals(name: str, agenda: AgendaConfig, attention: Attention) -> Iterator[Problem]:
    """What keeps questions from being put to the issue of most topics."""
    issues = issues_of(agenda, attention)
    if not issues:
        remedy = "write issues: [all], lower fewest_topics, or name categories by attention.topics_file"
        yield Problem("no issue is left: no topic has a category of enough topics", f"agenda.{name}.issues", remedy)
        return
    largest = attention.select(topics=max(issues, key=lambda issue: len(issue.topics)).topics)
    least = min(issues, key=lambda issue: len(issue.topics))
    for mode, options in agenda.var.items():
        place = f"agenda.{name}.var.{mode}"
        yield from _told(place, partial(_check_fit, largest, options.replace(replications=0)))
        if len(attention.groups) < 2:
            remedy = "select at least 2 groups, or leave var out"
            yield Problem("one group has no other to follow or lead", place, remedy)
        if options.bands == "topics" and options.replications and len(least.topics) < FEWEST_TOPICS:
            what = f"bands by drawing topics need at least {FEWEST_TOPICS} topics; {least.name!r} has "
            yield Problem(what + f"{len(least.topics)}", f"{place}.bands", "choose bands: auto or residual")
    asked: list[tuple[str, Callable[[Attention, Any], object], Any]] = [
        ("leads", check_leads, agenda.leads),
        ("shocks", check_events, agenda.shocks),
    ]
    for question, check, options in asked:
        if options is not None:
            yield from _told(f"agenda.{name}.{question}", partial(check, largest, options))
    if agenda.stationarity is not None:
        yield from _told(f"agenda.{name}.stationarity", partial(scale, attention, agenda.stationarity))


def _check_fit(attention: Attention, options: VarOptions) -> None:
    model = fitted(attention, options)
    model.deviation(model.var.coefficients, model.var.covariance)


def _told(place: str, check: Callable[[], object]) -> Iterator[Problem]:
    """What a check refuses, with its place in the configuration."""
    try:
        check()
    except InputError as error:
        for problem in error.problems:
            where = f"{place}: {problem.where}" if problem.where else place
            yield Problem(problem.what, where, problem.remedy)


def _too_short(name: str, agenda: AgendaConfig) -> Iterator[Problem]:
    """Simulated agendas in which leads cannot be looked for: the first of them is made and tried."""
    asked: list[tuple[str, AgendaSimulation, LeadOptions]] = []
    if agenda.discoveries is not None:
        asked += [("discoveries", agenda.discoveries.simulation, agenda.discoveries.leads)]
    if agenda.power is not None:
        power = agenda.power
        cell = Cell(min(power.days), min(power.topics), power.effects[0])
        asked += [("power", power.agenda(cell), power.leads)]
    for question, simulation, leads in asked:
        tried = partial(check_leads, simulate_agenda(simulation, agenda.seed), leads)
        yield from _told(f"agenda.{name}.{question}", tried)


def _check_hawkes(analysis: HawkesAnalysis, seed: int) -> None:
    check_members(read_events(analysis.events, seed).sources, analysis.model.parts)


def _check_mediation(asked: AgendaMediation, dataset: Dataset) -> None:
    fitted_to(asked.simulation, newsfeed(dataset, asked.feed), asked.mediation)


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
    cost = Cost(0.5 + 0.12 * len(issue.topics), 1.5e9, 1e6)
    return Step(f"agenda_{question}", title, ask_step, asked, {"attention": step}, cost=cost)


def _simulated(name: str, agenda: AgendaConfig) -> Iterator[Step]:
    """Steps of agendas whose answer is known, some replications each."""
    designs: list[tuple[str, Callable[[Work], None], Recovery | Discoveries | None]] = [
        ("recovery", recovery_step, agenda.recovery),
        ("discoveries", discoveries_step, agenda.discoveries),
    ]
    for kind, function, options in designs:
        for first, last in _batches(0 if options is None else options.replications):
            batch = BatchOptions(agenda=name, options=_endless(options), first=first, last=last)
            yield Step(f"agenda_{kind}", f"{kind} {name} {first}-{last - 1}", function, batch, cost=Cost(3, 8e8, 1e5))
    if agenda.power is None:
        return
    for days in agenda.power.days:
        cells = tuple(cell for cell in agenda.power.cells if cell.days == days)
        for first, last in _batches(agenda.power.replications):
            options = _endless(agenda.power)
            batch = BatchOptions(agenda=name, options=options, first=first, last=last, cells=cells)
            title = f"power {name} {days} days {first}-{last - 1}"
            cost = Cost(0.005 * len(cells) * BATCH * days / 100, 8e8, 1e5)
            yield Step("agenda_power", title, power_step, batch, cost=cost)


def _mediated(name: str, asked: AgendaMediation, data: Step, trained: Trained) -> Iterator[Step]:
    """Steps of agendas between which and the news a member stands."""
    for member in asked.members or tuple(trained.models):
        fits = {seed: step for seed, step in trained.models[member].items() if step.kind == "fit"}
        for seed, fit in fits.items():
            record = f"{member}-s{seed}"
            for first, last in _batches(asked.replications):
                about = {"agenda": name, "options": _endless(asked), "first": first, "last": last}
                batch = BatchOptions(**about, trained=fit.options, member=record)
                inputs = {"data": data, "graph": trained.graph, "model": fit}
                title = f"agenda {name} by {record} {first}-{last - 1}"
                yield Step("agenda_mediation", title, mediated_step, batch, inputs, cost=Cost(4, 1e9, 1e5))


def _endless(options: Any) -> Any:
    """Options of a batch, which are the same however many replications there are."""
    return options.model_copy(update={"replications": BATCH})


def _batches(replications: int) -> list[tuple[int, int]]:
    return [(first, min(first + BATCH, replications)) for first in range(0, replications, BATCH)]
