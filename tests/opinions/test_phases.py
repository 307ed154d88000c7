import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from hemicycle.core.errors import InputError
from hemicycle.opinions.phases import (
    activity_eigenvalue,
    activity_moments,
    component_widths,
    critical_controversialness,
    stationary,
    two_islands,
)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 2.1, 3.0])
def test_moments_of_activities_are_the_integrals(exponent):
    mass, first, second = (quad(lambda a, k=k: a ** (k - exponent), 0.01, 1)[0] for k in range(3))
    np.testing.assert_allclose(activity_moments(exponent), (first / mass, second / mass), rtol=1e-8)


def growth(alpha, activity, reciprocity, influence=3.0, contacts=10):
    """Largest growth rate of the linear mean field, from its dense matrix."""
    n = len(activity)
    likely = contacts * (activity[None, :] + reciprocity * activity[:, None]) / n
    return np.linalg.eigvals(influence * alpha * likely - np.eye(n)).real.max()


@given(st.floats(0, 1), st.integers(0, 99))
def test_growth_of_the_mean_field_changes_sign_at_the_threshold(reciprocity, seed):
    activity = np.random.default_rng(seed).uniform(0.01, 1, 12)
    moments = (float(activity.mean()), float((activity**2).mean()))
    critical = critical_controversialness(3.0, 10, reciprocity, moments)
    assert growth(0.999 * critical, activity, reciprocity) < 0 < growth(1.001 * critical, activity, reciprocity)
    np.testing.assert_allclose(growth(critical, activity, reciprocity), 0, atol=1e-9)


def test_equal_activities_give_the_homogeneous_threshold():
    assert activity_eigenvalue((0.3, 0.09), 0.5) == pytest.approx(0.45)


def test_overlapping_topics_become_unstable_sooner_by_the_largest_eigenvalue():
    moments = activity_moments()
    alone, together = (critical_controversialness(3, 10, 0.5, moments, ((1, c), (c, 1))) for c in (0.0, 0.6))
    assert alone / together == pytest.approx(1.6)


@given(st.floats(0, 3), st.floats(1.01, 50))
def test_islands_end_where_one_step_leaves_them(bias, homophily):
    x = two_islands(bias, homophily)
    assert 0.5 <= x <= 1
    said = (homophily * x + 1 - x) / (homophily + 1)
    up, down = x**bias * said, (1 - x) ** bias * (1 - said)
    assert up / (up + down) == pytest.approx(x, abs=1e-9)
    assert (x == 1) >= (bias >= 1)
    assert (x == 0.5) >= (bias <= 2 / (homophily + 1) and bias < 1)


@pytest.mark.parametrize(("bias", "homophily"), [(-0.1, 2), (0.5, 1), (0.5, 0.2)])
def test_islands_refuse_what_the_theorem_does_not_cover(bias, homophily):
    with pytest.raises(InputError, match="homophily > 1"):
        two_islands(bias, homophily)


def test_components_hold_together_whatever_the_direction_and_include_outlets():
    x = np.array([[0.0], [0.3], [0.9], [1.0]])
    places = np.concatenate([x, [[0.5]]])
    dense = np.zeros((4, 5))
    dense[1, 0] = dense[2, 3] = dense[2, 4] = 1
    sources = sources_of(dense, places)
    np.testing.assert_allclose(np.sort(component_widths(sources, x)), [0.3, 0.5])
    assert stationary(sources, x, 0.5)
    assert not stationary(sources, x, 0.4)
