"""What is compared with what among the opinion models, and that our part of it computes what it says."""

import ast
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemicycle.bench import peers
from hemicycle.bench.cases import OWN
from hemicycle.bench.environments import pins
from hemicycle.bench.ours import opinions
from hemicycle.bench.run import BenchOptions, command
from hemicycle.bench.suites import Scale
from hemicycle.bench.suites_opinions import SUITES
from hemicycle.bench.workloads import SYNTHETIC
from hemicycle.opinions.catalogue import OPINION

FULL = [case for suite in SUITES.values() for case in suite(Scale())]
QUICK = [case for suite in SUITES.values() for case in suite(Scale(quick=True))]


@pytest.mark.parametrize("cases", [FULL, QUICK], ids=["full", "quick"])
def test_every_group_has_one_reference_of_ours_and_distinct_names(cases):
    references = Counter(case.group for case in cases if case.reference and case.role == "ours")
    assert set(references) == {case.group for case in cases}
    assert set(references.values()) == {1}
    assert max(Counter((case.group, case.name) for case in cases).values()) == 1


@pytest.mark.parametrize("case", FULL + QUICK, ids=lambda case: case.title)
def test_a_case_names_what_there_is(case):
    module = Path(peers.__file__).parent / f"{case.module}.py" if case.role == "peer" else Path(opinions.__file__)
    functions = {node.name for node in ast.parse(module.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert case.task in functions
    assert case.workload in SYNTHETIC
    assert SYNTHETIC[case.workload].adjacency
    assert case.environment in {OWN, *pins()}
    if "opinion" in case.arguments:
        OPINION.build(OPINION.validate(case.arguments["opinion"]))


def test_a_miniature_works_on_the_smallest_data_alone():
    assert {case.workload for case in QUICK} == {"small"}
    assert {case.threads for case in QUICK} == {1}


def test_what_is_asked_for():
    asked = {(case.group, case.name): str(case.target) for case in FULL if case.target}
    steps = {
        (f"step of {name}, {threads}", "bound: one random read of each edge"): "≥ 0.4"
        for name in ("DeGroot", "Friedkin-Johnsen", "bounded confidence")
        for threads in ("1 thread", "2 threads")
    }
    assert asked == {
        **steps,
        ("a million updates of Friedkin-Johnsen", "NDlib"): "≥ 500",
        ("a million meetings of Deffuant", "NDlib"): "≥ 300",
        ("a million updates of Hegselmann-Krause", "NDlib"): "≥ 5e+03",
        ("a million updates of DeGroot", "Mesa"): "≥ 100",
        ("a million updates of bounded confidence", "Mesa"): "≥ 100",
    }


@pytest.fixture
def spec(small):
    return {"data": str(small.folder), "threads": 1, "steps": 3}


def test_a_step_s_time_is_shared_by_all_steps_and_its_bytes_are_its_edges(spec):
    sources = opinions.following(spec)
    assert (sources.n_users, len(sources.indices)) == (800, 12_000)
    assert sources.positions.dtype == np.float32
    for task in (opinions.step, opinions.gather):
        facts = task({**spec, "opinion": {"opinion": "bounded_confidence"}})()
        assert facts == {"share": 3, "bytes": 4 * 12_000 * 3}


@pytest.mark.parametrize(("opinion", "counted"), [("friedkin_johnsen", 800), ("deffuant", 400)])
def test_updates_are_users_or_meetings(spec, opinion, counted):
    facts = opinions.updates({**spec, "opinion": {"opinion": opinion}})()
    assert facts["share"] == pytest.approx(3 * counted / 1e6)


def test_steps_go_on_from_call_to_call(spec, monkeypatch):
    seen = []

    def spy(self, before, innate, sources, key):
        seen.append((before, sources.positions, key))
        return before + np.float32(1)

    kind = type(OPINION.build(OPINION.validate("friedkin_johnsen")))
    monkeypatch.setattr(kind, "step", spy)
    run = opinions.step({**spec, "opinion": {"opinion": "friedkin_johnsen"}})
    run()
    run()
    starts = [float(before[0, 0] - seen[0][0][0, 0]) for before, _, _ in seen]
    np.testing.assert_allclose(starts, range(7), atol=1e-5)
    assert all((before == positions).all() for before, positions, _ in seen)


def test_the_bound_reads_every_edge_once(spec):
    sources = opinions.following(spec)
    sums = np.empty(800, np.float32)
    opinions._gather(sources.indptr, sources.indices, sources.positions[:, 0].copy(), sums)
    expected = np.add.reduceat(sources.positions[sources.indices, 0], sources.indptr[:-1])
    seen = np.diff(sources.indptr) > 0
    np.testing.assert_allclose(sums[seen], expected[seen], atol=1e-4)


def test_a_miniature_of_our_part_runs(tmp_path):
    given = {"subject": "opinions", "quick": True, "peers": "none"}
    places = {"out": str(tmp_path / "out"), "cache": str(tmp_path / "cache")}
    assert command(BenchOptions.model_validate({**given, **places, "suites": ("step",)})) == 0
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name.startswith("opinions-")
    rows = pd.read_csv(folder / "bench.csv")
    assert rows["problem"].isna().all(), rows["problem"].tolist()
    assert (rows["least"] > 0).all()
