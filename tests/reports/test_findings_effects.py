"""Headlines of designs say which factor counts most, and what the fits show nothing of."""

import pandas as pd
import pytest

from hemicycle.reports.findings import findings
from hemicycle.reports.findings_effects import MOST_OUTCOMES, effect_findings

MODEL, DIM, LOSS = "recommender.model", "recommender.dim", "train.loss"
NDCG, PARTY = "ndcg@20", "probe:party"
TREND = ("per doubling", "linear trend")


def effect(factor, levels, size, half, outcome=NDCG):
    """An effect whose adjusted interval is twice as wide as its own."""
    level, against = levels
    ends = {"ci_low": size - half, "ci_high": size + half}
    ends |= {"adjusted_low": size - 2 * half, "adjusted_high": size + 2 * half}
    key = {"design": "choices", "outcome": outcome, "factor": factor, "level": level, "against": against}
    return key | {"effect": size} | ends | {"n": 48, "residual_df": 40, "variance": "pooled"}


def f_test(factor, eta, p, outcome=NDCG):
    key = {"design": "choices", "outcome": outcome, "factor": factor}
    return key | {"df": 1, "F": 9.0, "p": p, "p_adjusted": p, "eta2_partial": eta, "residual_df": 40}


EFFECTS = [
    effect(MODEL, ("lightgcn", "mf"), -0.05, 0.01),
    effect(DIM, ("16", "8"), 0.03, 0.01),
    effect(DIM, TREND, 0.3, 0.001),
    effect(LOSS, ("bpr", "softmax"), 0.09, 0.05),
    effect(MODEL, ("lightgcn", "mf"), 0.01, 0.05, PARTY),
    effect(DIM, ("16", "8"), 0.01, 0.05, PARTY),
    effect(LOSS, ("bpr", "softmax"), 0.01, 0.05, PARTY),
]
TESTS = [f_test(MODEL, 0.62, 0.001), f_test(DIM, 0.2, 0.01), f_test("seed", 0.9, 0.001), f_test(LOSS, 0.1, 0.2)]


def told(effects=EFFECTS, tests=TESTS, **more):
    return effect_findings({"effects": pd.DataFrame(effects), "effect_tests": pd.DataFrame(tests)} | more)


def test_the_largest_difference_beyond_0_with_all_others_leads():
    """A larger one that is not, a trend, and the seed's larger share do not."""
    first, _ = told()
    assert first == (
        "The design choices varies architecture, dimension and loss. On average over the others, NDCG@20 changes most "
        "with architecture (LightGCN against MF: \u2212.050 [\u2212.070, \u2212.030], partial \u03b7\u00b2 .62); no "
        "factor changes probe score of party as far as these fits can show."
    )


def test_factors_that_show_nothing_are_named_with_their_outcomes():
    assert told()[1] == (
        "These fits show no effect of loss on any outcome; of architecture on probe score of party; of dimension on "
        "probe score of party."
    )


def test_a_clear_trend_alone_is_not_nothing():
    flat = [effect(DIM, ("16", "8"), 0.01, 0.05), effect(DIM, TREND, 0.02, 0.001)]
    (text,) = told(flat, [])
    assert text.endswith("On average over the others, no factor changes NDCG@20 as far as these fits can show.")


def test_what_works_by_interaction_alone_is_told_apart():
    crossed = [f_test(f"{MODEL}:{LOSS}", 0.3, 0.01, PARTY), f_test(f"{DIM}:seed", 0.8, 0.001, PARTY)]
    first, second = told(tests=[*TESTS, *crossed, f_test(f"{MODEL}:{DIM}", 0.5, 0.06)])
    assert first.endswith(
        "Effects depend on each other, most in probe score of party: architecture \u00d7 loss (partial \u03b7\u00b2 "
        ".30 in the model with interactions)."
    )
    assert second == (
        "These fits show no effect of loss on NDCG@20; of dimension on probe score of party. Interactions alone show "
        "one of architecture on probe score of party; of loss on probe score of party."
    )


def test_without_intervals_nothing_is_claimed():
    ends = dict.fromkeys(("ci_low", "ci_high", "adjusted_low", "adjusted_high"), float("nan"))
    (text,) = told([EFFECTS[0] | ends])
    assert text.endswith("On average over the others, there are too few fits to tell what changes NDCG@20.")


def test_designs_are_told_one_by_one_and_no_effects_say_nothing():
    other = effect(DIM, ("16", "8"), 0.4, 0.01) | {"design": "sizes"}
    texts = told([*EFFECTS, other], [*TESTS, f_test(DIM, 0.7, 0.001) | {"design": "sizes"}])
    assert texts[-1] == (
        "The design sizes varies dimension. On average over the others, NDCG@20 changes most with dimension (16 "
        "against 8: +.400 [.380, .420], partial \u03b7\u00b2 .70)."
    )
    assert effect_findings({}) == []


def test_more_outcomes_than_a_sentence_holds_are_counted():
    many = [effect(DIM, ("16", "8"), 0.4, 0.01, f"probe:label{i}") for i in range(MOST_OUTCOMES + 1)]
    (text,) = told(many, [])
    assert text.endswith("1 more outcome is in the table of effects alone.")
    assert f"label{MOST_OUTCOMES - 1}" in text
    assert f"label{MOST_OUTCOMES} " not in text


@pytest.fixture
def levels():
    rows = [("choices", f"choices-{i:03d}", DIM, str(i), i - 1) for i in range(1, 7)]
    return pd.DataFrame(rows, columns=["design", "member", "factor", "level", "place"])


def test_who_is_shown_among_other_models_and_why(levels):
    names = levels["member"] + "-s0"
    ranking = pd.DataFrame({"name": names, "value": range(6), "status": "trained", "split": "test", "metric": NDCG})
    first, second = told(design_levels=levels, ranking_results=ranking)
    assert first.startswith("The design choices varies architecture, dimension and loss in 6 members.")
    assert second.endswith(
        "Of the 6 members, what follows shows those picked by their test results: choices-006 (d 6), best in test "
        "NDCG@20."
    )


def test_headlines_have_them():
    tables = {"effects": pd.DataFrame(EFFECTS), "effect_tests": pd.DataFrame(TESTS)}
    assert findings(tables) == effect_findings(tables)
