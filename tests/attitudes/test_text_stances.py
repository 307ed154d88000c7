"""A planted stance is read from texts; shuffled anchors read nothing."""

import numpy as np
import pytest
import scipy.sparse as sp

from hemicycle.attitudes.text_anchors import Anchors, anchors_from_labels, anchors_from_words, without_words
from hemicycle.attitudes.text_stances import StanceOptions, stances, stances_of_texts
from hemicycle.core.errors import InputError
from hemicycle.data.synthetic import SyntheticConfig, society
from hemicycle.graphs.texts import TextOptions

LEFT, RIGHT = [f"lefty{k}" for k in range(30)], [f"right{k}" for k in range(30)]
OTHER = [f"other{k}" for k in range(200)]


def written(seed, n_users=200, most=10, words=10):
    """Users with a stance, and their texts: words of a side come with it, one in three; most are of neither."""
    rng = np.random.default_rng(seed)
    stance = rng.normal(size=n_users)
    authors = np.repeat(np.arange(n_users), rng.integers(1, most, n_users))
    texts = []
    for author in authors:
        side = rng.random(words) < 1 / (1 + np.exp(-2 * stance[author]))
        own = rng.random(words) < 1 / 3
        choice = [
            rng.choice(RIGHT if right else LEFT) if one else rng.choice(OTHER)
            for right, one in zip(side, own, strict=True)
        ]
        texts.append(" ".join(choice))
    return stance, authors, texts


def correlation(found, stance):
    return float(np.corrcoef(found.values[found.known], stance[found.known])[0, 1])


WORDS = {"left": ["lefty0", "lefty1", "Lefty2", "lefty3"], "right": ["right0", "right1", "right2", "right3"]}


def test_words_of_two_sides_place_users():
    stance, authors, texts = written(0)
    anchors = anchors_from_words(texts, WORDS)
    found = stances_of_texts(texts, authors, 200, anchors, np.random.default_rng(0))
    assert correlation(found, stance) > 0.7
    assert found.held_out > 0.3 > np.abs(found.null).max()
    assert ((found.low < found.values) & (found.values < found.high))[found.known].all()


def test_anchor_words_left_out_leave_an_honest_score():
    stance, authors, texts = written(0)
    anchors = anchors_from_words(texts, WORDS)
    rest = without_words(texts, WORDS)
    options = StanceOptions(draws=10)
    found = [
        stances_of_texts(t, authors, 200, anchors, np.random.default_rng(0), options=options) for t in (texts, rest)
    ]
    assert found[0].held_out > 0.8 > found[1].held_out > found[1].null.max()
    assert correlation(found[1], stance) > 0.4


def test_shuffled_anchors_read_nothing():
    stance, authors, texts = written(0)
    anchors = anchors_from_words(texts, WORDS)
    found = []
    for seed in range(6):
        mixed = anchors.shuffled(np.random.default_rng(seed))
        options = StanceOptions(draws=0, shuffles=0)
        found.append(
            correlation(stances_of_texts(texts, authors, 200, mixed, np.random.default_rng(0), options=options), stance)
        )
    assert abs(np.mean(found)) < 0.3
    assert max(np.abs(found)) < 0.65


def test_labelled_users_place_the_others():
    stance, authors, texts = written(1)
    labels = [None if k >= 60 else ("b: right" if s > 0 else "a: left") for k, s in enumerate(stance)]
    anchors = anchors_from_labels(labels, authors)
    found = stances_of_texts(texts, authors, 200, anchors, np.random.default_rng(0))
    others = found.known & (np.arange(200) >= 60)
    assert np.corrcoef(found.values[others], stance[others])[0, 1] > 0.8
    seeds = found.known & (np.arange(200) < 60)
    both = [np.corrcoef(found.values[rows], stance[rows])[0, 1] for rows in (seeds, others)]
    assert both[0] < both[1] + 0.1  # nobody is placed by an axis fitted on that user's own label


def test_users_with_few_texts_are_unknown():
    _, authors, texts = written(2)
    anchors = anchors_from_words(texts, WORDS)
    found = stances_of_texts(
        texts, authors, 201, anchors, np.random.default_rng(0), options=StanceOptions(least_texts=4)
    )
    np.testing.assert_array_equal(found.n_texts, np.bincount(authors, minlength=201))
    np.testing.assert_array_equal(found.known, found.n_texts >= 4)
    assert np.isnan(found.low[~found.known]).all()


