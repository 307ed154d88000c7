"""What NDlib computes, beside ours and beside the equations: right for Friedkin-Johnsen, wrong for Hegselmann-Krause.

NDlib is no dependency: the numbers are those that ``record_ndlib.py`` wrote, and NDlib's own where it is installed.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from opinions.record_ndlib import recorded

from hemicycle.opinions.base import People
from hemicycle.opinions.bounded_confidence import BoundedConfidence
from hemicycle.opinions.friedkin_johnsen import FriedkinJohnsen


@pytest.fixture(scope="module", params=["stored", "installed"])
def ndlib(request):
    if request.param == "stored":
        return json.loads(Path(__file__).with_name("ndlib.json").read_text(encoding="utf-8"))
    pytest.importorskip("ndlib")
    return recorded()


def seen(run):
    """Whom everybody sees: neighbours, or on a directed graph those who point at one."""
    n = len(run["opinions"][0])
    dense = np.zeros((n, n))
    for u, v in run["edges"]:
        dense[v, u] = 1
        if not run["directed"]:
            dense[u, v] = 1
    return sources_of(dense), dense


def literal_hegselmann_krause(x, dense, confidence, itself):
    """Everybody's mean of those within the confidence, at once: with oneself in the paper, without in NDlib."""
    after = x.copy()
    for i in range(len(x)):
        near = [x[j] for j in np.flatnonzero(dense[i]) if abs(x[j] - x[i]) < confidence]
        near += [x[i]] if itself else []
        after[i] = np.mean(near) if near else x[i]
    return after


@pytest.mark.parametrize("number", [0, 1], ids=["undirected", "directed"])
def test_friedkin_johnsen_is_theirs(ndlib, number):
    run = ndlib["friedkin_johnsen"][number]
    sources, _ = seen(run)
    innate = np.array(run["opinions"][0])[:, None]
    people = People(len(innate), bounds=(0.0, 1.0), columns={"open": 1 - np.array(run["stubbornness"])})
    model, opinions = FriedkinJohnsen(FriedkinJohnsen.Config(susceptibility="open")).bound(people), innate
    assert np.ptp(innate) > 0.5
    for expected in run["opinions"][1:]:
        opinions = model.step(opinions, innate, sources.at(opinions), 0)
        np.testing.assert_allclose(opinions[:, 0], expected, rtol=0, atol=1e-10)


def test_hegselmann_krause_keeps_one_update_of_an_iteration(ndlib):
    run = ndlib["hegselmann_krause"]
    _, dense = seen(run)
    for before, after in zip(run["opinions"], run["opinions"][1:], strict=False):
        x, theirs = np.array(before), np.array(after)
        right = literal_hegselmann_krause(x, dense, ndlib["confidence"], itself=False)
        moved = np.flatnonzero(theirs != x)
        assert len(moved) <= 1
        np.testing.assert_allclose(theirs[moved], right[moved], atol=1e-12)
        assert (right != x).sum() > 0.75 * len(x)


def test_hegselmann_krause_is_ours_and_not_theirs(ndlib):
    run = ndlib["hegselmann_krause"]
    sources, dense = seen(run)
    x = np.array(run["opinions"][0])
    model = BoundedConfidence(BoundedConfidence.Config(confidence=ndlib["confidence"]))
    ours = model.step(x[:, None], x[:, None], sources.at(x[:, None]), 0)[:, 0]
    literal = literal_hegselmann_krause(x, dense, ndlib["confidence"], itself=True)
    np.testing.assert_allclose(ours, literal, atol=1e-12)
    theirs = np.array(run["opinions"][1])
    assert np.abs(theirs - x).sum() < 0.1 * np.abs(literal - x).sum()
