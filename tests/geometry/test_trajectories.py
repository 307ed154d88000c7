"""Maps along training: turned alike, honest before there is anything to see, and closed about people."""

import numpy as np
import pytest

from hemicycle.core.disclosure import K
from hemicycle.core.errors import InputError
from hemicycle.geometry.projection import Mapped
from hemicycle.geometry.trajectories import TRAJECTORY, Course, align, supervised_plane, trajectory, trajectory_table


def training(n=200, d=12, seed=0):
    """Vectors at four epochs, in which a label grows out of noise; every epoch is turned at random."""
    source = np.random.default_rng(seed)
    label, noise = source.standard_normal(n), source.standard_normal((n, d))
    made = {}
    for epoch, strength in ((0, 0.0), (2, 1.0), (4, 3.0), (8, 3.2)):
        x = noise.copy()
        x[:, 0] += strength * label
        x[:, 1] *= 1.5
        made[epoch] = x @ np.linalg.qr(source.standard_normal((d, d)))[0]
    return label, made


def course(label, made, *, public=True, **changes):
    names = np.array([f"member {i}" for i in range(len(label))])
    about = Mapped("left", label, np.where(label > 0, "r", "l"), names, public=public)
    return Course(made, 8, about, changes.pop("groups", {}), **changes)


def plane(rows, epoch):
    return np.array([(row["x"], row["y"]) for row in rows if row["epoch"] == epoch])


@pytest.mark.parametrize("mirror", [1, -1])
def test_a_turned_mirrored_and_scaled_plane_is_put_back(mirror):
    points = np.random.default_rng(0).standard_normal((50, 2)) * (2, 1)
    turn = np.array([[np.cos(1), -np.sin(1)], [mirror * np.sin(1), mirror * np.cos(1)]])
    found = align(5 * points @ turn + 3, points)
    assert found.residual == pytest.approx(0, abs=1e-9)
    centred = points - points.mean(axis=0)
    np.testing.assert_allclose(found.points, centred / np.sqrt((centred**2).sum(axis=1).mean()), atol=1e-9)


def test_unrelated_planes_leave_nearly_everything_over():
    source = np.random.default_rng(0)
    assert align(source.standard_normal((2000, 2)), source.standard_normal((2000, 2))).residual > 0.98


def test_rows_that_the_reference_does_not_know_have_no_say():
    points = np.random.default_rng(0).standard_normal((60, 2))
    reference = points.copy()
    reference[50:] = np.nan
    points[50:] *= 100
    assert align(points, reference).residual == pytest.approx(0, abs=1e-9)
    assert np.isnan(align(points, np.full((60, 2), np.nan)).residual)


def test_principal_planes_come_to_lie_on_the_best_one():
    rows = trajectory(course(*training()), "pca")
    residual = {row["epoch"]: row["residual"] for row in rows}
    assert residual[8] == pytest.approx(0, abs=1e-9)
    assert residual[4] < 0.1
    assert residual[0] > 0.5
    for axis in (0, 1):
        assert np.corrcoef(plane(rows, 4)[:, axis], plane(rows, 8)[:, axis])[0, 1] > 0.9
    assert np.isnan([row["r2"] for row in rows]).all()


def test_models_are_turned_onto_a_common_reference():
    label, made = training()
    reference = np.column_stack([np.random.default_rng(1).standard_normal(len(label)), 3 * label])
    rows = trajectory(course(label, made, reference=reference), "pca")
    assert np.corrcoef(plane(rows, 8)[:, 1], label)[0, 1] > 0.9
    first = next(row for row in rows if row["epoch"] == 8)
    assert 0 < first["residual_reference"] < 0.9


def test_before_training_the_label_is_not_separated_though_a_fit_would_do_so():
    label, made = training(n=60, d=30)
    rows = trajectory(course(label, made), "supervised")
    r2 = {row["epoch"]: row["r2"] for row in rows}
    assert r2[0] < 0.1
    assert r2[4] > 0.5
    assert np.corrcoef(plane(rows, 0)[:, 0], label)[0, 1] < 0.4
    centred = made[0] - made[0].mean(axis=0)
    in_sample = centred @ np.linalg.lstsq(centred, label, rcond=None)[0]
    assert np.corrcoef(in_sample, label)[0, 1] > 0.6


def test_the_second_axis_is_the_first_component_of_the_rest_and_keeps_its_side():
    label, made = training()
    rows = trajectory(course(label, made), "supervised")
    best = plane(rows, 8)
    assert abs(np.corrcoef(best.T)[0, 1]) < 0.15
    assert np.corrcoef(plane(rows, 4)[:, 1], best[:, 1])[0, 1] > 0.5


def test_a_label_of_groups_is_told_by_other_groups():
    source = np.random.default_rng(0)
    party = source.integers(0, 30, 300)
    values, x = source.standard_normal(30)[party], source.standard_normal((30, 10))[party]
    assert supervised_plane(x, values, {})[1] > 0.25
    assert supervised_plane(x, values, {"party": party})[1] < 0.2


def test_users_without_the_label_are_placed_too():
    label, made = training()
    known = label.copy()
    label[:30] = np.nan
    points, _ = supervised_plane(made[8], label, {})
    assert np.isfinite(points).all()
    assert np.corrcoef(points[:30, 0], known[:30])[0, 1] > 0.8


def test_public_entities_have_names_and_others_only_cells():
    label, made = training()
    table = trajectory_table([{"record_id": "a", "layer": "0", **r} for r in trajectory(course(label, made), "pca")])
    assert tuple(table.column_names) == TRAJECTORY
    assert table.num_rows == 4 * 200
    cells = trajectory(course(label, made, public=False), "supervised")
    assert {row["entity_name"] for row in cells} == {""}
    assert min(row["n"] for row in cells) >= K


def test_what_cannot_be_followed():
    label, made = training()
    with pytest.raises(InputError, match="no checkpoint of epoch 8"):
        trajectory(course(label, {0: made[0]}), "pca")
    with pytest.raises(InputError, match="200 users with the label, of 1 values"):
        trajectory(course(np.ones(200), made), "supervised")
    with pytest.raises(InputError, match="0 users with the label"):
        supervised_plane(made[0], np.full(200, np.nan), {})
