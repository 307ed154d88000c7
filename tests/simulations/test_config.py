import pytest

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.simulations.config import Horizon, SimulationConfig, runs

PLAIN = {"opinions": ["friedkin_johnsen"], "arms": ["none", "random"]}


def config(**changes):
    return validate(SimulationConfig, Raw({**PLAIN, **changes}, {}))


def test_short_names_and_mappings_are_configurations():
    made = config(arms=["none", {"exposure": "random", "k": 3}], opinions=[{"opinion": "bounded_confidence"}])
    assert made.arms[1].k == 3
    assert made.opinions[0].label == "bounded_confidence"
    assert made.reference == "none"


def test_round_trip():
    made = config(seeds=[4, 2])
    assert SimulationConfig.model_validate(made.model_dump()) == made
    assert made.fingerprint() != config().fingerprint()


def test_runs_are_every_opinion_arm_and_seed():
    made = config(seeds=2, opinions=["friedkin_johnsen", "bounded_confidence"])
    found = [(run.opinion.label, run.arm.label, run.seed) for run in runs(made)]
    assert len(set(found)) == len(found) == 2 * 2 * 2
    assert [run.seed for run in runs(config(seeds=[7, 3]))] == [7, 3] * 2


def test_measured_steps_include_the_first_and_the_last():
    horizon = Horizon(steps=7, metrics_every=3)
    assert [step for step in range(8) if horizon.measures(step)] == [0, 3, 6, 7]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "a count of 1 to"),
        ({"seeds": []}, "seeds are"),
        ({"seeds": [1, 1]}, "different integers"),
        ({"seeds": [-1]}, "from 0 on"),
        ({"steps": 0}, "greater than or equal to 1"),
        ({"bounds": [1, -1]}, "least < greatest"),
        ({"noise": -0.1}, "greater than or equal to 0"),
        ({"opinions": []}, "at least 1 item"),
        ({"arms": ["random"]}, "no reference arm 'none'; arms: random"),
        ({"arms": ["none", "none"]}, "two entries are called 'none'"),
        ({"arms": ["none", {"exposure": "random", "strength": 1.2}]}, "less than or equal to 1"),
        ({"arms": ["none", {"exposure": "random", "k": 0}]}, "greater than or equal to 1"),
        ({"arms": ["none", "telepathic"]}, "no exposure 'telepathic'"),
        ({"opinions": [{"opinion": "bounded_confidence", "confidence": 2.5}]}, "exceeds the range 2"),
        ({"opinions": [{"opinion": "bounded_confidence", "confidence": -1}]}, "greater than 0"),
    ],
)
def test_bad_values_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        config(**changes)
