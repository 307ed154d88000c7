"""Effects against the truth, against statsmodels, and in designs with holes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from hemicycle.core.errors import InputError
from hemicycle.search.coding import TREND, Factor
from hemicycle.search.designs import DesignConfig, levels
from hemicycle.search.effects import EFFECTS, SEED, TESTS, _brown_forsythe, effects
from hemicycle.search.linear import HC3, POOLED, Fit, Layout, holm

MODEL, DIM, LAYERS, L2 = "recommender.model", "recommender.dim", "recommender.layers", "train.l2"
SEEDS = 4
TRUTH = {(MODEL, "lightgcn"): 0.05, (DIM, "16"): 0.02, (DIM, "32"): 0.04, (DIM, "per doubling"): 0.02}
TRUTH |= {(L2, "0.01"): 0.0, (LAYERS, "2"): 0.0}
REPLICATIONS = 300


def grid(**changes):
    factors = {MODEL: ["mf", "lightgcn"], DIM: [8, 16, 32], L2: [0.0, 0.01]}
    return levels("grid", DesignConfig.model_validate({"factors": factors, **changes}))


def nested():
    factors = {MODEL: ["mf", "lightgcn"], DIM: [8, 16, 32], L2: [0.0, 0.01], LAYERS: [1, 2]}
    return grid(factors=factors, only={LAYERS: {MODEL: ["lightgcn"]}})


def outcomes(table, key, replications=1, *, seeds=SEEDS, interaction=0.0, spread=1.0):  # noqa: PLR0913 each is a cause of its own
    """Planted effects, a seed's luck, noise of .02; lists differ by ``interaction`` between models under each l2."""
    rng = np.random.default_rng(key)
    wide = table.pivot_table(aggfunc="first", index="member", columns="factor", values="level")
    lightgcn = (wide[MODEL] == "lightgcn").to_numpy()
    mean = 0.3 + 0.05 * lightgcn + 0.02 * wide[DIM].map({"8": 0, "16": 1, "32": 2}).to_numpy()
    mean = mean + interaction * np.where(lightgcn, 1, -1) * np.where(wide[L2] == "0.01", 1, -1)
    shape = (replications, len(wide), seeds)
    noise = 0.02 * rng.normal(size=shape) * np.where(lightgcn, spread, 1)[None, :, None]
    values = mean[None, :, None] + 0.03 * rng.normal(size=(replications, 1, seeds)) + noise
    names = [f"outcome {r}" for r in range(replications)]
    index = pd.MultiIndex.from_product([names, wide.index, range(seeds)], names=["outcome", "member", "seed"])
    return pd.DataFrame({"value": values.ravel()}, index=index).reset_index().assign(design="grid")


def covered(found, low="ci_low", high="ci_high"):
    truth = np.array([TRUTH[key] for key in zip(found["factor"], found["level"], strict=True)])
    return (found[low] <= truth) & (truth <= found[high])


def rates(table, key, **kind):
    found, tests = effects(table, outcomes(table, key, REPLICATIONS, **kind))
    hits = covered(found).groupby([found["factor"], found["level"]]).mean()
    together = covered(found, "adjusted_low", "adjusted_high").groupby(found["outcome"]).all().mean()
    return hits, together, (tests["p"] < 0.05).groupby(tests["factor"]).mean()


# -- the truth -------------------------------------------------------------------------------------------------------


def test_intervals_cover_planted_effects_at_their_rate():
    hits, together, significant = rates(nested(), 1)
    assert hits.between(0.92, 0.98).all()
    assert together >= 0.93
    assert significant[[L2, LAYERS]].between(0.03, 0.08).all()
    assert significant[[MODEL, DIM]].min() > 0.99
    assert significant[f"{MODEL}:{DIM}"] < 0.08


def test_marginal_means_are_covered_under_an_interaction():
    """Under it, l2 does the opposite to the two models: its marginal effect is 0 however many cells each has."""
    hits, _, significant = rates(nested(), 2, interaction=0.008)
    assert hits.between(0.93, 1.0).all()
    assert significant[f"{MODEL}:{L2}"] > 0.8


def test_cells_are_units_where_there_is_one_seed():
    hits, _, significant = rates(nested(), 3, seeds=1)
    assert hits.between(0.91, 0.98).all()
    assert SEED not in significant


