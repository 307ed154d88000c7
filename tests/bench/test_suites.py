"""What is compared with what."""

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from hemicycle.bench import peers
from hemicycle.bench.cases import OWN, Target
from hemicycle.bench.environments import pins
from hemicycle.bench.stored_curve import epochs_to
from hemicycle.bench.suites import SUITES, Scale
from hemicycle.bench.workloads import SYNTHETIC
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.training.options import TrainingOptions

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
    beside = Path(peers.__file__).parent / f"{case.module}.py"
    assert beside.is_file() if case.role == "peer" else find_spec(case.module)
    assert f"def {case.task}(" in Path(find_spec(case.module).origin if case.role != "peer" else beside).read_text()
    assert case.workload in SYNTHETIC
    assert case.environment in {OWN, *pins()}
    assert case.title == f"{case.group}: {case.name}"


@pytest.mark.parametrize("case", [c for c in FULL + QUICK if "recommender" in c.arguments], ids=lambda case: case.title)
def test_our_configurations_are_valid(case):
    RECOMMENDER.validate(case.arguments["recommender"])
    TrainingOptions.model_validate(case.arguments["train"])


def test_a_miniature_works_on_the_smallest_data_alone():
    assert {case.workload for case in QUICK} == {"small"}
    assert {case.threads for case in QUICK} == {1}


def test_what_is_asked_for():
    asked = {(case.group, case.name): str(case.target) for case in FULL if case.target}
    assert asked == {
        ("epoch of LightGCN", "PyG, steps of 2,048 pairs"): "≥ 70",
        ("epoch of LightGCN", "RecBole LightGCN, steps of 2,048 pairs"): "≥ 70",
        ("full ranking", "implicit"): "≥ 1",
        ("full ranking", "RecBole, as it comes"): "≥ 5",
        ("iteration of iALS", "implicit ALS (CG)"): "≥ 0.667",
        ("time to Recall@20 ≥ .10", "PyG, steps of 2,048 pairs"): "≥ 100",
        ("product, 2 threads", "ours"): "≤ 0.2 s",
        ("probes of 100 models, 100,000 users", "ours"): "≤ 180 s",
        ("probes of 100 models, 100,000 users", "scikit-learn, GridSearchCV"): "≥ 50",
        ("probes of 100 models, 100,000 users", "scikit-learn, all labels in a fit"): "≥ 50",
        ("3 layers and back, 2 threads", "ours"): "≤ 1.2 s",
        ("training step, 1,000,000 nodes", "one worker, one core"): "≥ 1.85",
        ("LightGCN of 16 dimensions, a senate: 20 epochs", "one by one"): "≥ 3",
        ("factors of 16 dimensions, a senate: 20 epochs", "one by one"): "≥ 3",
        ("similarity of 100 models, 100,000 users", "ours, CKA"): "≤ 60 s",
        ("1,000 steps of 50 ms", "ours, as Ray tasks"): "≤ 28.8 s",
        ("correspondence analysis, 1,000,000 x 1,000", "ours"): "≤ 10 s",
    }


def test_targets_are_held_by_what_they_ask_of():
    assert Target("ratio", 70).met(71, 1)
    assert not Target("ratio", 70).met(69, 1000)
    assert Target("seconds", 0.2, least=False).met(1, 0.2)
    assert not Target("seconds", 0.2, least=False).met(1, 0.21)


def test_the_stored_curve_rises_to_the_goal():
    assert 2 <= epochs_to(0.10) <= 30
    assert epochs_to(0.01) == 1
    assert epochs_to(0.99) is None


def test_a_gpu_runs_what_it_can():
    assert {case.module for case in FULL if case.on_device}.isdisjoint({"with_implicit", "with_cornac", "with_scipy"})
    assert {case.group for case in FULL if case.on_device} >= {"product, 1 thread", "epoch of LightGCN", "full ranking"}
