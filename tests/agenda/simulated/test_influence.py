"""Options of simulated agendas: what they mean, and what is refused."""

import numpy as np
import pytest
from pydantic import ValidationError

from hemicycle.agenda.simulated.influence import (
    AgendaSimulation,
    Influence,
    Shock,
    coefficients,
    inertia,
    influence_lags,
    volumes,
)

EDGE = {"leader": "media", "follower": "public", "strength": 0.2}


def test_edges_and_matrix_say_the_same():
    edges = AgendaSimulation(influence=(Influence(**EDGE),), inertia=0.4)
    matrix = AgendaSimulation(matrix=((0, 0, 0), (0, 0, 0), (0.2, 0, 0)), inertia=0.4)
    np.testing.assert_array_equal(coefficients(edges), coefficients(matrix))
    assert edges.edges == matrix.edges
    wanted = [[0.4, 0, 0], [0, 0.4, 0], [0.2, 0, 0.4]]
    np.testing.assert_array_equal(coefficients(edges)[0], wanted)


def test_lags_and_groups_of_their_own():
    edge = Influence(**EDGE, lag=3)
    options = AgendaSimulation(
        influence=(edge,),
        inertia={"media": 0.1, "politicians": 0.2, "public": 0.3},
        posts={"media": 5, "politicians": 6, "public": 7},
    )
    assert options.lags == 3
    assert influence_lags(options)[2, 2, 0] == 0.2
    assert influence_lags(options).sum() == 0.2
    assert inertia(options).tolist() == [0.1, 0.2, 0.3]
    assert volumes(options).tolist() == [5, 6, 7]


def test_round_trip_and_other_edges():
    options = AgendaSimulation(influence=(Influence(**EDGE),), shocks=(Shock(topic="topic-1", day=3),))
    assert AgendaSimulation.model_validate(options.model_dump(mode="json")) == options
    assert options.with_influence().edges == ()
    assert AgendaSimulation(matrix=((0, 0.1, 0), (0, 0, 0), (0, 0, 0))).with_influence().matrix == ()
    assert options.with_influence(Influence(**EDGE | {"strength": 0.0})).lags == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"influence": [EDGE | {"leader": "press"}]}, "no group 'press'"),
        ({"influence": [EDGE, EDGE]}, "stands twice"),
        ({"influence": [EDGE | {"follower": "media"}]}, "influences itself"),
        ({"matrix": [[0, 1], [0, 0]]}, "make it 3 x 3"),
        ({"matrix": [[0.5, 0, 0], [0, 0, 0], [0, 0, 0]]}, "diagonal"),
        ({"matrix": [[0] * 3] * 3, "influence": [EDGE]}, "give one of them"),
        ({"inertia": 1.0}, "unstable: their spectral radius is 1.000"),
        ({"inertia": 0.9, "influence": [EDGE, EDGE | {"leader": "public", "follower": "media"}]}, "unstable"),
        ({"inertia": {"media": 0.5}}, "no inertia or posts for politicians, public"),
        ({"posts": {"press": 3}}, "no group 'press'"),
        ({"shocks": [{"topic": "war", "day": 1}]}, "no topic 'war'"),
        ({"shocks": [{"topic": "topic-0", "day": 365}]}, "after the last day"),
        ({"shocks": [{"topic": "topic-0", "day": 1, "groups": ["x"]}]}, "no group 'x'"),
        ({"groups": ["a", "a"]}, "same name"),
        ({"topics": 1}, "two at least"),
        ({"model": "hawkes", "influence": [EDGE | {"lag": 2}]}, "with lags"),
        ({"model": "hawkes", "influence": [EDGE | {"strength": -0.1}]}, "negative"),
        ({"model": "hawkes", "news": {"rate": 0.1}}, "with shocks"),
        ({"model": "hawkes", "posts": 0}, "without posts"),
    ],
)
def test_what_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        AgendaSimulation.model_validate(given)
