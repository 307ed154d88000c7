"""The ODD protocol says what the configuration says, for every model that there is."""

import pytest

from hemicycle.exposure.catalogue import EXPOSURE, EXPOSURES
from hemicycle.opinions.catalogue import OPINION, OPINIONS
from hemicycle.simulations.protocol import described, markdown, protocol

CONFIG = {
    "question": "What does exposure do?",
    "society": {"users": 500, "dimensions": 2, "follows": {"per_user": 12.0}},
    "simulations": {
        "loop": {
            "steps": 20,
            "bounds": [-1.0, 1.0],
            "seeds": 3,
            "vary": ["simulation"],
            "costly_every": 0,
            "opinions": [{"opinion": "bounded_confidence", "name": None, "confidence": 0.5}],
            "arms": [{"exposure": "none"}, {"exposure": "recommended", "name": "erased", "update": "retrain"}],
            "conduct": {"unfollow": 0.1, "choice": {"kind": "logit"}},
            "knowledge": {"folds": 5},
            "zealots": {"share": 0.1},
            "grid": {"society.follows.homophily": [0, 2]},
        }
    },
}


def test_a_study_without_simulations_has_no_protocol():
    assert protocol({"simulations": {}}) == []
    assert markdown([]) == ""


def test_all_seven_elements():
    titles = [section.title for section in protocol(CONFIG)]
    assert [title[0] for title in titles] == list("1234567")
    assert titles[-1] == "7. Submodels"


@pytest.mark.parametrize(
    "said",
    [
        "What does exposure do?",
        "500 synthetic users, each with a current opinion in 2 dimensions",
        "erased (recommended)",
        "3 seeds, which change all that is drawn on the way",
        "society.follows.homophily in 0, 2",
        "users of loop also change whom they follow",
        "mediators are brought up to date (retrain)",
        "costly measures never",
        "zealots: share 0.1",
        "Hegselmann and Krause (JASSS 5(3), 2002)",
        "Values: confidence 0.5.",
    ],
)
def test_the_text_says_what_was_configured(said):
    assert said in markdown(protocol(CONFIG))


@pytest.mark.parametrize(
    ("catalogue", "name"), [*((OPINION, name) for name in OPINIONS), *((EXPOSURE, name) for name in EXPOSURES)]
)
def test_every_model_is_described_without_marks_of_the_documentation(catalogue, name):
    text = described(catalogue, name)
    assert len(text) > 30
    assert ":func:" not in text
    assert ":mod:" not in text
