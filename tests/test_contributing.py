"""The examples of CONTRIBUTING.md, run as they stand there: each passes its family's contract."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract
from contracts.probe_contract import ProbeContract

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.catalogue import OPINIONS
from hemicycle.probes.catalogue import PROBES
from hemicycle.recommenders.catalogue import RECOMMENDER, RECOMMENDERS

TEXT = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLES = {"RECOMMENDERS": RECOMMENDERS, "OPINIONS": OPINIONS, "PROBES": PROBES}
HEAD = re.compile(r'# platform/(\S+)\.py - in (\w+): "(\w+)": "([\w.]+):(\w+)"')


def examples():
    """Head and module of every example, by the name of its class."""
    found = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL):
        head = HEAD.match(block)
        module = types.ModuleType(head.group(4))
        exec(compile(block, f"CONTRIBUTING.md {head.group(1)}", "exec"), module.__dict__)  # noqa: S102 it is our own
        found[head.group(5)] = (head, module)
    return found


EXAMPLES = examples()


def example(name):
    return getattr(EXAMPLES[name][1], name)


@pytest.fixture(autouse=True)
def added(monkeypatch):
    """Add the examples as their first lines say."""
    for head, module in EXAMPLES.values():
        monkeypatch.setitem(sys.modules, head.group(4), module)
        monkeypatch.setitem(TABLES[head.group(2)], head.group(3), f"{head.group(4)}:{head.group(5)}")


class TestHalfway(OpinionContract):
    config = example("Halfway").Config()


class TestRanks(ProbeContract):
    config = example("Ranks").Config()


def test_together_recommends_the_one_withheld_item():
    """Users and items of two kinds; everybody likes all of the own kind, user 0 has not taken item 0 yet."""
    users, items = (grid.ravel() for grid in np.meshgrid(np.arange(8), np.arange(6), indexing="ij"))
    keep = (users % 2 == items % 2) & ~((users == 0) & (items == 0))
    graph = InteractionGraph.from_edges(users[keep], items[keep], 8, 6)
    recommender = RECOMMENDER.build(RECOMMENDER.validate("together"))
    scores = recommender.scores(recommender.fit(graph, np.random.default_rng(0)), graph)(np.array([0, 1]))
    new = np.where(graph.to_scipy().toarray()[[0, 1]] > 0, -np.inf, scores)
    assert new[0].argmax() == 0
    assert scores.shape == (2, 6)


def test_the_examples_are_one_of_each_family_and_name_files_where_they_belong():
    assert [head.group(2) for head, _ in EXAMPLES.values()] == list(TABLES)
    for head, _ in EXAMPLES.values():
        assert head.group(4) == head.group(1).replace("/", ".")
        assert head.group(4).rpartition(".")[0] == next(iter(TABLES[head.group(2)].values())).rpartition(".")[0]


def test_the_text_is_short():
    assert len(TEXT.splitlines()) < 60
