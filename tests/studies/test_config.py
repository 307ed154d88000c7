"""What a study's configuration allows, inherits and refuses."""

import pytest
from pydantic import ValidationError

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.studies.config import StudyConfig, derivation_order, seeds_of

BASE = {"name": "x", "data": {"source": "voteview"}}
MF = {"recommender": {"model": "mf", "dim": 4}}
ARMS = ["none", {"exposure": "recommended", "k": 3}]
TALK = {"opinions": ["friedkin_johnsen"], "arms": ARMS, "mediators": {"mf": {"model": "mf"}}}
SOCIETY = {"users": 50}


def study(**values):
    return StudyConfig.model_validate({**BASE, "population": {"mf": MF}, **values})


def refused(**values):
    with pytest.raises(InputError) as caught:
        validate(StudyConfig, Raw({**BASE, "population": {"mf": MF}, **values}, {}))
    return str(caught.value)


def test_members_inherit_training_and_change_it():
    config = study(train={"epochs": 7, "lr": 0.5}, population={"a": MF, "b": {**MF, "train": {"lr": 0.1}}})
    assert config.population["a"].train == config.train
    assert config.population["b"].train == config.train.replace(lr=0.1)


def test_a_study_is_read_back_from_what_it_says():
    config = study(train={"epochs": 7}, society=SOCIETY, simulations={"talk": TALK})
    assert StudyConfig.model_validate(config.model_dump(mode="json")) == config
    assert config.replace(name="y").fingerprint() != config.fingerprint()
    assert config.simulations["talk"].name == "talk"


@pytest.mark.parametrize(("given", "meant"), [(3, [0, 1, 2]), ([4, 2], [4, 2]), ([0], [0])])
def test_seeds_are_a_count_or_a_list(given, meant):
    assert seeds_of(study(seeds=given).seeds) == meant


@pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-1], "two", 1.5, True])
def test_other_seeds_are_refused_in_one_sentence(seeds):
    with pytest.raises(ValidationError, match="a count of 1 to") as caught:
        study(seeds=seeds)
    assert caught.value.error_count() == 1


def test_a_wrong_training_option_is_told_once():
    message = refused(train={"epoch": 3}, population={"a": MF, "b": MF})
    assert message.count("unknown key") == 1
    assert "train.epoch" in message
    assert "did you mean 'epochs'" in message


def test_a_members_own_wrong_option_is_told_there():
    assert "population.a.train.epochs" in refused(population={"a": {**MF, "train": {"epochs": -1}}})


def test_all_problems_are_told_at_once():
    message = refused(k=0, threads=0, population={"mf": {"recommender": {"model": "mff"}}})
    assert all(part in message for part in ("k:", "threads:", "population.mf.recommender", "'mf'"))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ({}, "give one of recommender, embeddings, lists"),
        ({**MF, "embeddings": "a.parquet"}, "give one of"),
        ({"embeddings": "a.parquet", "lists": "b.parquet"}, "give"),
        ({**MF, "workers": 0}, "greater than or equal to 1"),
    ],
)
def test_a_member_is_trained_or_foreign(member, reason):
    assert reason in refused(population={"a": member})


def test_foreign_members_are_told_apart():
    config = study(population={"theirs": {"embeddings": "a.parquet", "vector": "v"}, "ours": MF})
    assert config.population["ours"].foreign is None
    assert config.population["theirs"].foreign.vector == "v"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"population": {}}, "the study does nothing"),
        ({"simulations": {"talk": TALK}}, "simulations need a society"),
        ({"society": SOCIETY, "simulations": {"talk": {**TALK, "mediators": {}}}}, "has no mediator"),
        ({"name": "a/b"}, "name"),
        ({"population": {"a b": MF}}, "population"),
        ({"society": SOCIETY, "simulations": {"talk": {**TALK, "reference": "silence"}}}, "no reference arm 'silence'"),
    ],
)
def test_what_does_not_fit_together_is_refused(values, reason):
    assert reason in refused(**values)


def test_a_reference_is_one_arm():
    two = {"a": {"model": "mf"}, "b": {"model": "mf"}}
    talk = {**TALK, "mediators": two, "reference": "recommended"}
    assert "several mediators" in refused(society=SOCIETY, simulations={"talk": talk})


