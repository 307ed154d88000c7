"""Mesa: DeGroot and bounded confidence as agents on a network.

Mesa's own examples ask the network for the neighbours at every step; to know them from the start is several times as
fast. ``asking`` is the first, ``knowing`` the second.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mesa  # type: ignore[import-not-found]
import networkx as nx
import numpy as np
from mesa.discrete_space import FixedAgent, Network  # type: ignore[import-not-found]

Spec = Mapping[str, Any]
UPDATES = 1e6


class Citizen(FixedAgent):  # type: ignore[misc]
    """Somebody with an opinion."""

    def __init__(self, model: Any, opinion: float, cell: Any) -> None:
        super().__init__(model)
        self.opinion = self.upcoming = opinion
        self.cell = cell

    def meet(self) -> None:
        """Learn who one's neighbours are."""
        self.neighbours = list(self.cell.neighborhood.agents)

    def average(self) -> None:
        """DeGroot: the mean of the neighbours."""
        neighbours = self.neighbours
        if neighbours:
            self.upcoming = sum(agent.opinion for agent in neighbours) / len(neighbours)

    def listen(self) -> None:
        """Bounded confidence: the mean of oneself and of the neighbours that are near enough."""
        mine, confidence = self.opinion, self.model.confidence
        near = [agent.opinion for agent in self.neighbours if abs(agent.opinion - mine) <= confidence]
        self.upcoming = (mine + sum(near)) / (1 + len(near))

    def advance(self) -> None:
        """Take the new opinion, after everybody has found one."""
        self.opinion = self.upcoming


class Asking(Citizen):
    """Somebody who asks who the neighbours are whenever it matters."""

    def meet(self) -> None:
        """Learn nothing beforehand."""

    @property
    def neighbours(self) -> list[Any]:  # type: ignore[override]
        """Those whom the network names now."""
        return list(self.cell.neighborhood.agents)


class Society(mesa.Model):  # type: ignore[misc]
    """Citizens on a network."""

    def __init__(self, graph: Any, kind: type[Citizen], rule: str, confidence: float) -> None:
        super().__init__(seed=0)
        self.rule, self.confidence = rule, confidence
        self.network = Network(graph, capacity=1, random=self.random)
        opinions = self.rng.uniform(-1, 1, graph.number_of_nodes()).tolist()
        kind.create_agents(self, len(opinions), opinions, list(self.network.all_cells))
        self.agents.do("meet")

    def step(self) -> None:
        """All find new opinions, then all take them."""
        self.agents.do(self.rule)
        self.agents.do("advance")


def knowing(spec: Spec) -> Callable[[], dict[str, Any]]:
    """Steps of a rule, ``average`` or ``listen``; ``spec`` holds ``rule``, ``confidence`` and ``iterations``."""
    return _steps(Citizen, spec)


def asking(spec: Spec) -> Callable[[], dict[str, Any]]:
    """The same by agents that ask the network at every step."""
    return _steps(Asking, spec)


def _steps(kind: type[Citizen], spec: Spec) -> Callable[[], dict[str, Any]]:
    pointers, indices = (np.load(Path(spec["data"], f"{name}.npy")) for name in ("pointers", "indices"))
    rows = np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))
    graph = nx.empty_graph(len(pointers) - 1)
    graph.add_edges_from(zip(rows.tolist(), indices.tolist(), strict=True))
    society = Society(graph, kind, spec["rule"], spec["confidence"])

    def run() -> dict[str, Any]:
        for _ in range(spec["iterations"]):
            society.step()
        return {"share": spec["iterations"] * len(society.agents) / UPDATES}

    return run
