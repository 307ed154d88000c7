"""What is compared with what: studies or models of a store by name, with their settings and their data."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from hemicycle.core.errors import InputError
from hemicycle.core.records import member_of
from hemicycle.core.storage import Folder, StorageError
from hemicycle.ledger.index_rows import MANIFEST, dotted
from hemicycle.ledger.library import Library

CODE = ("hemicycle", "commit")
"""Which code made a result."""
SHORTEST_ID = 6
"""Digits of a model's id that name it."""


@dataclass(frozen=True)
class Side:
    """One of the things that are compared.

    Args:
        label: as it was asked for.
        study: folder's name of the study that measured it.
        whole: True for a study, False for one of its models or the seeds of one member.
        members: member -> its models, one row a seed, with the columns of the index.
        settings: dotted key -> value, of its configuration, its data and its code.
        data: identity of its data; empty where it is not known.
    """

    label: str
    study: str
    whole: bool
    members: Mapping[str, pd.DataFrame]
    settings: Mapping[str, str]
    data: str


@dataclass(frozen=True)
class Catalogue:
    """What can be named in a store.

    Args:
        library: its index.
    """

    library: Library
    _read: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def models(self) -> pd.DataFrame:
        """Models of studies, with their member's name."""
        found: pd.DataFrame = self.library.table("models").to_pandas()
        return found[found["study"] != ""].assign(member=lambda of: of["name"].map(member_of))

    @cached_property
    def studies(self) -> pd.DataFrame:
        """Studies by folder's name."""
        found: pd.DataFrame = self.library.table("studies").to_pandas()
        return found.set_index("study", drop=False)

    @cached_property
    def steps(self) -> dict[str, dict[str, Any]]:
        """Steps by fingerprint."""
        return {row["fingerprint"]: row for row in self.library.table("steps").to_pylist()}

    @cached_property
    def ranks(self) -> dict[str, list[str]]:
        """Step that yielded a model -> steps that ranked it."""
        found: dict[str, list[str]] = {}
        for key, step in self.steps.items():
            if step["kind"] == "rank":
                found.setdefault(self.inputs(key).get("model", ""), []).append(key)
        return found

    def inputs(self, step: str) -> dict[str, str]:
        """Name of an input -> fingerprint, of a finished step."""
        return dict(json.loads(self.steps.get(step, {}).get("inputs") or "{}"))

    def options(self, step: str) -> dict[str, Any]:
        """Options of a finished step; none where its manifest cannot be read."""
        if step not in self._read:
            kind = self.steps.get(step, {}).get("kind", "")
            try:
                manifest = (self.library.index.store / "steps" / kind / step).read_json(MANIFEST)
                self._read[step] = dict(manifest["options"])
            except (StorageError, KeyError, TypeError, ValueError):
                self._read[step] = {}
        return self._read[step]

    def origin(self, step: str) -> tuple[str, str]:
        """Fingerprints of the data and of the graph that a model's step builds on; empty where there is none."""
        inputs = self.inputs(step)
        graph = inputs.get("graph", "")
        return inputs.get("data") or self.inputs(graph).get("data", ""), graph

    def test_of(self, step: str) -> tuple[str, str] | None:
        """What identifies the test edges of a model: its data, and how which relation was split; None if unknown."""
        data, graph = self.origin(step)
        options = self.options(graph) if graph else {}
        if not data or "split" not in options:
            return None
        return data, json.dumps([options.get("relation"), options["split"]], sort_keys=True)

    def ranked_in(self, model: pd.Series) -> list[Folder]:
        """Folders in which a model's metrics of single users may lie: its own, and of the steps that ranked it."""
        steps, key = self.library.index.store / "steps", str(model["step"])
        return [steps / str(model["kind"]) / key, *(steps / "rank" / rank for rank in self.ranks.get(key, []))]


def find_sides(catalogue: Catalogue, names: Sequence[str]) -> tuple[Side, ...]:
    """Find what is to be compared.

    Args:
        catalogue: of the store.
        names: of studies; or of models: ``NAME``, ``STUDY/NAME``, the beginning of an id, or a member's name, which
            stands for all its seeds.

    Raises:
        InputError: fewer than two, one twice, an unknown or ambiguous name, or studies together with models.
    """
    if len(names) < 2:
        raise InputError("there is nothing to compare with", remedy="name two studies or models: compare A B")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{twice[0]} is named twice", remedy="name different studies or models")
    sides = tuple(_side(catalogue, name) for name in names)
    if len({side.whole for side in sides}) > 1:
        studies = ", ".join(side.label for side in sides if side.whole)
        remedy = "compare studies with studies, or one of their models: STUDY/NAME"
        raise InputError(f"{studies} is a study and others are models", remedy=remedy)
    return sides


def _side(catalogue: Catalogue, name: str) -> Side:
    study = _study(catalogue, name)
    if study:
        return _whole(catalogue, name, study)
    of, _, short = name.rpartition("/")
    where = _study(catalogue, of) if of else ""
    models = catalogue.models if not where else catalogue.models[catalogue.models["study"] == where]
    found = _matching(models, short if where else name)
    if found.empty:
        raise _unknown(name, [*catalogue.studies["name"], *catalogue.models["member"], *catalogue.models["name"]])
    return _part(catalogue, name, _one_study(name, found))


