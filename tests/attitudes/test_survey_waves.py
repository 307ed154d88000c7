"""Waves of a survey are compared on the parties that they share."""

import numpy as np
import pytest

from hemicycle.attitudes.survey_waves import Wave, wave_consistency
from hemicycle.attitudes.validation import ValidationOptions
from hemicycle.core.errors import InputError

QUICK = ValidationOptions(draws=100, permutations=49)


def rng(seed=0):
    return np.random.default_rng(seed)


def waves():
    truth = rng().normal(5, 2, 40)
    parties = [f"party {k}" for k in range(40)]
    one = Wave(parties[:30], truth[:30] + 0.5 * rng(1).normal(size=30), np.full(30, 0.5))
    two = Wave(parties[10:][::-1], (truth[10:] + 1 + 0.5 * rng(2).normal(size=30))[::-1], np.full(30, 0.5))
    return {"2019": one, "2024": two}


def test_waves_are_compared_on_shared_parties():
    found = wave_consistency(waves(), rng(), QUICK).set_index("measure")
    assert found["n"].tolist() == [20, 20]
    assert found.loc["pearson", "value"] > 0.9
    assert found.loc["pearson", "value"] < found.loc["pearson", "corrected"] < 1.1
    assert found["shift"].iloc[0] == pytest.approx(1, abs=0.4)
    assert found["rmse"].iloc[0] < 1.2
    assert found.loc["pearson", "p_value"] == 1 / 50


def test_only_pairs_that_share_parties():
    three = {**waves(), "elsewhere": Wave(list("abcdef"), rng().normal(size=6))}
    found = wave_consistency(three, rng(), QUICK)
    assert set(zip(found["wave_a"], found["wave_b"], strict=True)) == {("2019", "2024")}


def test_waves_that_cannot_be_compared():
    alone = {"a": Wave(list("abcdef"), rng().normal(size=6)), "b": Wave(list("uvwxyz"), rng().normal(size=6))}
    with pytest.raises(InputError, match=r"no two waves share 5 parties \(a: 6, b: 6\)"):
        wave_consistency(alone, rng())
    with pytest.raises(InputError, match="1 wave"):
        wave_consistency({"a": alone["a"]}, rng())
    with pytest.raises(InputError, match="1 parties stand twice"):
        wave_consistency({**alone, "b": Wave(list("aacdef"), np.arange(6.0))}, rng())
    with pytest.raises(InputError, match="6 names, 5 values"):
        wave_consistency({**alone, "b": Wave(list("abcdef"), np.arange(5.0))}, rng())
    with pytest.raises(InputError, match=r"attitude is constant|label is constant"):
        wave_consistency({**alone, "b": Wave(list("abcdef"), np.ones(6))}, rng())
