"""Tables on maps, similarity, erasure and attacks: every score beside its control."""

from hemicycle.reports.html import report_tables
from hemicycle.reports.tables_interpretation import attacks, erasure, map_results, similarity


def rows_of(table):
    return [dict(zip(table.head, row, strict=True)) for row in table.rows]


def test_no_table_without_results():
    assert [maker({}) for maker in (attacks, erasure, map_results, similarity)] == [None] * 4


def test_the_map_shows_nested_scores_beside_parties_permuted(attitude_results):
    (first, _) = rows_of(map_results({"map_results": attitude_results}))
    assert first["nested"] == ".70 [.50, .85]"
    assert (first["in sample"], first["leave one out"]) == (".80", ".75")
    assert first["parties permuted"] == "\u2212.02 [\u2212.10, .05]"


def test_erasers_stand_beside_the_untouched_model_and_random_directions(erased, few_records):
    table = erasure({"erasure_results": erased, "records": few_records})
    rows = {row["erased by"]: row for row in rows_of(table)}
    assert list(rows) == ["nothing", "LEACE", "random directions (1 direction)"]
    assert rows["nothing"]["change"] == ""
    assert (rows["LEACE"]["linear"], rows["LEACE"]["MLP"]) == (".55 [.53, .57]", ".80 [.78, .82]")
    assert (rows["LEACE"]["majority"], rows["LEACE"]["labels permuted"]) == (".54", "[.46, .53]")
    assert rows["LEACE"]["change"] == "\u2212.100 [\u2212.120, \u2212.080]"


def test_attacks_stand_beside_each_control(attacked, few_records):
    (row,) = rows_of(attacks({"attack_results": attacked, "records": few_records}))
    assert row["labels known"] == "10% (20)"
    assert row["score"] == ".90 [.88, .92]"
    assert (row["covariates alone"], row["advantage over covariates"]) == (".60 [.58, .62]", "+.30 [.25, .35]")
    assert (row["majority alone"], row["advantage over majority"]) == (".50 [.48, .52]", "+.40 [.25, .35]")


def test_the_report_holds_them(erased, attacked, attitude_results, few_records):
    tables = {"erasure_results": erased, "attack_results": attacked, "map_results": attitude_results}
    made = report_tables(tables | {"records": few_records})
    assert [table.id for table in made] == ["erasure", "attacks", "map-of-attitudes"]
