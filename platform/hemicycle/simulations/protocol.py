"""The protocol of a study's simulations in the form that agent-based modellers know as ODD.

ODD (Overview, Design concepts, Details): Grimm, Berger, DeAngelis, Polhill, Giske and Railsback, Ecological Modelling
221, 2010; Grimm et al., JASSS 23(2), 7, 2020. The text comes from the study's configuration and from the docstrings of
the classes that it names, so that it says what was run.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hemicycle.core.config import Chosen
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.exposure.choice import ChoiceConfig
from hemicycle.exposure.conduct import Conduct
from hemicycle.opinions.catalogue import OPINION

Plain = Mapping[str, Any]
TITLE = "Protocol of the simulations (ODD)"
_SILENT = ("name", "opinion", "exposure")
_SEEDS = {
    "graph": "who follows whom, and the mediators trained on it",
    "opinion": "parties, attitudes and zealots",
    "simulation": "all that is drawn on the way, and the noise",
}


@dataclass(frozen=True)
class Section:
    """One element of the protocol.

    Args:
        title: heading.
        paragraphs: running text.
        items: name and text of what is listed below it.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[tuple[str, str], ...] = ()


def protocol(config: Plain) -> list[Section]:
    """Return the seven elements of the protocol; none for a study without simulations.

    Args:
        config: the study's validated configuration as plain values, with ``society`` and ``simulations``.
    """
    simulations: Plain = config.get("simulations") or {}
    if not simulations:
        return []
    society: Plain = config.get("society") or {}
    named = {str(name): dict(simulation) for name, simulation in simulations.items()}
    return [
        Section("1. Purpose and patterns", (_purpose(config, named),)),
        Section("2. Entities, state variables and scales", tuple(_entities(society)), tuple(_scales(named))),
        Section("3. Process overview and scheduling", (_PROCESS,), tuple(_scheduling(named))),
        Section("4. Design concepts", (), tuple(_concepts(named))),
        Section("5. Initialization", tuple(_initialization(society)), tuple(_starts(named))),
        Section("6. Input data", (_input(config, society),)),
        Section("7. Submodels", (), tuple(_submodels(named))),
    ]


