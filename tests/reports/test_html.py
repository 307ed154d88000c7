"""The report: complete, offline, accessible, and refusing what it may not show."""

import html.parser
import json

import pandas as pd
import pytest

from hemicycle.core.errors import DisclosureError
from hemicycle.core.storage import Folder
from hemicycle.reports.facts import StudyFacts
from hemicycle.reports.html import check_map, figures, flat, render, write_report
from hemicycle.reports.methods import bibliography, methods, read_bibliography

FIGURES = [
    "ideological_map",
    "learning_order",
    "paired_differences",
    "polarization_over_time",
    "probe_by_epoch",
    "probe_by_layer",
]


class Outline(html.parser.HTMLParser):
    """Headings, images, outside addresses and unclosed elements of a page."""

    VOID = frozenset({"meta", "img", "circle", "br", "link"})

    def __init__(self, text):
        super().__init__()
        self.headings, self.images, self.outside, self.open, self.ids = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.images.append(given)
        if "id" in given:
            self.ids.append(given["id"])
        self.outside += [v for k, v in attrs if k in {"src", "href"} and (v or "").startswith(("http", "//"))]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def written(tmp_path_factory, make):
    records = make.records(seeds=(0, 1))
    simulation = make.simulation(seeds=3, steps=8)
    tables = {"records": records, "probe_results": make.probes(records), "map_points": make.map(records)}
    tables |= {"ranking_results": make.ranking(records), "simulation_results": simulation}
    tables["simulation_contrasts"] = make.contrasts(simulation)
    tables["failures"] = pd.DataFrame({"step": ["probe"], "title": ["probe mf"], "error": ["<b>boom</b>"]})
    folder = Folder.at(tmp_path_factory.mktemp("report"))
    facts = StudyFacts(title="A & B <study>", question="Why?", name="s", fingerprint="f" * 32, public=True)
    where = write_report(facts, tables, folder)
    return where, folder


@pytest.mark.slow
def test_the_report_is_one_small_file_that_needs_no_network(written):
    where, folder = written
    text = folder.read_bytes("report.html").decode()
    assert where == f"{folder.uri}/report.html"
    assert len(text) < 2_000_000
    outline = Outline(text)
    assert outline.outside == []
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))


@pytest.mark.slow
def test_headings_do_not_skip_and_images_are_described(written):
    outline = Outline(written[1].read_bytes("report.html").decode())
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(outline.headings, outline.headings[1:], strict=False))
    assert len(outline.images) == len(FIGURES)
    assert all(len(image["alt"]) > 40 for image in outline.images)


@pytest.mark.slow
def test_what_the_user_wrote_is_escaped(written):
    text = written[1].read_bytes("report.html").decode()
    assert "A &amp; B &lt;study&gt;" in text
    assert "&lt;b&gt;boom&lt;/b&gt;" in text
    assert "<b>boom" not in text


@pytest.mark.slow
def test_every_figure_lies_beside_the_report_with_its_table_and_all_tables_as_latex(written):
    folder = written[1] / "figures"
    endings = ("csv", "parquet", "pdf", "png", "svg", "tex")
    tables = [f"{name}.tex" for name in ("glance", "models", "probes", "contrasts", "failures")]
    assert folder.names() == sorted([*(f"{name}.{ending}" for name in FIGURES for ending in endings), *tables])
    assert b"\\label{tab:models}" in folder.read_bytes("models.tex")
    for name in FIGURES:
        assert folder.read_bytes(f"{name}.png").startswith(b"\x89PNG")
        assert folder.read_bytes(f"{name}.pdf").startswith(b"%PDF")
        assert folder.read_bytes(f"{name}.svg").startswith(b"<svg")
        rows = folder.read_table(name).to_pandas()
        assert len(rows) == folder.read_bytes(f"{name}.csv").count(b"\n") - 1


@pytest.mark.slow
def test_the_specifications_are_read_back_from_the_page(written):
    text = written[1].read_bytes("report.html").decode()
    start = text.index('id="specs">') + len('id="specs">')
    specs = json.loads(text[start : text.index("</script>", start)])
    assert sorted(specs) == FIGURES
    assert all("config" not in spec and len(spec["description"]) > 40 for spec in specs.values())


@pytest.mark.slow
def test_nothing_is_printed(facts, tables, tmp_path, capfd):
    write_report(facts, {"simulation_contrasts": tables["simulation_contrasts"]}, Folder.at(tmp_path))
    assert capfd.readouterr() == ("", "")


def test_a_study_without_results_still_has_a_report(facts):
    text = render(facts, {}, [], {})
    assert "This study has no results yet." in text
    assert "vegaEmbed" not in text
    assert facts.question in text


def test_tables_without_figures(facts, tables):
    text = render(facts, tables, [], {})
    assert "training adds" in text
    assert 'id="models"' in text
    assert 'id="contrasts"' in text
    assert 'id="failures"' not in text
    assert "\u2212.03 [\u2212.08, .05]" in text


