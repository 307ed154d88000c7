"""The cases of the opinion models. ``quick`` makes all of them tiny."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from hemicycle.bench.cases import Case, Role, Target
from hemicycle.bench.suites import Scale

_OURS = "hemicycle.bench.ours.opinions"
_CONFIDENCE = 0.4
_GRAPH = "ten_thousand"
_MODELS: Mapping[str, Mapping[str, Any]] = {
    "DeGroot": {"opinion": "degroot"},
    "Friedkin-Johnsen": {"opinion": "friedkin_johnsen", "susceptibility": 0.9},
    "bounded confidence": {"opinion": "bounded_confidence", "confidence": _CONFIDENCE},
}
_DEFFUANT = {"opinion": "deffuant", "confidence": _CONFIDENCE, "mobility": 0.5}


def step(scale: Scale) -> list[Case]:
    """One synchronous step of a million users with 20 million directed edges, beside a random read of each edge."""
    return [
        case
        for threads in ((1,) if scale.quick else (1, 2))
        for name, model in _MODELS.items()
        for case in _steps(name, model, threads, scale)
    ]


def _steps(name: str, model: Mapping[str, Any], threads: int, scale: Scale) -> list[Case]:
    group = f"step of {name}, {threads} thread{'s' if threads > 1 else ''}"
    clock: Literal["cpu", "wall"] = "cpu" if threads == 1 else "wall"
    told = {"opinion": model, "steps": scale.number(20)}

    def case(title: str, role: Role, task: str, **more: Any) -> Case:
        arguments, data = dict(told), scale.data("million")
        return Case(group, title, role, _OURS, task, arguments, data, clock=clock, threads=threads, calls=3, **more)

    slack = Target("ratio", 1 / 2.5)
    return [
        case("ours", "ours", "step", reference=True),
        case("bound: one random read of each edge", "bound", "gather", target=slack),
    ]


# -- other packages --------------------------------------------------------------------------------------------------


def peers(scale: Scale) -> list[Case]:
    """A million updates by us, by NDlib and by Mesa, which use one core, in seconds that pass."""
    found = [*_friedkin_johnsen(scale), *_deffuant(scale), *_hegselmann_krause(scale), *_mesa(scale)]
    return [replace(case, clock="wall") for case in found]


def _ours(group: str, model: Mapping[str, Any], scale: Scale) -> list[Case]:
    """Return the same by us on the others' graph, on both cores and on one, and on a larger graph.

    The first one is the reference. What happens one after the other has one thread.
    """
    alone = model is _DEFFUANT

    def case(name: str, data: str, steps: int, threads: int, **more: Any) -> Case:
        told, used = {"opinion": model, "steps": scale.number(steps)}, scale.number(threads)
        return Case(group, name, "ours", _OURS, "updates", told, scale.data(data), threads=used, calls=5, **more)

    both = case("ours, 2 threads", _GRAPH, 200, 2)
    one = case("ours, 1 thread", _GRAPH, 200, 1)
    large = case("ours, 100,000 users", "hundred_thousand", 20, 1 if alone else 2)
    first, *rest = [one, large] if alone else [both, one, large]
    return [replace(first, reference=True), *rest]


def _ndlib(group: str, task: str, told: Mapping[str, Any], scale: Scale, **more: Any) -> Case:
    name = more.pop("name", "NDlib")
    return Case(group, name, "peer", "with_ndlib", task, told, scale.data(_GRAPH), "agents", **more)


_AS_DOCUMENTED: Mapping[str, Any] = {"name": "NDlib, statuses returned", "note": "as its documentation has it"}


def _friedkin_johnsen(scale: Scale) -> list[Case]:
    group = "a million updates of Friedkin-Johnsen"
    told = {"stubbornness": 0.1, "iterations": scale.number(10)}
    return [
        *_ours(group, _MODELS["Friedkin-Johnsen"], scale),
        _ndlib(group, "friedkin_johnsen", told, scale, target=Target("ratio", 500)),
        _ndlib(group, "friedkin_johnsen", {**told, "statuses": True}, scale, **_AS_DOCUMENTED),
    ]


def _deffuant(scale: Scale) -> list[Case]:
    group = "a million meetings of Deffuant"
    told = {"confidence": _CONFIDENCE / 2, "iterations": scale.number(10)}
    return [
        *_ours(group, _DEFFUANT, scale),
        _ndlib(group, "deffuant", told, scale, target=Target("ratio", 300)),
        _ndlib(group, "deffuant", {**told, "statuses": True}, scale, **_AS_DOCUMENTED),
    ]


def _hegselmann_krause(scale: Scale) -> list[Case]:
    group, task = "a million updates of Hegselmann-Krause", "hegselmann_krause"
    told = {"confidence": _CONFIDENCE / 2, "iterations": scale.number(2)}
    kept, computed = ({**told, "counted": counted} for counted in ("kept", "computed"))
    note, every = "it keeps one of all updates of an iteration", "those too that it throws away"
    return [
        *_ours(group, _MODELS["bounded confidence"], scale),
        _ndlib(group, task, kept, scale, target=Target("ratio", 5000), note=note),
        _ndlib(group, task, computed, scale, name="NDlib, every update counted", note=every),
    ]


def _mesa(scale: Scale) -> list[Case]:
    found = []
    for name, rule in (("DeGroot", "average"), ("bounded confidence", "listen")):
        group, told = f"a million updates of {name}", {"rule": rule, "confidence": _CONFIDENCE}
        told, data = {**told, "iterations": scale.number(10)}, scale.data(_GRAPH)
        mesa = Case(group, "Mesa", "peer", "with_mesa", "knowing", told, data, "agents", target=Target("ratio", 100))
        asking = replace(mesa, name="Mesa, network asked", task="asking", target=None, note="as in its examples")
        found += [*_ours(group, _MODELS[name], scale), mesa, asking]
    return found


SUITES: Mapping[str, Callable[[Scale], list[Case]]] = {"peers": peers, "step": step}
"""Name -> cases."""
