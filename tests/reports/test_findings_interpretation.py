"""Sentences on maps, order of learning, erasure, explanation and attacks: each with its control, none beyond it."""

import pandas as pd
import pytest

from hemicycle.reports.findings_interpretation import (
    attack_findings,
    erasure_findings,
    explanation_findings,
    interpretation_findings,
    main_attack,
    map_findings,
    order_findings,
    regrowth_findings,
)


def test_nothing_is_said_of_what_was_not_asked(tables):
    assert interpretation_findings({}) == []
    assert interpretation_findings(tables) == []


def test_parties_left_out_stand_beside_in_sample_and_permuted(attitude_results):
    (text,) = map_findings(attitude_results)
    assert "R² .70 [.50, .85] on lr (in sample .80, parties permuted \u2212.02; 2 dimensions)" in text
    assert text.endswith("not shown to be placed better than with parties permuted: eu.")
    (none,) = map_findings(attitude_results.assign(ci_low=-0.2))
    assert none == (
        "Of attitudes of parties left out of the map, not shown to be placed better than with parties permuted: lr and "
        "eu."
    )


def test_the_order_of_learning_is_said_with_the_models_names(tables):
    row = {"model": "mf", "family": "mf", "quantity": "probe", "attribute": "nominate_dim1", "scope": "all"}
    row |= {"level": 0.9, "epoch": 2.0, "start": 0.0, "best": 0.9, "lead": -4.0, "lead_low": -6.0, "lead_high": -2.0}
    row |= {"n_before": 0, "n_same": 0, "n_after": 3, "order": "after"}
    order = pd.DataFrame([row | {"of": "best"}, row | {"of": "gain"}])
    (text,) = order_findings(order, tables["probe_results"], tables["records"])
    assert "in MF, nominate_dim1 4.0 epochs after recommendations [\u22126.0, \u22122.0]" in text


# -- erasure ---------------------------------------------------------------------------------------------------------


def test_what_is_left_is_told_against_the_majority_and_random_directions(erased, few_records):
    (text,) = erasure_findings(erased, few_records)
    assert "LEACE on users and items of MF: linear reading of side goes from accuracy .90 to .55 [.53, .57]" in text
    assert "+.01 against the majority's share of .54" in text
    assert "MLP still reads .80 [.78, .82]" in text
    assert (
        "NDCG@20 changes by \u2212.100 [\u2212.120, \u2212.080], by \u2212.001 when random directions are erased"
        in text
    )


def test_a_reader_at_chance_is_not_said_to_read(erased, few_records):
    at_chance = erased.assign(ci_low=erased["ci_low"].where(erased["reader"] != "mlp_classes", 0.5))
    (text,) = erasure_findings(at_chance, few_records)
    assert "MLP is not shown to read anything (.80 [.50, .82])" in text


@pytest.mark.parametrize(("last", "judged"), [(0.8, "it grows back"), (0.565, "no clear growth")])
def test_growth_is_called_so_when_intervals_part(erased, few_records, last, judged):
    rows = erased[(erased["measure"] == "leakage") & (erased["reader"] == "least_squares") & (erased["strength"] == 1)]
    later = rows.assign(epoch=4)
    leace = later["method"] == "leace"
    ends = {"value": last, "ci_low": last - 0.02, "ci_high": last + 0.02}
    later = later.assign(**{name: later[name].where(~leace, value) for name, value in ends.items()})
    (text,) = regrowth_findings(pd.concat([rows, later]).assign(phase="regrown"), few_records)
    assert text.startswith("Trained on for 4 epochs after LEACE, the linear reading of side in MF goes from .55")
    assert text.endswith(f"(random directions erased .90, chance .54): {judged}.")


# -- explanation and attacks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "judged"), [(0.6, "more than"), (0.2, "not shown to differ from"), (0.05, "less than")]
)
def test_shares_are_judged_by_the_band_of_permuted_labels(explained, few_records, value, judged):
    share = explained["measure"] == "share_of_score"
    ends = {"value": value, "ci_low": value - 0.01, "ci_high": value + 0.01}
    rows = explained.assign(**{name: explained[name].where(~share, own) for name, own in ends.items()})
    shares, moves = explanation_findings(rows, few_records)
    assert f"in MF, {judged} axes of permuted labels (.20 [.10, .30]; random directions .02)" in shares
    assert (
        "from .10 to .40 in MF (change +.30 [.28, .32]; axes of permuted labels +.20, random lists have .50)" in moves
    )


def test_an_attack_is_held_against_its_strongest_control(attacked, few_records):
    assert main_attack(attacked)["control"].unique().tolist() == ["covariates"]
    (text,) = attack_findings(attacked, few_records)
    assert text.startswith(
        "Who knows side of 10% of users infers it of the others with balanced accuracy .90 [.88, .92]"
    )
    assert "from vectors of MF (+.30 [.25, .35] against covariates alone)" in text
    (doubt,) = attack_findings(attacked.assign(advantage_low=-0.1), few_records)
    assert "no advantage that these data show" in doubt