def test_an_arm_names_its_mediator_by_key_or_model():
    for name in ("mine", "mf"):
        arms = ["none", {"exposure": "recommended", "model": name}]
        talk = {**TALK, "arms": arms, "mediators": {"mine": {"model": "mf"}}}
        assert study(society=SOCIETY, simulations={"talk": talk})


# -- derived members -------------------------------------------------------------------------------------------------

MMR = {"parent": "mf", "transform": {"transform": "mmr"}}


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ({**MMR, **MF}, "give one of"),
        ({"transform": "mmr"}, "a transform needs a parent"),
        ({"parent": "mf", "transform": {"transform": "blend", "parents": {"mf": {}}}}, "a blend names its parents"),
        ({**MF, "parent": "mf"}, "parent and strengths belong to a transform"),
        ({**MMR, "seeds": 2}, "has the seeds of its parents"),
        ({**MMR, "train": {"epochs": 2}}, "is not trained"),
        ({**MMR, "strengths": []}, "strengths are one or several different numbers"),
        ({**MMR, "strengths": [0.1, 0.1]}, "strengths are one or several different numbers"),
        ({**MMR, "strengths": [0, 1.5]}, "less than or equal to 1"),
        ({**MMR, "parent": "mg"}, "population.a: there is no member 'mg', only mf, a"),
        ({**MMR, "parent": "a"}, "population.a: its parents derive from itself"),
        ({**MMR, "transform": {"transform": "mmmr"}}, "did you mean 'mmr'"),
        ({**MMR, "transform": {"transform": "mmr", "strenght": 1}}, "did you mean 'strength'"),
    ],
)
def test_a_derived_member_has_parents_and_is_not_trained(member, reason):
    assert reason in refused(population={"mf": MF, "a": member})


@pytest.mark.parametrize(
    ("parent", "reason"),
    [
        ({**MMR, "strengths": [0, 1]}, "'b' has several strengths"),
        ({"embeddings": "b.parquet"}, "'b' has vectors but no scores"),
        ({"parent": "a", "transform": "mmr"}, "its parents derive from itself"),
    ],
)
def test_not_everything_can_be_a_parent(parent, reason):
    assert reason in refused(population={"mf": MF, "a": {**MMR, "parent": "b"}, "b": parent})


def test_a_grid_of_strengths_is_one_variant_each():
    members = {"mf": MF, "a": {**MMR, "strengths": [0, 0.25, 1]}, "b": MMR}
    config = study(train={"epochs": 7}, population=members)
    assert [(t.strength, suffix) for t, suffix in config.population["a"].variants()] == [
        (0.0, "-t0"),
        (0.25, "-t0.25"),
        (1.0, "-t1"),
    ]
    assert [suffix for _, suffix in config.population["b"].variants()] == [""]
    assert config.population["mf"].variants() == []
    assert StudyConfig.model_validate(config.model_dump(mode="json")) == config


def test_derived_members_wait_for_their_parents():
    members = {"c": {**MMR, "parent": "b"}, "b": MMR, "mf": MF, "a": {**MMR, "parent": "c"}}
    assert derivation_order(study(population=members).population) == ["b", "c", "a"]


def test_an_entry_that_is_refused_is_not_said_to_be_missing():
    wrong = {**TALK, "opinions": [{"opinion": "bounded_confidence", "confidence": -1}]}
    found = refused(society=SOCIETY, simulations={"talk": wrong})
    assert "confidence: values should be greater than 0" in found
    assert "at least 1 item" not in found


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"population": {"mf": MF}}, "population"),
        ({"simulations": {"talk": TALK}, "society": {"from_data": True}}, "society"),
        (
            {"simulations": {"talk": TALK}, "society": SOCIETY, "probes": [{"probe": "ridge", "labels": ["x"]}]},
            "probes",
        ),
    ],
)
def test_only_synthetic_societies_need_no_data(values, what):
    with pytest.raises(ValidationError, match=f"{what} needs users and what they did: say under 'data'"):
        StudyConfig.model_validate({"name": "x", **values})
    alone = StudyConfig.model_validate({"name": "x", "simulations": {"talk": TALK}, "society": SOCIETY})
    assert alone.data.source == "none"
