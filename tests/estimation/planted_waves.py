"""Waves of opinions with planted mechanisms: one literal loop over users and sources a mechanism, as in the papers."""

import numpy as np

from hemicycle.estimation.catalogue import MECHANISM
from hemicycle.estimation.explore import Settings
from hemicycle.estimation.fit import fit
from hemicycle.estimation.moments import Observation
from hemicycle.estimation.panel import panel_of
from hemicycle.graphs.interaction import InteractionGraph


def homophilous_graph(opinions, per_user, rng):
    """Follow near opinions three times as often as far ones."""
    n = len(opinions)
    users = np.repeat(np.arange(n), 3 * per_user)
    others = rng.integers(0, n, len(users))
    away = np.abs(opinions[users] - opinions[others])
    keep = rng.random(len(users)) < np.where(away < 0.5, 0.6, 0.2)
    return InteractionGraph.from_edges(users[keep], others[keep], n, n, social=True)


def sources_of(graph, i):
    return graph.indices[graph.indptr[i] : graph.indptr[i + 1]]


def pull(graph, x, i, influence):
    """Mean of g(d) (x_j - x_i)."""
    own = [influence(abs(x[j] - x[i])) * (x[j] - x[i]) for j in sources_of(graph, i)]
    return sum(own) / len(own) if own else 0.0


def step(name, graph, x, innate, p):
    """One step of a mechanism without drift and noise."""
    moved = np.array(x)
    for i in range(len(x)):
        m = x[i] + pull(graph, x, i, lambda d: 1.0)
        if name == "regression":
            moved[i] = x[i] - p["regression"] * x[i]
        elif name == "assimilation":
            moved[i] = x[i] + p["susceptibility"] * (m - x[i])
        elif name == "friedkin_johnsen":
            moved[i] = (1 - p["susceptibility"]) * innate[i] + p["susceptibility"] * m
        elif name == "anchored":
            moved[i] = x[i] + p["susceptibility"] * (m - x[i]) + p["anchor"] * (innate[i] - x[i])
        elif name == "bounded_confidence":
            near = [x[i]] + [x[j] for j in sources_of(graph, i) if abs(x[j] - x[i]) <= p["confidence"]]
            moved[i] = x[i] + p["mobility"] * (sum(near) / len(near) - x[i])
        elif name == "distance_decay":
            moved[i] = x[i] + p["susceptibility"] * pull(graph, x, i, lambda d: np.exp(-d / p["scale"]))
        elif name == "attraction_repulsion":
            turn = 0.05 * p.get("width", np.ptp(x))
            moved[i] = x[i] + p["strength"] * pull(
                graph, x, i, lambda d, turn=turn: np.tanh((p["tolerance"] - d) / turn)
            )
    return moved


PLANTED = {
    "none": {},
    "regression": {"regression": 0.1},
    "assimilation": {"susceptibility": 0.3},
    "friedkin_johnsen": {"susceptibility": 0.4},
    "anchored": {"susceptibility": 0.3, "anchor": 0.2},
    "bounded_confidence": {"mobility": 0.4, "confidence": 0.5},
    "distance_decay": {"susceptibility": 0.6, "scale": 0.4},
    "attraction_repulsion": {"strength": 0.2, "tolerance": 0.6},
}
DRIFT = 0.02


def waves(name, rng, n=300, **options):
    """Return waves (n, T), the graph and the innate opinions.

    Options: per_user=8, noise=0.1, steps=1, n_waves=2, error=0.0, parameters={}.
    """
    p = {**PLANTED[name], **options.get("parameters", {})}
    x = rng.uniform(-1, 1, n)
    graph = homophilous_graph(x, options.get("per_user", 8), rng)
    innate = np.clip(x + rng.normal(0, 0.3, n), -1, 1)
    found = [x]
    p["width"] = np.ptp(x)
    for _ in range(options.get("n_waves", 2) - 1):
        x = found[-1]
        for _ in range(options.get("steps", 1)):
            x = step(name, graph, x, innate, p)
        found.append(x + DRIFT + rng.normal(0, options.get("noise", 0.1), n))
    measured = np.stack(found, axis=1)
    return measured + rng.normal(0, options.get("error", 0.0), measured.shape), graph, innate


def mechanism(name, **options):
    """Build a mechanism."""
    return MECHANISM.build(MECHANISM.validate({"mechanism": name, **options}))


def coverage(name, replications, **options):
    """Share of replications whose 90 % interval holds the planted value, by parameter."""
    observed = Observation(**options.pop("observed", {}))
    truth = {**PLANTED[name], "drift": DRIFT, "noise_sd": options.get("noise", 0.1)}
    hits = {}
    for r in range(replications):
        measured, graph, innate = waves(name, np.random.default_rng([r, 7]), **options)
        panel = panel_of(measured, [graph], innate, r)
        for value in fit(mechanism(name), panel, Settings(observed=observed, draws=99, seed=r)).values:
            if value.name in truth:
                hits.setdefault(value.name, []).append(value.low <= truth[value.name] <= value.high)
    return {parameter: float(np.mean(found)) for parameter, found in hits.items()}