# -- disclosure ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "leak", [{"entity_name": "someone"}, {"n": 9}, {"n": float("nan")}], ids=["named", "small cell", "unknown size"]
)
def test_people_who_are_not_public_are_not_shown(facts, private_map, tmp_path, leak):
    private = StudyFacts(facts.title, facts.question, facts.name, facts.fingerprint)
    with pytest.raises(DisclosureError) as caught:
        write_report(private, {"map_points": private_map.assign(**leak)}, Folder.at(tmp_path / "r"))
    assert "someone" not in str(caught.value)
    assert not (tmp_path / "r").exists()


def test_cells_and_public_people_are_shown(tables, private_map):
    check_map(private_map, public=False)
    check_map(tables["map_points"], public=True)
    check_map(pd.DataFrame(), public=False)


# -- methods ---------------------------------------------------------------------------------------------------------


def test_methods_say_what_was_done_and_controlled(facts, tables):
    text = " ".join(methods(facts, tables))
    for words in (
        "US Senate roll calls",
        "10% validation and 10% test",
        "MF (3 seeds; dim 16)",
        "LightGCN (3 seeds; dim 16, layers 2)",
        "untrained twin",
        "ridge regression read nominate_dim1 and nominate_dim2",
        "Every score stands beside permuted labels and party alone",
        "permuted labels",
        "within party",
        "Friedkin-Johnsen and bounded confidence over 40 steps",
        "5 seeds each",
        "seeds 0, 1 and 2",
    ):
        assert words in text


def test_methods_read_a_study_configuration(facts, tables):
    config = {
        "population": {"mf": {"recommender": {"model": "mf", "dim": 32}}, "outside": {"embeddings": "x.parquet"}},
        "probes": [{"probe": "ridge", "permutations": 50}],
        "seeds": 3,
        "train": {"epochs": 40, "patience": 5},
        "society": {"users": 4000},
    }
    text = " ".join(methods(StudyFacts("t", "q", "n", "f", config=config), tables))
    for words in ("dim 32", "Labels were permuted 50 times", "epochs 40, patience 5", "seeds 0, 1 and 2", "users 4000"):
        assert words in text


def test_methods_and_references_of_questions_that_were_asked(facts, tables, erased, attacked, attitude_results):
    asked = {"erasure_results": erased, "attack_results": attacked, "map_results": attitude_results}
    text = " ".join(methods(facts, tables | asked))
    for words in (
        "Erasure: LEACE, beside random directions",
        "readers of what is left (linear and MLP)",
        "Attacks: somebody who sees all users' vectors and the labels of 10% of users",
        "takes these points to the survey (CHES 2019)",
    ):
        assert words in text
    assert "Regrowth" not in text
    found = bibliography(tables | asked)
    for key in ("belrose2023leace", "greenacre1984theory", "ramaciotti2023inferring", "jolly2022chapel"):
        assert f"{{{key}," in found
    for key in ("ravfogel2020null", "barbera2015birds", "kim2018interpretability", "strona2014fast"):
        assert key not in found


def test_a_rewired_graph_is_a_control_and_no_model(facts, tables):
    probes = tables["probe_results"]
    rewired = probes[(probes["control"] == "party") & (probes["status"] == "trained")].assign(control="rewired")
    twin = tables["records"].iloc[[0]].assign(id="w", name="mf-s0-rewired", status="rewired", parent="mf-s0")
    given = tables | {
        "probe_results": pd.concat([probes, rewired]).assign(p_holm=0.1),
        "records": pd.concat([tables["records"], twin], ignore_index=True),
    }
    text = render(facts, given, [], {})
    assert "mf-s0-rewired" not in text
    assert "models of a rewired graph" in text
    assert "models that were trained again on a rewired graph with the same degrees" in text
    assert "rewired alone" not in text
    for key in ("strona2014fast", "holm1979simple", "benjamini1995controlling"):
        assert key in bibliography(given)
    drawn = {figure.id: figure.table for figure in figures(given | {"map_points": pd.DataFrame()})}
    lines = drawn["probe_by_layer"]
    assert (lines["series"] == "models of a rewired graph").any()
    assert "rewired" not in set(lines.loc[lines["kind"] == "score", "series"])


def test_methods_of_nothing_are_short(facts):
    assert len(methods(facts, {})) == 2


def test_references_are_those_that_were_used(tables):
    text = bibliography(tables)
    for key in ("he2020lightgcn", "rendle2009bpr", "friedkin1990social", "hewitt2019designing", "bloom1995minimum"):
        assert text.count(f"{{{key},") == 1
    assert "hegselmann2002opinion" not in bibliography({"records": tables["records"]})


def test_the_bibliography_is_well_formed():
    for key, entry in read_bibliography().items():
        assert entry.startswith("@")
        assert entry.count("{") == entry.count("}")
        assert key in entry
        assert "year" in entry


def test_flat():
    value = {"a": {"b": 1, "c": []}, "d": [{"e": 2}], "f": [1, 2], "g": 0.123456, "h": None, "i": False}
    assert list(flat(value)) == [("a.b", "1"), ("d.0.e", "2"), ("f", "[1, 2]"), ("g", "0.1235"), ("i", "False")]
