"""Questions and comparisons of a store in a bucket are those of the same store on a disk."""

import pandas as pd
import planted
import pytest

from hemicycle.core.storage import Folder
from hemicycle.ledger.comparison import compare
from hemicycle.ledger.index import refresh
from hemicycle.ledger.index_rows import SCHEMAS
from hemicycle.ledger.library import Library
from hemicycle.ledger.questions import EXAMPLE, ask, notes
from hemicycle.studies.engine import execute
from hemicycle.studies.executor import LocalExecutor
from hemicycle.studies.steps import Step

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("one store")]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The same store on a disk and in a bucket."""
    local = Folder.at(tmp_path_factory.mktemp("s3"))
    planted.plant_population(local)
    second = planted.plant_population(local, "two", lift=0.05, dim=16)
    (second / "tables").write_table("people", planted.private_table())
    (local / "steps" / "fit" / "broken").write_bytes("manifest.json", b"{")
    (local / "steps" / "fit" / "broken").finish()
    with planted.s3_bucket() as bucket:
        local.copy_to(bucket)
        yield local, bucket


def test_the_index_is_the_same_and_only_changes_are_read(stores):
    local, bucket = (refresh(store) for store in stores)
    for name in SCHEMAS:
        plain = [
            found[name].drop_columns(["stamp"] if "stamp" in found[name].column_names else [])
            for found in (local, bucket)
        ]
        if name == "problems":
            plain = [table.drop_columns(["error"]) for table in plain]  # it names the place
        assert plain[0].equals(plain[1])
    assert refresh(stores[1]).read == 0
    (stores[1] / "steps" / "fit" / "later").write_json("failed.json", {"title": "fit later", "error": "boom"})
    assert refresh(stores[1]).read == 1
    (stores[1] / "steps" / "fit" / "later").delete()
    assert refresh(stores[1]).read == 0


@pytest.mark.parametrize(
    "sql", [EXAMPLE, "FROM probes ORDER BY ALL", "SELECT * EXCLUDE (folder) FROM models ORDER BY ALL"]
)
def test_questions_have_the_same_answers(stores, sql):
    local, bucket = (ask(Library.of(store), sql) for store in stores)
    assert local.equals(bucket)
    assert local.num_rows


def test_the_same_is_withheld(stores):
    local, bucket = (notes(Library.of(store)) for store in stores)
    assert local == bucket


@pytest.mark.parametrize("names", [("one", "two"), ("one/mf", "two/lightgcn")])
def test_comparisons_are_the_same(stores, names):
    local, bucket = (compare(store, names) for store in stores)
    for table in ("settings", "measures", "tests"):
        pd.testing.assert_frame_equal(getattr(local, table), getattr(bucket, table))
    assert local.notes == bucket.notes


def test_many_finished_steps_are_found_by_one_listing(stores, monkeypatch):
    from hemicycle.core.config import Options

    class Number(Options):
        number: int

    def count(work):
        work.out.write_json("number", work.options.number)

    bucket = stores[1] / "many"
    monkeypatch.setattr("hemicycle.studies.listing.FEW", 3)
    steps = [Step("count", f"count {n}", count, Number(number=n)) for n in range(8)]
    execute(steps[:6], bucket, LocalExecutor(), lambda event: None)
    asked = []
    done = Folder.done.fget
    monkeypatch.setattr(Folder, "done", property(lambda folder: asked.append(folder) or done(folder)))
    outcome = execute(steps, bucket, LocalExecutor(), lambda event: None)
    assert (outcome.count("cached"), outcome.count("finished")) == (6, 2)
    assert len(asked) == 3