def markdown(sections: Sequence[Section]) -> str:
    """Return the protocol as Markdown; empty without sections."""
    if not sections:
        return ""
    lines = [f"# {TITLE}", "", "After Grimm et al., Ecological Modelling 221 (2010) and JASSS 23(2), 7 (2020).", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines += [line for text in section.paragraphs for line in (text, "")]
        lines += [line for name, text in section.items for line in _item(name, text)]
    return "\n".join(lines).rstrip() + "\n"


def _item(name: str, text: str) -> list[str]:
    first, *others = text.split("\n\n")
    return [f"- **{name}.** {first}", "", *(line for part in others for line in (_indented(part), ""))]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


# -- overview --------------------------------------------------------------------------------------------------------


def _purpose(config: Plain, simulations: Mapping[str, Plain]) -> str:
    question = str(config.get("question") or config.get("title") or config.get("name") or "").strip()
    metrics = "polarization of opinions, their correlation along follows, and what users are shown"
    lead = f"The model asks: {question} " if question else ""
    arms = ", ".join(_each(simulations, "arms"))
    return f"{lead}It compares arms of exposure ({arms}) by {metrics}, all else being equal."


def _entities(society: Plain) -> Iterator[str]:
    dimensions = int(society.get("dimensions", 1))
    scale = f"{dimensions} dimension{'' if dimensions == 1 else 's'}"
    what = (
        "the users of the data" if society.get("from_data") else f"{society.get('users', 'synthetic')} synthetic users"
    )
    yield (
        f"Entities are {what}, each with a current opinion in {scale}, an innate opinion (that of the start), a group, "
        "and the users whom it follows; and, where an arm has one, a mediator with its parameters and its lists."
    )
    if society.get("sources", "none") != "none":
        yield f"Sources beside users are {society['sources']} with positions of their own, which never move."


def _scales(simulations: Mapping[str, Plain]) -> Iterator[tuple[str, str]]:
    for name, simulation in simulations.items():
        bounds = simulation.get("bounds")
        where = f"opinions in [{bounds[0]:g}, {bounds[1]:g}] in each dimension" if bounds else "opinions without bounds"
        yield name, f"{simulation.get('steps', '?')} steps of the opinion model, without a unit of time; {where}."


_PROCESS = (
    "In every step, in this order: (1) the mediator and its lists are refreshed where the arm says so, or else the "
    "lists of users whose follows changed; (2) every user's exposure is made up of whom it follows and of what is "
    "proposed; (3) users click, follow and unfollow, which the next step shows; (4) the opinion model moves opinions "
    "by what was shown, and zealots stay; (5) measures are taken. Within the opinion model users change all at once or "
    "one after the other, as the submodel's schedule says."
)


def _scheduling(simulations: Mapping[str, Plain]) -> Iterator[tuple[str, str]]:
    for name, simulation in simulations.items():
        every, costly = simulation.get("metrics_every", 1), simulation.get("costly_every", 0)
        text = f"Measured every {_steps(every)}, costly measures {f'every {_steps(costly)}' if costly else 'never'}"
        stop = simulation.get("stop")
        yield name, f"{text}; {f'stops early by: {_options(stop)}' if stop else 'no early stop'}."


def _steps(number: int) -> str:
    return "step" if number == 1 else f"{number} steps"


# -- design concepts -------------------------------------------------------------------------------------------------


def _concepts(simulations: Mapping[str, Plain]) -> Iterator[tuple[str, str]]:
    yield (
        "Basic principles",
        "Social influence along follows, with and without algorithmic mediation (submodels below).",
    )
    yield (
        "Emergence",
        "Polarization, clusters of opinion and echo chambers emerge from influence, exposure and rewiring.",
    )
    conduct = [name for name, simulation in simulations.items() if simulation.get("conduct")]
    acts = (
        f"users of {', '.join(conduct)} also change whom they follow" if conduct else "nobody changes whom it follows"
    )
    yield "Adaptation and objectives", f"Users follow the rules of the opinion model; {acts}. They maximise nothing."
    updates = [u for u in _each(simulations, "arms", "update") if u != "never"]
    learns = (
        f"mediators are brought up to date ({', '.join(updates)})" if updates else "mediators stay as they were trained"
    )
    yield "Learning and prediction", f"Users neither learn nor predict; {learns}."
    yield (
        "Sensing",
        "Users sense the current opinions of their sources exactly; mediators see follows and clicks alone.",
    )
    yield "Interaction", "Users influence each other over the directed graph of exposure, in proportion to its weights."
    yield "Stochasticity", " ".join(_stochasticity(simulations))
    yield "Collectives", "Groups (parties) set where users start, and parameters where these differ by group."
    watched = [name for name, simulation in simulations.items() if simulation.get("knowledge")]
    reads = f" In {', '.join(watched)} a cross-fitted ridge regression reads opinions from the mediator's vectors at "
    reads += "each refresh, beside the untrained mediator and permuted opinions."
    yield "Observation", f"Measures of distribution, network and exposure; means over seeds.{reads if watched else ''}"
    designs = list(_designs(simulations))
    if designs:
        yield "Design of experiments", " ".join(designs)


def _stochasticity(simulations: Mapping[str, Plain]) -> Iterator[str]:
    yield (
        "Every random number comes from a counter-based generator keyed by its purpose, the seed, the step, the user "
        "and the slot, so that results do not depend on the number of workers. Arms of a seed share the keys (common "
        "random numbers): their differences are paired."
    )
    for name, simulation in simulations.items():
        seeds, vary = simulation.get("seeds", 1), simulation.get("vary", tuple(_SEEDS))
        number = seeds if isinstance(seeds, int) else len(seeds)
        what = "; ".join(_SEEDS.get(part, part) for part in vary)
        yield f"{name}: {number} seed{'' if number == 1 else 's'}, which change {what}."


def _designs(simulations: Mapping[str, Plain]) -> Iterator[str]:
    for name, simulation in simulations.items():
        for key, values in (simulation.get("grid") or {}).items():
            yield f"{name}: {key} in {', '.join(map(str, values))}."
        sobol = simulation.get("sensitivity")
        if sobol:
            ranges = ", ".join(f"{key} in [{low:g}, {high:g}]" for key, (low, high) in sobol["factors"].items())
            yield f"{name}: Sobol indices by Saltelli's design with {sobol['samples']} base samples over {ranges}."


# -- details ---------------------------------------------------------------------------------------------------------


def _initialization(society: Plain) -> Iterator[str]:
    if society.get("from_data"):
        taken = _options(society, ("positions_from", "relation"))
        yield f"Users, follows and opinions are those of the data ({taken or 'all numeric labels'})."
        return
    yield f"Synthetic users: {_options(society, ('users', 'dimensions', 'positions', 'parties', 'positions_from'))}."
    yield f"Follows: {_options(society.get('follows') or {})}."


def _starts(simulations: Mapping[str, Plain]) -> Iterator[tuple[str, str]]:
    for name, simulation in simulations.items():
        noise, zealots, states = (simulation.get(key) for key in ("noise", "zealots", "states"))
        parts = [f"normal noise of standard deviation {noise:g} on innate opinions"] if noise else []
        parts += [f"zealots: {_options(zealots)}"] if zealots else []
        parts += [f"opinions put on {states} evenly spaced values"] if states else []
        mediators = simulation.get("mediators") or {}
        parts += [f"mediator {key}: {_options(value)}" for key, value in mediators.items()]
        yield name, f"{'; '.join(parts) or 'opinions as drawn'}."


def _input(config: Plain, society: Plain) -> str:
    data = config.get("data")
    if isinstance(data, Mapping) and (society.get("from_data") or society.get("positions_from")):
        return f"Positions come from the data ({_options(data)}). No input changes while a simulation runs."
    return "No data drive the model while it runs."


def _submodels(simulations: Mapping[str, Plain]) -> Iterator[tuple[str, str]]:
    for kind, catalogue, key in (("Opinion model", OPINION, "opinions"), ("Exposure", EXPOSURE, "arms")):
        for entry in _entries(simulations, key):
            yield f"{kind} {_called(entry)}", f"{described(catalogue, str(entry[catalogue.key]))}\n\n{_values(entry)}"
    for name, simulation in simulations.items():
        conduct = simulation.get("conduct")
        if conduct:
            choice = f"\n\n{_doc(ChoiceConfig)}" if conduct.get("choice") else ""
            yield f"Conduct in {name}", f"{_doc(Conduct)}{choice}\n\n{_values(conduct)}"


def described(catalogue: Chosen, name: str) -> str:
    """Return what the docstring of a model says: equation, source, schedule."""
    return _doc(catalogue.resolve(name))


def _doc(described_class: type[Any]) -> str:
    """Docstring without arguments and without marks of the documentation's links; equations stay as they are."""
    text = (inspect.getdoc(described_class) or "").split("\nArgs:")[0].strip()
    text = re.sub(r":\w+:`~?([^`]+)`", lambda found: f"`{found.group(1).rpartition('.')[2]}`", text)
    return text.replace("``", "`")


def _entries(simulations: Mapping[str, Plain], key: str) -> list[Plain]:
    """Entries of all simulations, each configuration once."""
    found: dict[str, Plain] = {}
    for simulation in simulations.values():
        for entry in simulation.get(key) or ():
            found.setdefault(repr(sorted(entry.items(), key=str)), entry)
    return list(found.values())


def _called(entry: Plain) -> str:
    kind = str(entry.get("opinion") or entry.get("exposure"))
    name = entry.get("name")
    return f"{name} ({kind})" if name and name != kind else kind


def _each(simulations: Mapping[str, Plain], key: str, option: str = "") -> list[str]:
    """Names, or one option, of the entries of all simulations, each once."""
    entries = _entries(simulations, key)
    found = (str(entry[option]) if option in entry else "" for entry in entries) if option else map(_called, entries)
    return [text for text in dict.fromkeys(found) if text]


def _values(entry: Plain) -> str:
    return f"Values: {_options({k: v for k, v in entry.items() if k not in _SILENT}) or 'none'}."


def _options(value: Any, names: Iterable[str] = ()) -> str:
    """Options as ``k 10, strength 0.5``; what is empty is left out."""
    if isinstance(value, Mapping):
        kept = {key: value[key] for key in (names or value) if value.get(key) not in (None, "", [], (), {})}
        return ", ".join(f"{key.replace('_', ' ')} {_inner(item)}" for key, item in kept.items())
    return str(value)


def _inner(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_options(value)})"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_inner(item) for item in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
