"""Leakage after erasure: nested, with its control, at chance where nothing linear is left."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.erasure import leakage
from hemicycle.probes.target import Target
from hemicycle.transforms.erasers import EraserOptions, fit, label_columns

LINEAR = {"class": PROBE.validate({"probe": "least_squares"}), "number": PROBE.validate({"probe": "ridge"})}


def planted(n=240, d=8, seed=0):
    """Vectors with a class in their first axis, linearly, and in the length of two others, not linearly."""
    source = np.random.default_rng(seed)
    y = np.arange(n) % 2
    x = source.normal(size=(n, d))
    x[:, 0] += 3 * y
    x[:, 1:3] *= np.where(y, 3.0, 0.3)[:, None]
    return x, Target("side", np.where(y, "left", "right").astype(object))


def erased(x, target, strengths, seen=None, method="leace"):
    columns = label_columns([target.values])

    def variants(train):
        if seen is not None:
            seen.append(train)
        eraser = fit(x[train], columns[train], EraserOptions(method=method))
        return [(t, eraser.apply(x, t)) for t in strengths]

    return variants


def read(x, target, strengths=(0.0, 1.0), configs=(LINEAR["class"],), **options):
    rows = leakage(erased(x, target, strengths, **options), [target], {target.attribute: configs})
    return {(row["at"], row["probe"]): row for row in rows}


def test_a_linear_reader_falls_to_the_majority_and_another_does_not():
    x, target = planted()
    near = PROBE.validate({"probe": "knn_classes"})
    rows = read(x, target, configs=(LINEAR["class"], near))
    assert rows[0.0, "least_squares"]["accuracy"] > 0.9
    assert abs(rows[1.0, "least_squares"]["accuracy"] - rows[1.0, "least_squares"]["majority"]) < 0.05
    assert rows[1.0, "knn_classes"]["accuracy_low"] > 0.6
    assert rows[0.0, "least_squares"]["majority"] == 0.5


def test_every_score_has_its_interval_and_its_control():
    for row in read(*planted()).values():
        assert row["ci_low"] <= row["score"] <= row["ci_high"]
        assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
        assert row["control"] == "permuted"
        assert row["control_low"] <= row["control_score"] <= row["control_high"]
        assert row["selectivity"] == pytest.approx(row["score"] - row["control_score"])
        assert abs(row["control_score"] - 0.5) < 0.06


def test_the_eraser_never_sees_who_is_judged():
    """Each training set leaves one fold out, and together they leave out everyone once."""
    x, target = planted(n=100)
    seen = []
    read(x, target, seen=seen)
    assert len(seen) == 5
    np.testing.assert_array_equal(np.sum([~train for train in seen], axis=0), np.ones(100))
    assert all((~train).sum() == 20 for train in seen)


def test_an_eraser_of_nothing_gives_the_probe_s_own_score():
    from hemicycle.probes.base import RECORD
    from hemicycle.probes.probe import probe_embedding

    x, target = planted()
    plain = probe_embedding(x, target, LINEAR["class"], dict.fromkeys(RECORD, 0))[0]
    found = read(x, target)[0.0, "least_squares"]
    for name in ("score", "ci_low", "ci_high", "control_score"):
        assert found[name] == pytest.approx(plain[name])


def test_numbers_have_no_majority_and_labels_may_be_missing():
    source = np.random.default_rng(1)
    x = source.normal(size=(200, 5))
    values = x[:, 0] + 0.1 * source.normal(size=200)
    values[::7] = np.nan
    rows = read(x, Target("dim1", values), configs=(LINEAR["number"],))
    assert rows[0.0, "ridge"]["score"] > 0.9
    assert abs(rows[1.0, "ridge"]["score"]) < 0.05
    assert np.isnan(rows[0.0, "ridge"]["majority"])
    assert np.isnan(rows[0.0, "ridge"]["accuracy"])
    assert rows[0.0, "ridge"]["n"] == np.isfinite(values).sum()


def test_some_folds_alone_judge_their_own_rows():
    x, target = planted(n=100)
    (row,) = leakage(erased(x, target, (0.0,)), [target], {"side": (LINEAR["class"],)}, folds=2)
    assert row["n"] == 40


def test_folds_are_by_group_where_the_label_is_constant_within_it():
    x, target = planted()
    party = np.array([f"party {side}{i % 30}" for i, side in enumerate(target.values)], object)
    (row,) = leakage(
        erased(x, target, (0.0,)), [Target("side", target.values, {"party": party})], {"side": (LINEAR["class"],)}
    )
    assert "by party" in row["cv"]
    assert row["n_groups"] == len(np.unique(party))


@pytest.mark.parametrize(
    ("values", "broken", "message"),
    [
        (np.full(60, None, object), False, "no row has this label"),
        (np.full(60, "left", object), False, "no two classes"),
        (np.array(["left", "right"] * 30, object), True, "not finite"),
    ],
)
def test_what_cannot_be_read_is_refused(values, broken, message):
    x = np.full((60, 3), np.nan) if broken else np.random.default_rng(0).normal(size=(60, 3))
    with pytest.raises(InputError, match=message):
        leakage(lambda _: [(0.0, x)], [Target("side", values)], {"side": (LINEAR["class"],)})
