import numpy as np
import pytest

from hemicycle.attitudes.affine_map import MAP_COLUMNS, fit_map, party_points
from hemicycle.attitudes.leave_out import Candidate, Points, choose, fit, held_out_errors, nested_predictions
from hemicycle.attitudes.map_scores import MapOptions, candidates_of
from hemicycle.attitudes.parties import PartyPositions
from hemicycle.core.errors import InputError

GRID = [Candidate(dims, ridge) for dims in (1, 2, 3) for ridge in (0.01, 0.1, 1.0)]


def society(parties=40, dims=6, noise=0.3, seed=0, members=5):
    """Actors around party points; the first attitude lies in two dimensions, the second is noise."""
    random = np.random.default_rng(seed)
    points = random.standard_normal((parties, dims)) / np.arange(1, dims + 1)
    codes = np.repeat(np.arange(parties), members)
    actors = points[codes] + 0.05 * random.standard_normal((len(codes), dims))
    true = 5 + 2 * points[:, 0] - 3 * points[:, 1] + noise * random.standard_normal(parties)
    means = np.column_stack([true, random.uniform(0, 10, parties)])
    return actors, codes, positions(means)


def positions(means, sds=np.nan, countries=None):
    n, a = means.shape
    names = tuple(f"p{i}" for i in range(n))
    attitudes = ("planted", "noise", "third")[:a]
    lands = countries or ("",) * n
    return PartyPositions(names, names, lands, attitudes, means, np.full((n, a), sds), np.full(n, np.nan))


def refitted(points, values, candidate, rows):
    """Ridge on the other rows by solving it, standardised as with all."""
    rest = np.setdiff1d(np.arange(len(values)), rows)
    w = points.weights / points.weights.sum()
    centre = w @ points.coordinates
    spread = np.sqrt(w @ (points.coordinates - centre) ** 2)
    x = np.column_stack([np.ones(len(values)), ((points.coordinates - centre) / spread)[:, : candidate.dims]])
    penalty = candidate.ridge * np.diag([0.0, *np.ones(candidate.dims)])
    xw = x[rest] * w[rest, None]
    return x[rows] @ np.linalg.solve(xw.T @ x[rest] + penalty, xw.T @ values[rest])


@pytest.mark.parametrize("grouped", [False, True])
def test_held_out_errors_equal_refitting_without_the_point(grouped):
    random = np.random.default_rng(1)
    groups = np.arange(15) % 4 if grouped else None
    points = Points(random.standard_normal((15, 4)), random.uniform(0.5, 2, 15), groups)
    values = random.standard_normal((15, 2))
    for candidate, errors in zip(GRID, held_out_errors(points, values, GRID), strict=True):
        for rows in points.folds:
            expected = values[rows] - refitted(points, values, candidate, rows)
            np.testing.assert_allclose(errors[rows], expected, atol=1e-10)


def test_nested_predictions_choose_without_the_point():
    random = np.random.default_rng(2)
    points, values = Points(random.standard_normal((14, 4)), np.ones(14)), random.standard_normal((14, 1))
    found = nested_predictions(points, values, GRID)
    for row in range(14):
        rest = np.arange(14) != row
        best = GRID[choose(points.rows(rest), values[rest], GRID)[0]]
        model = fit(points.rows(rest), values[rest], best)
        np.testing.assert_allclose(found[row], model.predict(points.coordinates[[row]])[0])


def test_the_sparing_choice_takes_fewer_dimensions():
    actors, codes, survey = society(noise=0.5)
    points = Points(party_points(actors, codes).coordinates, np.ones(40))
    candidates = [Candidate(k, 0.01) for k in range(1, 7)]
    values = survey.means[:, :1]
    least, spare = (candidates[choose(points, values, candidates, sparing=s)[0]].dims for s in (False, True))
    assert 2 == spare <= least


def test_a_planted_attitude_is_found_and_noise_is_not():
    actors, codes, survey = society()
    found = fit_map(party_points(actors, codes), survey, MapOptions())
    assert list(found.results.columns) == list(MAP_COLUMNS)
    planted, noise = found.results.to_dict("records")
    assert planted["r2_nested"] > 0.9
    assert planted["r2_in_sample"] >= planted["r2_loo"] >= planted["r2_nested"] - 0.05
    assert planted["ci_low"] < planted["r2_nested"] < planted["ci_high"]
    assert noise["r2_nested"] < 0.1
    assert planted["control_low"] <= planted["control_mean"] <= planted["control_high"] < 0.3
    assert planted["control_mean"] < 0.02
    predicted = found.predict(actors)[:, 0]
    assert np.corrcoef(predicted, survey.means[codes, 0])[0, 1] > 0.95


