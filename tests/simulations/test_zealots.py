import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.simulations.society import Society
from hemicycle.simulations.zealots import ZealotConfig, with_zealots

N = 40


def society(dims=1):
    ring = np.arange(N)
    graph = InteractionGraph.from_edges(ring, (ring + 1) % N, N, N, social=True)
    opinions = np.linspace(-0.9, 0.9, N * dims, dtype=np.float32).reshape(N, dims)
    return Society(graph, opinions, groups=np.where(ring < 10, "left", "right"))


def test_nobody_without_zealots():
    made = society()
    assert with_zealots(made, None, 0) is made


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 1.0])
def test_a_share_is_drawn_by_the_seed(share):
    fixed = [with_zealots(society(), ZealotConfig(share=share), seed).fixed for seed in (1, 1, 2)]
    assert fixed[0].sum() == max(1, round(share * N))
    np.testing.assert_array_equal(fixed[0], fixed[1])
    assert share == 1 or (fixed[0] != fixed[2]).any()


def test_who_is_drawn_does_not_depend_on_opinions_and_more_keep_those_before():
    one, other = society(), society(2)
    few, many = (with_zealots(one, ZealotConfig(share=s), 3).fixed for s in (0.1, 0.3))
    np.testing.assert_array_equal(few, with_zealots(other, ZealotConfig(share=0.1), 3).fixed)
    assert (many | ~few).all()


def test_members_of_a_group_or_the_most_extreme():
    left = with_zealots(society(), ZealotConfig(share=0.5, group="left"), 0).fixed
    assert left[:10].sum() == 5
    assert not left[10:].any()
    ends = with_zealots(society(), ZealotConfig(share=0.1, extreme=True), 0).fixed
    assert set(np.flatnonzero(ends)) == {0, 1, N - 2, N - 1}


def test_they_stand_where_they_are_put_and_others_where_they_were():
    before = society(2)
    after = with_zealots(before, ZealotConfig(share=0.2, position=(1.0, -1.0)), 0)
    np.testing.assert_array_equal(after.opinions[after.fixed], [[1.0, -1.0]] * 8)
    np.testing.assert_array_equal(after.opinions[~after.fixed], before.opinions[~after.fixed])
    assert after.opinions.dtype == before.opinions.dtype


def test_those_who_were_fixed_stay_fixed():
    first = with_zealots(society(), ZealotConfig(share=0.2, group="left"), 0)
    both = with_zealots(first, ZealotConfig(share=0.2, group="right"), 0)
    assert both.fixed.sum() == 2 + 6


@pytest.mark.parametrize(
    ("given", "message"),
    [({"group": "middle"}, r"(?s)no group 'middle'.*left, right"), ({"position": (1.0, 1.0)}, "2 coordinates")],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        with_zealots(society(), ZealotConfig(share=0.1, **given), 0)
