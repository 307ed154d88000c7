"""Figures, sentences and methods of factorial designs."""

import pandas as pd
import pytest

from hemicycle.reports import html
from hemicycle.reports.export import specification, svg
from hemicycle.reports.figures_effects import (
    ALONE,
    CLEAR,
    MOST_FACTORS,
    MOST_ROWS,
    UNCLEAR,
    differences,
    factor_effects,
    factor_labels,
    factor_shares,
    shares,
)
from hemicycle.reports.methods import bibliography, methods

EMPTY = pd.DataFrame()
MODEL, DIM = "recommender.model", "recommender.dim"


def row(factor, levels, effect, half, outcome="ndcg@20"):
    """One effect whose adjusted interval is twice as wide."""
    ends = {"ci_low": effect - half, "ci_high": effect + half}
    ends |= {"adjusted_low": effect - 2 * half, "adjusted_high": effect + 2 * half}
    level, against = levels
    key = {"design": "choices", "outcome": outcome, "factor": factor, "level": level, "against": against}
    return key | {"effect": effect} | ends | {"n": 48, "residual_df": 40, "variance": "pooled"}


@pytest.fixture
def effects():
    rows = [
        row(MODEL, ("lightgcn", "mf"), 0.05, 0.01),
        row(DIM, ("16", "8"), 0.015, 0.01),
        row(DIM, ("32", "8"), 0.005, 0.01),
        row(DIM, ("per doubling", "linear trend"), 0.03, 0.005),
        row("train.l2", ("per unit", "linear trend"), 90.0, 1.0),
        row(MODEL, ("lightgcn", "mf"), -0.2, 0.05, "probe:party"),
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def tests():
    base = {"design": "choices", "df": 1, "F": 9.0, "residual_df": 40, "variance": "pooled"}
    found = {(MODEL, "ndcg@20"): (0.62, 0.001), (DIM, "ndcg@20"): (0.2, 0.2), ("seed", "ndcg@20"): (0.11, 0.5)}
    found |= {(f"{MODEL}:{DIM}", "ndcg@20"): (0.4, 0.01), (MODEL, "probe:party"): (0.01, 0.9)}
    return pd.DataFrame(
        [
            base | {"factor": f, "outcome": o, "eta2_partial": eta, "p": p, "p_adjusted": p}
            for (f, o), (eta, p) in found.items()
        ]
    )


def test_effects_are_drawn_by_what_their_intervals_exclude(effects):
    table = differences(effects)
    assert table["verdict"].tolist() == [CLEAR, ALONE, UNCLEAR, CLEAR]
    assert table["row"].iloc[0] == "architecture: LightGCN against MF"
    assert table["panel"].unique().tolist() == ["NDCG@20", "probe score of party"]


def test_the_sentence_on_effects_is_computed(effects):
    figure = factor_effects(effects)
    assert figure.sentence == (
        "2 of 4 differences are beyond 0 when all of their outcome are taken together. The clearest: in NDCG@20, "
        "architecture: LightGCN against MF (+.050 [.030, .070]); in probe score of party, architecture: LightGCN "
        "against MF (\u2212.200 [\u2212.300, \u2212.100]). A doubling changes NDCG@20 by +.030 "
        "[.020, .040] (dimension)."
    )
    nothing = factor_effects(effects.iloc[[2]])
    assert nothing.sentence.startswith("0 of 1 differences")
    assert "clearest" not in nothing.sentence


def test_of_many_effects_the_clearest_are_drawn(effects):
    many = pd.DataFrame([row(DIM, (str(i), "0"), 0.001 * i, 0.01) for i in range(1, 31)])
    table = differences(many)
    assert len(table) == MOST_ROWS
    assert table["level"].iloc[0] == "7"
    assert "6 more are in the table of effects alone" in factor_effects(many).sentence


def test_several_designs_have_their_own_panels(effects):
    both = pd.concat([effects, effects.assign(design="other")])
    assert "other: NDCG@20" in set(differences(both)["panel"])


def test_shares_put_factors_before_interactions(tests):
    table = shares(tests)
    order = table["row"].unique().tolist()
    assert order == ["architecture", "dimension", "seed", "architecture \u00d7 dimension"]
    assert table["text"].tolist()[0] == ".62*"
    many = pd.concat([tests.iloc[[0]].assign(factor=f"recommender.f{i}") for i in range(40)])
    assert shares(many)["row"].nunique() == MOST_FACTORS


def test_the_sentence_on_shares_is_computed(tests):
    assert factor_shares(tests).sentence == (
        "What counts most (partial \u03b7\u00b2): in NDCG@20 architecture, .62; in probe score of party no factor "
        "can be told from chance. The seed has at most .11. Effects depend on each other: architecture \u00d7 "
        "dimension in NDCG@20 (.40)."
    )


def test_factors_of_one_name_stay_apart():
    names = factor_labels(["recommender.l2", "train.l2", "recommender.l2:train.l2"])
    assert len(set(names.values())) == 3


def test_figures_are_drawn_and_described(effects, tests):
    for figure in (factor_effects(effects), factor_shares(tests)):
        assert "<svg" in svg(figure)
        assert specification(figure)["$schema"]
        assert figure.alt_text
        assert len(figure.table)


def test_without_a_design_there_is_no_figure(effects, tests):
    assert factor_effects(EMPTY) is None
    assert factor_shares(EMPTY) is None
    assert factor_effects(effects.assign(ci_low=float("nan"))) is None
    assert [figure.id for figure in html.figures({"effects": effects, "effect_tests": tests})] == [
        "factor_shares",
        "factor_effects",
    ]


def test_methods_say_how_effects_were_estimated(facts, effects, tests):
    tables = {"effects": effects, "effect_tests": tests}
    (text,) = [text for text in methods(facts, tables) if text.startswith("Effects")]
    assert "the seed a block" in text
    assert "HC3" not in text
    assert "holm1979simple" in bibliography(tables)
    robust = {"effects": effects.assign(variance="HC3"), "effect_tests": tests[tests["factor"] != "seed"]}
    (text,) = [text for text in methods(facts, robust) if text.startswith("Effects")]
    assert "mean over its seeds is the unit" in text
    assert "mackinnon1985" in bibliography(robust)
    assert "holm1979simple" not in bibliography({})
