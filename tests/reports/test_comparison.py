"""Pages of comparisons: complete, self-contained, in the look of the report; names cannot break them."""

from html.parser import HTMLParser

import planted
import pytest

from hemicycle.core.storage import Folder
from hemicycle.ledger.comparison import compare
from hemicycle.reports.comparison import html, lead, markdown, plain_tables


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    store = Folder.at(tmp_path_factory.mktemp("pages"))
    planted.plant_population(store, "a<b>_x")
    planted.plant_population(store, "two|three", lift=0.05, dim=16)
    return compare(store, ["a<b>_x", "two|three"])


class Page(HTMLParser):
    """Tags, outside addresses and unclosed elements of a page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.outside, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.outside += [v for k, v in attrs if k in {"src", "href"} and not (v or "").startswith("#")]
        if tag not in {"meta", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_tables_hold_settings_measures_and_tests(found):
    tables = {table.id: table for table in plain_tables(found)}
    assert list(tables) == ["settings", "ranking", "probe", "simulation", "tests"]
    assert tables["settings"].head == ("setting", "a<b>_x", "two|three")
    assert ("mf", "NDCG@20") in {row[:2] for row in tables["ranking"].rows}
    assert f"all {len(found.tests)} comparisons" in tables["tests"].caption
    assert "(n = 120 users)" in tables["tests"].rows[1][-1]
    assert all(len(row) == len(table.head) for table in tables.values() for row in table.rows)


def test_the_page_is_one_file_that_needs_nothing_else(found):
    page = Page(html(found))
    assert page.open == []
    assert page.outside == []
    assert page.tags.count("table") == 5
    assert page.tags.count("style") == 1
    assert "b" not in page.tags
    assert "@import" not in html(found)
    assert "url(" not in html(found)


def test_markdown_has_the_same_tables_and_names_cannot_break_it(found):
    lines = markdown(found).splitlines()
    assert lines[0] == "# Comparison of a\\<b>\\_x and two|three"
    assert sum(line.startswith("## ") for line in lines) == 5
    heads = [line for line in lines if line.startswith("| setting")]
    assert heads == ["| setting | a\\<b>\\_x | two\\|three |"]


def test_the_result_is_said_in_a_sentence(found):
    assert lead(found).startswith("2 settings differ; ")
    assert "after Holm's correction" in lead(found)
