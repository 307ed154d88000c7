"""Published phase behaviour of opinion models, in miniature: each finding's direction by the study that shows it."""

from functools import cache

import pytest

from hemicycle import api
from hemicycle.core.storage import Folder
from hemicycle.data.catalogue import SOURCE
from hemicycle.opinions.phases import activity_moments, critical_controversialness
from hemicycle.studies.executor import fixed_threads
from hemicycle.studies.plan import build_plan
from hemicycle.studies.simulation_tables import simulation_tables
from hemicycle.studies.steps import closure


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """Mean over seeds at the end of a study's miniature: (study, simulation, opinion model, value, metric) -> mean."""

    @cache
    def of(study):
        return outcomes(f"{study}_debug", tmp_path_factory.mktemp(study))

    return lambda study, *key: of(study)[key]


def outcomes(name, folder):
    """(simulation, opinion model, value of the first factor, metric) -> mean; the value is None without a design."""
    config, store = api.load(name), Folder.at(folder)
    steps = [step for step in build_plan(config, SOURCE.build(config.data).read()) if step.kind == "simulate"]
    for step in closure(steps):
        work = step.work(store)
        with fixed_threads(step.threads):
            step.function(work)
        work.out.finish()
    tables = simulation_tables(steps, store)
    factors = tables["simulation_factors"].drop_duplicates(["simulation", "cell"])
    values = factors.set_index(["simulation", "cell"])["value"]
    rows = tables["simulation_outcomes"].to_dict("records")
    return {
        (row["simulation"], row["opinion"], values.get((row["simulation"], row["cell"])), row["metric"]): row["mean"]
        for row in rows
    }


# -- bounded confidence ------------------------------------------------------------------------------------------------


def test_hegselmann_and_krause_agree_above_a_confidence(ends):
    def at(simulation, confidence, metric):
        return ends("confidence_clusters", simulation, "bounded_confidence", confidence, metric)

    assert (at("consensus", 0.12, "consensus"), at("consensus", 0.3, "consensus")) == (0, 1)
    assert at("hegselmann_krause", 0.3, "clusters") == 1
    assert 3 <= at("hegselmann_krause", 0.1, "clusters") <= 6, "at most about 1 / (2 eps) = 5"
    assert at("consensus", 0.12, "variance") > 0.02 > at("consensus", 0.3, "variance")


def test_deffuant_leaves_about_one_over_twice_the_confidence(ends):
    several, two = (ends("confidence_clusters", "deffuant", "deffuant", eps, "major_clusters") for eps in (0.1, 0.23))
    assert several == pytest.approx(5, abs=1)
    assert two == pytest.approx(2, abs=0.6)
    assert ends("confidence_clusters", "deffuant", "deffuant", 0.5, "consensus") == 1


# -- attraction and repulsion ------------------------------------------------------------------------------------------


def test_tolerance_decides_between_extremes_and_agreement(ends):
    key = ("attraction_repulsion", "tolerance", "attraction_repulsion")
    low, middle, high = (ends(*key, tolerance, "variance") for tolerance in (0.2, 0.6, 1.6))
    assert low > 0.7, "two halves at the ends have 1"
    assert low > middle > high
    assert high < 0.01


# -- radicalization ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_phases(ends):
    def at(phase, metric):
        return ends("radicalization", "phases", phase, None, metric)

    assert at("consensus", "extremity") < 0.001
    assert min(at("radicalization", "extremity"), at("polarization", "extremity")) > 1
    assert at("radicalization", "one_sidedness") == 1
    assert at("polarization", "one_sidedness") < 0.8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "overlap", "below", "above"),
    [("radicalization", ((1,),), 0.15, 0.8), ("ideology_alignment", ((1, 0.5), (0.5, 1)), 0.15, 0.6)],
)
def test_opinions_grow_above_the_critical_controversialness_alone(ends, study, overlap, below, above):
    critical = critical_controversialness(3, 10, 0.5, activity_moments(), overlap)
    assert below < critical < above, "the miniature looks at both sides"
    assert ends(study, "threshold", "baumann", below, "extremity") < 0.02
    assert ends(study, "threshold", "baumann", above, "extremity") > 0.5


@pytest.mark.slow
def test_overlapping_topics_turn_polarization_into_ideology(ends):
    key = ("ideology_alignment", "overlap", "baumann")
    assert ends(*key, 0.6, "topic_correlation") > 0.95
    assert abs(ends(*key, 0.0, "topic_correlation")) < 0.7
    assert min(ends(*key, overlap, "variance") for overlap in (0.0, 0.6)) > 1, "both are polarized"
