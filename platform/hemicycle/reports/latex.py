r"""Tables as LaTeX, to be read by ``\input`` in a document that uses the package booktabs."""

from collections.abc import Sequence

from hemicycle.core.storage import Folder
from hemicycle.reports.tables import HtmlTable

LONG = 45
"""Tables with more rows go over pages, which takes the package longtable."""
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",
    "]": "{]}",
    "\u2212": r"\textminus{}",
    "\u00b2": r"\textsuperscript{2}",
    "\u2192": r"$\rightarrow$",
    "\u00b7": r"\textperiodcentered{}",
    "\n": " ",
}


def escape(text: str) -> str:
    r"""Text that LaTeX sets as it stands; brackets are grouped, as ``\\[...]`` would be read as a distance."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def latex(table: HtmlTable) -> str:
    r"""Set a table with booktabs, its caption and the label ``tab:`` and its id.

    Numbers are set flush right. Tables of more than LONG rows become a ``longtable``.
    """
    columns = "".join("r" if numeric else "l" for numeric in table.numeric)
    caption = rf"\caption{{{escape(table.caption)}}}\label{{tab:{table.id}}}"
    body = [_row(row) for row in table.rows]
    if len(table.rows) > LONG:
        return _long(columns, caption, _row(table.head), body)
    lines = [r"\begin{table}[htbp]", r"\centering\footnotesize", caption, rf"\begin{{tabular}}{{{columns}}}"]
    lines += [r"\toprule", _row(table.head), r"\midrule", *body, r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(["% needs \\usepackage{booktabs}", *lines, ""])


def _long(columns: str, caption: str, head: str, body: Sequence[str]) -> str:
    lines = ["% needs \\usepackage{booktabs,longtable}", r"\begingroup\footnotesize"]
    lines += [rf"\begin{{longtable}}{{{columns}}}", rf"{caption}\\", r"\toprule", head, r"\midrule", r"\endfirsthead"]
    lines += [r"\toprule", head, r"\midrule", r"\endhead", *body, r"\bottomrule", r"\end{longtable}", r"\endgroup"]
    return "\n".join([*lines, ""])


def _row(cells: Sequence[str]) -> str:
    return " & ".join(escape(cell) for cell in cells) + r" \\"


def write_latex(tables: Sequence[HtmlTable | None], folder: Folder) -> None:
    """Write each table as ``<id>.tex``."""
    for table in tables:
        if table is not None:
            folder.write_bytes(f"{table.id}.tex", latex(table).encode())