def test_the_same_seed_gives_the_same_table():
    actors, codes, survey = society(parties=15)
    first, again = (fit_map(party_points(actors, codes), survey, MapOptions()).results for _ in range(2))
    other = fit_map(party_points(actors, codes), survey, MapOptions(seed=1)).results
    assert first.equals(again)
    assert first["control_mean"][0] != other["control_mean"][0]


@pytest.mark.slow
def test_intervals_of_the_map_cover_the_true_position():
    covered = []
    for seed in range(20):
        actors, codes, survey = society(parties=30, seed=seed, noise=0.8)
        found = fit_map(party_points(actors, codes), survey, MapOptions(dims=(2,)))
        place = np.random.default_rng(seed).standard_normal((20, 6)) / np.arange(1, 7)
        true = 5 + 2 * place[:, 0] - 3 * place[:, 1]
        half = 1.96 * found.errors(place)[:, 0]
        covered.append(np.mean(np.abs(found.predict(place)[:, 0] - true) <= half))
    assert 0.85 < np.mean(covered) < 0.99


def test_survey_deviations_widen_the_intervals():
    actors, codes, survey = society(parties=25)
    vague = positions(survey.means, sds=2.0)
    sure, unsure = (fit_map(party_points(actors, codes), s, MapOptions(experts=4)) for s in (survey, vague))
    assert (unsure.errors(actors)[:, 0] > 1.2 * sure.errors(actors)[:, 0]).mean() > 0.9
    assert np.isnan(sure.results["survey_low"]).all()
    assert unsure.results["survey_low"][0] < unsure.results["survey_high"][0]


def test_errors_are_the_spread_of_refitted_predictions():
    actors, codes, survey = society(parties=20)
    found = fit_map(party_points(actors, codes), survey, MapOptions())
    x = np.column_stack([np.ones(len(actors)), actors])
    expected = np.sqrt(np.einsum("ni,aij,nj->na", x, found.covariances, x))
    np.testing.assert_allclose(found.errors(actors), expected, rtol=1e-6)


def test_parties_without_a_position_do_not_count_for_it():
    actors, codes, survey = society()
    gaps = survey.means.copy()
    gaps[:7, 0] = np.nan
    results = fit_map(party_points(actors, codes), positions(gaps), MapOptions()).results
    assert results["n_parties"].tolist() == [33, 40]


def test_parties_with_few_actors_are_dropped_and_said():
    actors, codes, _ = society(parties=8)
    codes = np.where(codes == 3, -1, codes)
    codes[np.flatnonzero(codes == 5)[1:]] = -1
    found = party_points(actors, codes, min_actors=2)
    assert found.rows.tolist() == [0, 1, 2, 4, 6, 7]
    assert found.notes == ("1 parties with fewer than 2 actors dropped",)
    np.testing.assert_allclose(found.coordinates[0], actors[codes == 0].mean(axis=0))


def test_countries_are_held_out_whole():
    actors, codes, survey = society()
    countries = tuple("abcdefgh"[i % 8] for i in range(40))
    shifted = survey.means + 4 * np.array([ord(c) - 100 for c in countries])[:, None]
    apart = positions(shifted, countries=countries)
    points = party_points(actors, codes)
    party, country = (fit_map(points, apart, MapOptions(leave_out=k)).results for k in ("party", "country"))
    assert country["left_out"][0] == "country"
    assert country["r2_nested"][0] != party["r2_nested"][0]


def test_more_dimensions_than_parties_are_refused():
    with pytest.raises(InputError, match="8 dimensions for 8 parties"):
        candidates_of(MapOptions(dims=(8,)), 8, 20)
    with pytest.raises(InputError, match="12 dimensions for 40 parties and 10 coordinates"):
        candidates_of(MapOptions(dims=(12,)), 40, 10)
    assert {c.dims for c in candidates_of(MapOptions(), 8, 20)} == {1, 2}, "never parties - 1 by default"


def test_too_few_parties_and_constant_attitudes_are_refused():
    actors, codes, survey = society(parties=5)
    with pytest.raises(InputError, match="5 parties have enough actors"):
        fit_map(party_points(actors, codes), survey, MapOptions())
    actors, codes, survey = society(parties=9)
    flat = survey.means.copy()
    flat[:, 1] = 3
    flat[:5, 0] = np.nan
    with pytest.raises(InputError, match="noise is the same for all parties") as error:
        fit_map(party_points(actors, codes), positions(flat), MapOptions())
    assert "planted is known of 4 parties" in str(error.value)


def test_actors_may_weigh():
    actors, codes, survey = society(parties=12)
    codes[:20] = 0
    equal, by_actors = (
        fit_map(party_points(actors, codes), survey, MapOptions(weights=w)).intercepts for w in ("equal", "actors")
    )
    assert not np.allclose(equal, by_actors)