def test_intervals_cover_the_mean_of_endless_writing():
    rng = np.random.default_rng(3)
    axis = rng.normal(size=20) / 20**0.5
    stance = rng.normal(size=400)
    authors = np.repeat(np.arange(400), 8)
    vectors = np.outer(stance[authors], axis) + 0.5 * rng.normal(size=(3200, 20))
    seeds = np.flatnonzero(np.abs(stance[authors]) > 1)
    anchors = Anchors(seeds, np.sign(stance[authors][seeds]))
    found = stances(vectors, authors, 400, anchors, rng)
    others = np.abs(stance) <= 1
    slope, shift = np.polyfit(stance[others], found.values[others], 1)
    expected = slope * stance + shift
    inside = ((found.low <= expected) & (expected <= found.high))[others]
    assert 0.9 < inside.mean() < 0.99


def test_position_is_the_mean_over_texts():
    stance, authors, texts = written(4, n_users=60)
    vectors = np.random.default_rng(0).normal(size=(len(texts), 5)) + stance[authors, None]
    vectors[:3] = 0
    anchors = anchors_from_labels(["a" if s < 0 else "b" for s in stance], authors)
    found = stances(vectors, authors, 60, anchors, np.random.default_rng(0), options=StanceOptions(draws=0))
    assert np.isnan(found.texts[:3]).all()
    for user in np.flatnonzero(found.known):
        own = found.texts[authors == user]
        own = own[np.isfinite(own)]
        assert found.values[user] == pytest.approx(own.mean())
        assert found.high[user] - found.values[user] > 1.9 * own.std(ddof=1) / np.sqrt(len(own))


def test_a_planted_leaning_of_a_synthetic_society_is_recovered():
    """Items of a society have texts of their leaning; a user's texts are what he interacts with."""
    items = {"number": 800, "texts": True, "words": 12, "slant": 4}
    made = society(SyntheticConfig(users=200, items=items, dimensions=1, interactions={"per_user": 8}, seed=1))
    edges = made.relations["interactions"].table
    users, shared = edges["user"].to_numpy(), edges["item"].to_numpy()
    leaning = made.items["leaning_0"].to_numpy()
    texts = np.array(made.items["text"].to_pylist(), object)[shared]
    outer = np.abs(leaning[shared]) > 0.7
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(outer))[:300]
    anchors = Anchors(chosen, np.sign(leaning[shared][chosen]).astype(float))
    found = stances_of_texts(texts.tolist(), users, 200, anchors, np.random.default_rng(0))
    average = (
        sp.csr_array((np.ones(len(users)), (users, shared)), shape=(200, len(leaning))) @ leaning / np.bincount(users)
    )
    assert correlation(found, average) > 0.9
    assert correlation(found, made.users["attitude_0"].to_numpy()) > 0.5
    mixed = stances_of_texts(
        texts.tolist(), users, 200, anchors.shuffled(np.random.default_rng(1)), np.random.default_rng(0)
    )
    assert abs(mixed.held_out) < 0.25 < found.held_out


def test_same_key_same_result():
    _, authors, texts = written(5, n_users=80)
    anchors = anchors_from_words(texts, WORDS)
    one, two = (stances_of_texts(texts, authors, 80, anchors, np.random.default_rng(1)) for _ in range(2))
    for name in ("values", "low", "high", "null", "texts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


VECTORS = np.random.default_rng(0).normal(size=(40, 3))
AUTHORS = np.repeat(np.arange(10), 4)
SIDES = np.repeat([-1.0, 1.0], 20)
GOOD = Anchors(np.arange(40), SIDES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"authors": AUTHORS[:5]}, "authors of shape"),
        ({"authors": AUTHORS + 5}, "none of 10 users"),
        ({"vectors": VECTORS[:, 0]}, "vectors of shape"),
        ({"anchors": Anchors(np.arange(40), np.ones(40))}, "anchors of 1 group"),
        ({"anchors": Anchors(np.arange(22), SIDES[:22])}, "the group at 1 has 2 anchor texts"),
        ({"anchors": Anchors(np.zeros(40, int), SIDES)}, "stand twice"),
        ({"vectors": np.full((40, 3), np.nan)}, "0 anchor texts that are not empty"),
        ({"authors": np.where(SIDES > 0, 9, AUTHORS)}, "written by one author"),
    ],
)
def test_bad_input(changes, message):
    given = {"vectors": VECTORS, "authors": AUTHORS, "n_users": 10, "anchors": GOOD, **changes}
    with pytest.raises(InputError, match=message):
        stances(**given, rng=np.random.default_rng(0))


def test_any_space_of_texts():
    stance, authors, texts = written(6)
    anchors = anchors_from_words(texts, WORDS)
    found = stances_of_texts(
        texts, authors, 200, anchors, np.random.default_rng(0), space=TextOptions(dims=16, ngrams=2)
    )
    assert correlation(found, stance) > 0.5
