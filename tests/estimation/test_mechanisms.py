"""Movements of every mechanism against the literal loops, and the compiled sums."""

import numpy as np
import pytest
from estimation import planted_waves
from estimation.planted_waves import PLANTED, mechanism

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.estimation.catalogue import MECHANISMS
from hemicycle.estimation.estimate import EstimationOptions
from hemicycle.estimation.kernels import confident_pull, pooled_products, weighted_pull
from hemicycle.estimation.panel import panel_of

NO_WEIGHTS = np.empty(0, np.float32)


def test_the_catalogue_and_the_planted_mechanisms_are_the_same():
    assert set(MECHANISMS) == set(PLANTED)
    for name in MECHANISMS:
        own = mechanism(name)
        assert own.name == name
        assert set(own.coefficients) | ({own.shape} - {""}) == set(PLANTED[name])
        assert "x'" in own.formula
        assert isinstance(own.config, Options)


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_mechanism_moves_opinions_as_the_literal_loop(name):
    measured, graph, innate = planted_waves.waves(name, np.random.default_rng(3), n=80)
    own = panel_of(measured, [graph], innate, 0).transitions[0]
    planted, model = PLANTED[name], mechanism(name)
    coefficients = np.array([planted[parameter] for parameter in model.coefficients])
    moved = model.move(own.scene, own.before, (coefficients, planted.get(model.shape, 0.0)))
    wanted = planted_waves.step(name, graph, measured[:, 0], innate, planted)
    assert np.allclose(moved, wanted, atol=2e-4 if model.shape else 1e-12)  # influence is tabulated
    if name != "none":
        assert not np.allclose(moved, measured[:, 0])


def test_weights_and_users_without_sources():
    indptr, indices = np.array([0, 2, 2]), np.array([1, 0], np.int32)
    weights, opinions = np.array([3.0, 1.0], np.float32), np.array([0.0, 1.0])
    ones = (np.ones(2), 1.0)
    assert np.allclose(weighted_pull(indptr, indices, weights, opinions, ones), [0.75, 0.0])
    assert np.allclose(confident_pull(indptr, indices, weights, opinions, 1.0), [3 / 5, 0.0])
    assert np.allclose(confident_pull(indptr, indices, weights, opinions, 0.9), 0.0)


def test_sums_of_products_by_pool():
    z = np.random.default_rng(0).normal(size=(7, 3))
    found = pooled_products(z, np.array([0, 2, 2, 7]))
    assert np.allclose(found, [z[:2].T @ z[:2], np.zeros((3, 3)), z[2:].T @ z[2:]])


def test_an_unknown_mechanism_is_named():
    from hemicycle.core.config import Raw, validate

    with pytest.raises(InputError, match="bounded_confidence"):
        validate(EstimationOptions, Raw({"mechanisms": ["bounded_confidense"]}, {}))
    with pytest.raises(InputError, match="softnes"):
        validate(EstimationOptions, Raw({"mechanisms": [{"mechanism": "attraction_repulsion", "softnes": 1}]}, {}))
