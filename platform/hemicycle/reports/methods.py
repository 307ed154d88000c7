"""The methods paragraph and its references, from the configuration and what the tables say was done."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from types import MappingProxyType
from typing import Any

import pandas as pd

from hemicycle.core.records import READOUT
from hemicycle.reports.facts import StudyFacts, Tables, table
from hemicycle.reports.methods_agenda import agenda_keys, agenda_methods
from hemicycle.reports.methods_effects import effects_keys, effects_methods
from hemicycle.reports.methods_interpretation import controls_methods, interpretation_keys, interpretation_methods
from hemicycle.reports.methods_search import search_keys, search_methods
from hemicycle.reports.methods_simulations import simulation_keys, simulation_methods
from hemicycle.reports.spotlight import spotlight
from hemicycle.reports.theme import label, listing

_FAMILY_KEYS = {"mf": ["koren2009matrix", "rendle2009bpr"], "lightgcn": ["he2020lightgcn", "rendle2009bpr"]}
_READERS = {"ridge": "ridge regression", "logistic": "logistic regression", "least_squares": "least squares"}
_READERS |= {"mlp": "an MLP", "mlp_classes": "an MLP", "knn": "nearest neighbours", "knn_classes": "nearest neighbours"}
_READERS |= dict.fromkeys(
    ("mdl", "mdl_classes"), "the online code of minimum description length (Voita and Titov 2020)"
)
_SHOWN = ("dim", "layers", "loss", "negatives", "learning_rate", "lr", "regularization", "l2", "epochs", "patience")


def methods(facts: StudyFacts, tables: Tables) -> list[str]:
    """Paragraphs that say what was done: data, recommenders, probes and their controls, simulations."""
    parts = [
        _data(facts),
        _recommenders(facts, table(spotlight(tables, designs=False), "records")),
        *search_methods(facts.config, tables),
        *effects_methods(tables),
        _probes(facts.config, table(tables, "probe_results")),
        *interpretation_methods(tables, facts.config),
        *agenda_methods(facts.config, tables),
        *simulation_methods(facts.config, tables),
        _reproduction(facts),
    ]
    return [part for part in parts if part]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items() if item not in (None, "", [], {}))
    if isinstance(value, list | tuple):
        return listing([_plain(item) for item in value])
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)


def _chosen(config: Any, names: Iterable[str] = _SHOWN) -> str:
    """The named settings of a mapping as ``dim 16, layers 2``."""
    return _plain({name: config[name] for name in names if name in config}) if isinstance(config, Mapping) else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _data(facts: StudyFacts) -> str:
    if not facts.data and facts.config.get("agenda"):
        return ""
    source = facts.config.get("data")
    if isinstance(source, Mapping) and source.get("source") == "none":
        return ""
    described = {
        k: v for k, v in facts.data.items() if isinstance(v, str | int | float) and k not in {"name", "citation"}
    }
    named = facts.data.get("name", "the study's data set")
    text = f"Data: {named}{f' ({_plain(described)})' if described else ''}."
    text += "".join(f" {note}." for note in facts.data.get("notes", ()))
    split = facts.config.get("split")
    if isinstance(split, Mapping):
        text += f" Interactions were split {str(split.get('kind', 'random')).replace('_', ' ')} by user"
        shares = [f"{split[k]:.0%} {w}" for k, w in (("valid", "validation"), ("test", "test")) if k in split]
        text += f" ({listing(shares)}); the rest trained the recommenders." if shares else "."
    return text


def _recommenders(facts: StudyFacts, records: pd.DataFrame) -> str:
    if records.empty:
        return ""
    trained = records[records["status"] == "trained"]
    parts = [
        f"{label(f)} ({_count(rows['seed'].nunique(), 'seed')}{_settings(facts.config, str(f))})"
        for f, rows in trained.groupby("family", sort=False)
    ]
    foreign = int((records["status"] == "foreign").sum())
    parts += [f"{_count(foreign, 'model')} trained elsewhere"] if foreign else []
    text = f"Recommenders: {listing(parts)}."
    varied = _factors(facts.config)
    training = _chosen(facts.config.get("train"), [name for name in _SHOWN if f"train.{name}" not in varied])
    text += f" Training: {training}." if training else ""
    text += " The checkpoint with the best validation score recommends; ranking is over all items that a user has not"
    text += " interacted with in training."
    if (records["status"] == "untrained").any():
        text += (
            " Each trained model has an untrained twin: same architecture, seed, graph and layers, without training."
        )
    return text


def _factors(config: Mapping[str, Any]) -> set[str]:
    """Keys that some design varies."""
    designs = config.get("designs")
    return {key for design in designs.values() for key in design["factors"]} if isinstance(designs, Mapping) else set()


def _settings(config: Mapping[str, Any], family: str) -> str:
    """Settings that all members of a family share, from ``population`` or ``recommenders``."""
    population = config.get("population")
    members = list(population.values()) if isinstance(population, Mapping) else config.get("recommenders", [])
    inner = [m.get("recommender") or m for m in members if isinstance(m, Mapping)]
    found = [m for m in inner if isinstance(m, Mapping) and m.get("model") == family]
    text = _chosen({k: v for k, v in found[0].items() if all(m.get(k) == v for m in found)} if found else None)
    return f"; {text}" if text else ""


def _probes(config: Mapping[str, Any], probes: pd.DataFrame) -> str:
    if probes.empty:
        return ""
    readers = listing(dict.fromkeys(_READERS.get(str(name), label(name)) for name in probes["probe"]))
    scores = listing([label(name) for name in probes["score_name"].unique()])
    text = f"Probes: {readers} read {listing(map(str, probes['attribute'].unique()))} from frozen"
    text += f" representations of up to {_plain(int(probes['n'].max()))} {probes['entity'].iloc[0]}s ({scores})."
    if READOUT in set(probes["layer"]):
        text += " Headlines use the read-out, the layer whose dot products score recommendations."
    text += f" {controls_methods(probes)}{_permutations(config)}{_within(probes)}"
    return f"{text} Gains from training are paired by seed (95 % t-intervals)."


def _permutations(config: Mapping[str, Any]) -> str:
    probes = config.get("probes")
    first = probes[0] if isinstance(probes, Sequence) and probes else probes
    count = first.get("permutations") if isinstance(first, Mapping) else None
    return f" Labels were permuted {count} times." if count else ""


def _within(probes: pd.DataFrame) -> str:
    scopes = [str(scope) for scope in probes["scope"].unique() if scope not in {"all", ""}]
    return f" Labels {listing(scopes)} are centred by group in the training folds." if scopes else ""


def _reproduction(facts: StudyFacts) -> str:
    seeds = facts.config.get("seeds")
    text = f"Every random number is keyed by what it is for; study fingerprint {facts.fingerprint[:12]}"
    return f"{text}, seeds {_plain(list(range(seeds)) if isinstance(seeds, int) else seeds)}." if seeds else f"{text}."


# -- references ------------------------------------------------------------------------------------------------------


def bibliography(tables: Tables, config: Mapping[str, Any] = MappingProxyType({})) -> str:
    """BibTeX of the methods that the tables, and the configuration of searches, show were used."""
    records, probes = table(tables, "records"), table(tables, "probe_results")
    keys = [] if probes.empty else ["alain2017understanding", "hewitt2019designing"]
    for family in () if records.empty else records["family"].unique():
        keys += _FAMILY_KEYS.get(family, [])
    keys += [] if table(tables, "ranking_results").empty else ["jarvelin2002cumulated"]
    keys += [*agenda_keys(config, tables), *simulation_keys(config, tables)]
    keys += [*search_keys(config, tables), *effects_keys(tables), *interpretation_keys(tables, config)]
    entries = read_bibliography()
    return "\n".join(entries[key] for key in dict.fromkeys([*keys, "moritz2018ray"]))


def read_bibliography() -> dict[str, str]:
    """Entries of the packaged BibTeX file by key."""
    text = (resources.files("hemicycle.reports") / "references.bib").read_text(encoding="utf-8")
    entries = re.split(r"(?m)^(?=@)", text)
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry.strip() for entry in entries if entry.strip()}