def _study(catalogue: Catalogue, name: str) -> str:
    """Folder's name of a study; empty when nothing is called that."""
    studies = catalogue.studies
    found = list(studies.index[(studies["study"] == name) | (studies["name"] == name)])
    if len(found) > 1 and name not in found:
        raise InputError(f"several studies are called {name!r}", remedy=f"say which: {', '.join(map(str, found))}")
    return str(name if name in found else found[0]) if found else ""


def _matching(models: pd.DataFrame, name: str) -> pd.DataFrame:
    """Models of this name or id, else all seeds of the member of this name."""
    exact = models[(models["name"] == name) | (models["id"] == name)]
    if exact.empty and len(name) >= SHORTEST_ID:
        exact = models[models["id"].str.startswith(name)]
    return models[models["member"] == name] if exact.empty else exact


def _one_study(name: str, found: pd.DataFrame) -> pd.DataFrame:
    """Models of one study; the same models in several studies are taken from the first."""
    ids = {str(study): frozenset(of["id"]) for study, of in found.groupby("study", sort=True)}
    if len(set(ids.values())) > 1:
        choices = ", ".join(f"{study}/{name}" for study in ids)
        raise InputError(f"several studies have a model {name!r}", remedy=f"say which: {choices}")
    found = found[found["study"] == next(iter(ids))]
    if len(set(found["member"])) > 1:
        remedy = f"give more digits, or a name: {', '.join(sorted(found['name'])[:5])}"
        raise InputError(f"{len(found)} models have an id that begins with {name}", remedy=remedy)
    return found


def _unknown(name: str, names: Iterable[str]) -> InputError:
    known = sorted({text for text in names if text})
    near = difflib.get_close_matches(name.rpartition("/")[2], known, n=5, cutoff=0.4)
    remedy = f"nearest: {', '.join(near)}" if near else f"there are: {', '.join(known[:20])}"
    return InputError(f"no study or model is called {name!r}", remedy=remedy)


# -- settings ----------------------------------------------------------------------------------------------------------


def _whole(catalogue: Catalogue, label: str, study: str) -> Side:
    models = catalogue.models[(catalogue.models["study"] == study) & (catalogue.models["status"] != "untrained")]
    members = {str(name): of for name, of in models.groupby("member", sort=True)}
    plans = catalogue.library.table("plans").to_pandas()
    mine = plans[plans["study"] == study]
    data = next(iter(mine.loc[mine["kind"] == "data", "fingerprint"]), "")
    read = sorted(map(str, mine.loc[mine["kind"].isin(["attention", "agenda_hawkes"]), "fingerprint"]))
    row = catalogue.studies.loc[study]
    config = json.loads(str(row["config"])) if row["config"] else {}
    settings = dotted(config) | _contents(catalogue, str(data), *read)
    settings |= {f"code.{name}": row[name] for name in CODE}
    identity = " ".join(dict.fromkeys([str(data), *sorted(_attended(catalogue, step) for step in read)]))
    return Side(label, study, whole=True, members=members, settings=_texts(settings), data=identity)


def _part(catalogue: Catalogue, label: str, models: pd.DataFrame) -> Side:
    """A model, or the seeds of a member: they differ in the seed alone, so that the first one's settings are all's."""
    first = models.iloc[0]
    data, graph = catalogue.origin(str(first["step"]))
    settings = {**dotted(json.loads(str(first["config"]))), "seed": sorted(models["seed"].tolist())}
    settings |= {"family": first["family"], "status": first["status"]}
    settings |= dotted(catalogue.options(data).get("source", {}), "data") | _contents(catalogue, data)
    settings |= dotted({k: v for k, v in catalogue.options(graph).items() if k != "contents"}, "graph") if graph else {}
    step = catalogue.steps.get(str(first["step"]), {})
    settings |= {f"code.{name}": step.get(name) for name in (*CODE, "threads", "workers")}
    return Side(label, str(first["study"]), whole=False, members={"": models}, settings=_texts(settings), data=data)


def _attended(catalogue: Catalogue, step: str) -> str:
    """What attention or events a step reads, whatever the analysis is called and asks."""
    options = catalogue.options(step)
    analysis = dict(options.get("analysis", {}))
    source = {"attention": options.get("attention"), "events": analysis.get("events")}
    return json.dumps({**source, "contents": options.get("contents")}, sort_keys=True)


def _contents(catalogue: Catalogue, *steps: str) -> dict[str, Any]:
    """Hashes of the contents of the files that data and attention were read from."""
    found = [dict(catalogue.options(step).get("contents", {})) for step in steps if step]
    contents = {file: value for of in found for file, value in of.items()}
    return {f"data contents.{file}": f"sha256 {str(value)[:16]}" for file, value in contents.items()}


def _texts(settings: Mapping[str, Any]) -> dict[str, str]:
    """Values as text; what is not given is left out."""
    return {key: _text(value) for key, value in settings.items() if value not in (None, "", [], {})}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