def test_unequal_variances_are_seen_and_covered():
    table = grid()
    found, _ = effects(table, outcomes(table, 4, REPLICATIONS, spread=5.0))
    assert (found["variance"] == HC3).mean() > 0.6
    assert covered(found).groupby([found["factor"], found["level"]]).mean().between(0.92, 0.99).all()
    equal, _ = effects(table, outcomes(table, 5, 50))
    assert (equal["variance"] == POOLED).mean() > 0.9


# -- statsmodels -----------------------------------------------------------------------------------------------------


def dummies(table, rows):
    """Treatment coding with seed blocks, the intercept first."""
    wide = (
        table.pivot_table(aggfunc="first", index="member", columns="factor", values="level")
        .reindex(rows["member"])
        .reset_index(drop=True)
    )
    wide[SEED] = rows["seed"].astype(str).to_numpy()
    first = {MODEL: "mf", DIM: "8", L2: "0.0", SEED: "0"}
    coded = {f"{f}={v}": wide[f] == v for f in first for v in wide[f].unique() if v != first[f]}
    return pd.DataFrame({"1": True, **coded}).astype(float)


@pytest.mark.parametrize("missing", [0, 5])
def test_differences_and_tests_are_those_of_statsmodels(missing):
    table = grid()
    rows = outcomes(table, 6).iloc[missing:].reset_index(drop=True)
    found, tests = effects(table, rows)
    columns = dummies(table, rows)
    oracle = OLS(rows["value"], columns).fit()
    plain = found[found["against"] != TREND]
    names = [f"{factor}={level}" for factor, level in zip(plain["factor"], plain["level"], strict=True)]
    np.testing.assert_allclose(plain["effect"], oracle.params[names])
    np.testing.assert_allclose(plain[["ci_low", "ci_high"]], oracle.conf_int().loc[names])
    for factor in (MODEL, DIM, L2, SEED):
        kept = columns[[name for name in columns if not name.startswith(f"{factor}=")]]
        statistic, p, df = oracle.compare_f_test(OLS(rows["value"], kept).fit())
        row = tests[tests["factor"] == factor].iloc[0]
        np.testing.assert_allclose([row["F"], row["p"], row["df"]], [statistic, p, df])
        assert row["eta2_partial"] == pytest.approx(statistic * df / (statistic * df + oracle.df_resid))


def test_robust_covariance_is_that_of_statsmodels():
    rng = np.random.default_rng(7)
    factor = Factor.of("a", list("xyz" * 8), list("xyz"))
    values = rng.normal(size=24)
    fit = Fit(Layout({"a": factor.columns}, np.ones(24)), values, robust=True)
    oracle = OLS(values, fit.layout.matrix).fit()
    np.testing.assert_allclose(fit.covariance, oracle.cov_HC3, atol=1e-15)
    np.testing.assert_allclose(fit.pooled, oracle.cov_params(), atol=1e-15)


def test_brown_forsythe_is_that_of_scipy():
    rng = np.random.default_rng(18)
    factor = Factor.of("a", list("xyyz" * 6) + list("w"), list("xyzw"))
    values = rng.normal(size=25) * np.where(factor.codes == 1, 2, 1)
    oracle = stats.levene(*(values[factor.codes == code] for code in range(3)), center="median").pvalue
    assert _brown_forsythe(values, factor) == pytest.approx(oracle)


def test_holm_against_its_definition():
    p = np.array([0.01, 0.04, 0.03, 0.5])
    np.testing.assert_allclose(holm(p), [0.04, 0.09, 0.09, 0.5])


# -- tables ----------------------------------------------------------------------------------------------------------


def test_a_balanced_difference_is_that_of_means():
    table = grid()
    rows = outcomes(table, 8)
    found, _ = effects(table, rows)
    assert list(found.columns) == EFFECTS
    means = rows.merge(table[table["factor"] == DIM], on="member").groupby("level")["value"].mean()
    row = found[(found["factor"] == DIM) & (found["level"] == "32")].iloc[0]
    assert row["effect"] == pytest.approx(means["32"] - means["8"])
    assert (row["against"], row["n"], row["residual_df"]) == ("8", 8 * SEEDS, 48 - 8)
    assert row["adjusted_low"] < row["ci_low"] < row["effect"] < row["ci_high"] < row["adjusted_high"]


