"""Published findings about mediated societies, in miniature: each finding's direction by the study that shows it."""

import numpy as np
import pytest

from hemicycle import api
from hemicycle.core.storage import Folder
from hemicycle.data.catalogue import SOURCE
from hemicycle.studies.executor import fixed_threads
from hemicycle.studies.plan import build_plan
from hemicycle.studies.simulation_tables import simulation_tables
from hemicycle.studies.steps import closure


class Found:
    """Paired differences and outcomes of a miniature, by cell."""

    def __init__(self, name, folder):
        config, store = api.load(f"{name}_debug"), Folder.at(folder)
        steps = [step for step in build_plan(config, SOURCE.build(config.data).read()) if step.kind == "simulate"]
        for step in closure(steps):
            work = step.work(store)
            with fixed_threads(step.threads):
                step.function(work)
            work.out.finish()
        self.tables = simulation_tables(steps, store)

    def difference(self, metric, arm, cell=0, opinion=None):
        """Mean of the arm less the reference, and its 95 % interval."""
        table = self.tables["simulation_contrasts"]
        rows = table[(table.metric == metric) & (table.arm == arm) & (table.cell == cell)]
        rows = rows if opinion is None else rows[rows.opinion == opinion]
        row = rows.squeeze()
        return row.difference, row.ci_low, row.ci_high

    def ends(self, metric, arm, cell=0):
        """Values at the end, seed by seed."""
        table = self.tables["simulation_results"]
        rows = table[(table.metric == metric) & (table.arm == arm) & (table.cell == cell)]
        return rows[rows.step == rows.step.max()].sort_values("seed")["value"].to_numpy()

    def levels(self, factor):
        """Value of a factor by cell."""
        table = self.tables["simulation_factors"]
        return table[table.factor == factor].set_index("cell")["value"].to_dict()


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Name of a study -> what its miniature found, run once."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = Found(name, tmp_path_factory.mktemp(name))
        return known[name]

    return of


# -- people recommenders and homophily ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_people_recommender_keeps_echo_chambers_only_where_there_is_homophily(study):
    found = study("people_recommenders")
    assert found.levels("society.communities.alignment") == {1: 0, 2: 0.9}
    without, low, _ = found.difference("neighbour_correlation", "jaccard", 1)
    assert low < 0.03
    with_homophily, low, _ = found.difference("neighbour_correlation", "jaccard", 2)
    assert low > 0
    assert with_homophily > without


@pytest.mark.slow
def test_where_there_are_echo_chambers_the_recommender_changes_nothing(study):
    found = study("people_recommenders")
    assert found.ends("neighbour_correlation", "none", 2).mean() > 0.7
    change = found.ends("neighbour_correlation", "jaccard", 2) - found.ends("neighbour_correlation", "none", 2)
    assert abs(change.mean()) < 0.1


@pytest.mark.slow
def test_a_recommender_of_the_like_minded_makes_them_from_nothing(study):
    assert study("people_recommenders").difference("neighbour_correlation", "like-minded", 1)[1] > 0.3


# -- the administrator's filter bubble ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_administrator_polarizes_two_camps_the_more_the_more_it_may_move(study):
    found = study("filter_bubble")
    assert found.levels("society.follows.homophily") == {1: 0, 2: 0.8}
    before, fifth, third = (
        found.ends("variance", arm, 2).mean() for arm in ("none", "twenty percent", "thirty percent")
    )
    assert fifth > 1.5 * before
    assert third > fifth
    assert found.difference("variance", "twenty percent", 2)[1] > 0


@pytest.mark.slow
def test_without_camps_next_to_nothing_is_gained(study):
    found = study("filter_bubble")
    assert (
        0
        < found.difference("variance", "twenty percent", 1)[0]
        < found.difference("variance", "twenty percent", 2)[0] / 3
    )


@pytest.mark.slow
def test_the_penalty_limits_the_filter_bubble(study):
    found = study("filter_bubble")
    assert (found.ends("variance", "regularised", 2) < found.ends("variance", "thirty percent", 2)).all()


# -- links by structural similarity ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_structural_similarity_leaves_two_sides_and_links_to_anybody_one(study):
    found = study("link_recommendation")
    for cell in found.levels("society.follows.homophily"):
        one_side = found.ends("variance", "random", cell).mean()
        assert found.difference("variance", "eta 4", cell)[0] > 2 * one_side


# -- the data's own users ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["polblogs_opinions", "ep9_opinions"])
def test_anybody_brings_opinions_together_and_the_like_minded_do_not(study, name):
    found, model = study(name), "friedkin_johnsen"
    random, _, high = found.difference("variance", "random", opinion=model)
    assert high < 0
    assert found.difference("variance", "similar", opinion=model)[0] > random


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arms"),
    [("polblogs_opinions", {"recommended"}), ("ep9_opinions", {"recommended members", "recommended motions"})],
)
def test_the_own_population_mediates(study, name, arms):
    table = study(name).tables["simulation_contrasts"]
    assert {arm.split(" by ")[0] for arm in table.arm} >= arms | {"random", "popular", "similar"}
    shown = table[table.arm.str.startswith("recommended") & (table.metric == "exposure_distance")]
    assert np.isfinite(shown.difference).all()
