"""LaTeX tables: escaped, labelled, with as many cells a row as columns."""

import pytest

from hemicycle.core.storage import Folder
from hemicycle.reports.latex import LONG, escape, latex, write_latex
from hemicycle.reports.tables import HtmlTable


@pytest.mark.parametrize(
    ("text", "set_as"),
    [
        ("a_b & 5 %", r"a\_b \& 5 \%"),
        ("R² = \u2212.1", r"R\textsuperscript{2} = \textminus{}.1"),
        ("$x^2$ #1 {y} ~", r"\$x\textasciicircum{}2\$ \#1 \{y\} \textasciitilde{}"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("[.1, .2]", "{[}.1, .2{]}"),
        ("<u, v>", r"\textless{}u, v\textgreater{}"),
        ("one\ntwo", "one two"),
    ],
)
def test_special_characters_are_escaped(text, set_as):
    assert escape(text) == set_as


def table(rows):
    cells = tuple((f"model_{k}", ".90") for k in range(rows))
    return HtmlTable("scores", "Scores of 95 % & more.", ("model", "R²"), cells, (False, True))


def test_a_table_is_complete():
    text = latex(table(2))
    assert r"\caption{Scores of 95 \% \& more.}\label{tab:scores}" in text
    assert r"\begin{tabular}{lr}" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 1
    assert r"model\_1 & .90 \\" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2


def test_long_tables_go_over_pages():
    text = latex(table(LONG + 1))
    assert r"\begin{longtable}{lr}" in text
    assert r"\endfirsthead" in text
    assert r"\begin{table}" not in text
    assert text.count(r" & .90 \\") == LONG + 1


def test_what_is_not_there_is_not_written(tmp_path):
    write_latex([None, table(1)], Folder.at(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["scores.tex"]