@pytest.mark.parametrize(
    ("values", "unit", "slope"),
    [("8 16 32", "per doubling", 0.5), ("8 16 64", "per doubling", 0.5 * 2 / 3), ("0 1 2", "per unit", 0.5)],
)
def test_trends_are_per_unit_or_doubling(values, unit, slope):
    codes = values.split()
    contrast = Factor.of("a", codes, codes).contrasts[-1]
    assert (contrast.level, contrast.against) == (unit, TREND)
    x = np.log2(np.array(codes, float)) if unit == "per doubling" else np.array(codes, float)
    y = slope * x + 3.0
    assert contrast.weights @ (y - y.mean())[:-1] == pytest.approx(slope)


def test_words_and_two_numbers_have_no_trend():
    assert len(Factor.of("a", list("xyz"), list("xyz")).contrasts) == 2
    assert len(Factor.of("a", ["1", "2"], ["1", "2"]).contrasts) == 1


def test_failed_members_are_missing_cells():
    table = grid()
    rows = outcomes(table, 9)
    lost = rows[(rows["member"] != "grid-002") & ~((rows["member"] == "grid-007") & (rows["seed"] == 1))]
    found, tests = effects(table, lost)
    assert found["residual_df"].iloc[0] == len(lost) - 8
    assert SEED in set(tests["factor"])
    assert found["ci_low"].notna().all()
    as_nan = rows.assign(value=rows["value"].where(rows.index.isin(lost.index)))
    pd.testing.assert_frame_equal(effects(table, as_nan)[0], found)


def test_the_reference_is_the_first_level_that_is_there():
    table = grid()
    gone = set(table.loc[table["level"] == "8", "member"])
    rows = outcomes(table, 10)
    found, _ = effects(table, rows[~rows["member"].isin(gone)])
    assert found.loc[found["factor"] == DIM, "against"].tolist() == ["16"]


def test_confounded_factors_have_no_numbers():
    table = grid()
    wide = table.pivot_table(aggfunc="first", index="member", columns="factor", values="level")
    same = wide.index[(wide[MODEL] == "mf") == (wide[L2] == "0.0")]
    rows = outcomes(table, 11)
    found, tests = effects(table, rows[rows["member"].isin(same)])
    told = found.set_index("factor")["effect"].notna().groupby(level=0).all()
    assert told.to_dict() == {MODEL: False, L2: False, DIM: True}
    assert not {MODEL, L2} & set(tests["factor"])


def test_seeds_that_members_do_not_share_are_averaged():
    table = grid()
    rows = outcomes(table, 12)
    own = rows.assign(seed=rows["seed"] + 10 * rows["member"].str[-3:].astype(int))
    found, tests = effects(table, own)
    assert found["residual_df"].unique().tolist() == [12 - 5]
    assert SEED not in set(tests["factor"])


def test_a_fraction_tests_no_interaction_in_disguise():
    two = {MODEL: ["mf", "lightgcn"], DIM: [8, 16], L2: [0.0, 0.01]}
    table = grid(factors=two, fraction=2)
    _, tests = effects(table, outcomes(table, 13))
    assert not {f"{MODEL}:{DIM}", f"{MODEL}:{L2}", f"{DIM}:{L2}"} & set(tests["factor"])


def test_constant_outcomes_and_full_models_make_no_claim():
    table = grid()
    rows = outcomes(table, 14)
    found, tests = effects(table, rows.assign(value=0.3))
    assert (found[["effect", "ci_low", "ci_high"]] == 0).all(axis=None)
    assert tests.empty
    two = table[table["member"].isin(["grid-001", "grid-002"])]
    found, tests = effects(two, rows[rows["seed"] == 0])
    assert found["effect"].notna().tolist() == [True]
    assert found["ci_low"].isna().all()
    assert tests.empty


def test_the_order_of_rows_leaves_no_trace():
    table, rows = nested(), outcomes(nested(), 15)
    shuffled = effects(table.sample(frac=1, random_state=1), rows.sample(frac=1, random_state=2))
    key = ["factor", "level"]
    first, second = (found[0].sort_values(key, ignore_index=True) for found in (effects(table, rows), shuffled))
    pd.testing.assert_frame_equal(first, second)


def test_nothing_gives_empty_tables():
    table = grid()
    found, tests = effects(table, outcomes(table, 16).iloc[:0])
    assert (list(found.columns), list(tests.columns), len(found), len(tests)) == (EFFECTS, TESTS, 0, 0)


def test_two_values_of_one_fit_are_refused():
    table = grid()
    rows = outcomes(table, 17)
    with pytest.raises(InputError, match="grid-001 with seed 0 has several values of outcome 0"):
        effects(table, pd.concat([rows, rows.iloc[:1]]))
