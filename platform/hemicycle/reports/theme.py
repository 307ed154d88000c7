"""Colours, type and number formats of every figure.

The categorical colours are those of Okabe and Ito (2008, "Color Universal Design"), told apart by readers with any
common colour vision; shape or dash repeats what colour says.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import pandas as pd

FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ORANGE, SKY, GREY, OLIVE = "#e69f00", "#56b4e9", "#808080", "#8a8a2a"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, OLIVE, GREY)
MINUS = "\u2212"
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 2], [10, 4], [3, 6])
STATUS_COLOURS = {"trained": BLUE, "untrained": ORANGE, "foreign": GREEN, "derived": PURPLE}
STATUS_SHAPES = {"trained": "circle", "untrained": "diamond", "foreign": "square", "derived": "triangle-up"}
LABELS = {
    "mf": "MF",
    "lightgcn": "LightGCN",
    "bpr": "BPR",
    "popularity": "Popularity",
    "adamic_adar": "Adamic-Adar",
    "foreign": "foreign model",
    "friedkin_johnsen": "Friedkin-Johnsen",
    "degroot": "DeGroot",
    "deffuant": "Deffuant",
    "axelrod": "Axelrod",
    "baumann": "Baumann",
    "sasahara": "Sasahara",
    "q_voter": "q-voter",
    "attraction_repulsion": "attraction-repulsion",
    "bounded_confidence": "bounded confidence",
    "none": "no exposure",
    "random": "random exposure",
    "popular": "popular accounts",
    "recommended": "recommended exposure",
    "neighbours": "neighbours only",
    "chronological": "chronological feed",
    "similar": "similar accounts",
    "structural": "link recommendation",
    "administrator": "network administrator",
    "outlets": "media outlets",
    "mixed": "mixed exposure",
    "esteban_ray": "Esteban-Ray index",
    "flache_macy": "Flache-Macy polarization",
    "r2": "R²",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "bits_saved": "share of bits saved",
    "auc": "AUC",
    "neighbour_correlation": "neighbour correlation",
}
SETTINGS = {
    "dim": "dimension",
    "lr": "learning rate",
    "l2": "L2 penalty",
    "negatives_by": "how negatives are drawn",
    "init_scale": "scale of initial vectors",
    "weight_decay": "weight decay",
    "max_steps": "most steps",
    "batch": "batch size",
    "k": "neighbours (k)",
    "popularity": "correction for popularity",
    "user_exponent": "exponent of users",
    "unobserved": "weight of what was not observed",
    "branch": "architecture",
    "model": "architecture",
}
_ARMS = {"none", "random", "popular", "recommended", "neighbours"}
_PARTIES = {
    "democrat": BLUE,
    "democratic": BLUE,
    "d": BLUE,
    "100": BLUE,
    "republican": VERMILION,
    "r": VERMILION,
    "200": VERMILION,
    "independent": GREEN,
    "i": GREEN,
    "328": GREEN,
    "left": BLUE,
    "right": VERMILION,
    "liberal": BLUE,
    "conservative": VERMILION,
    "other": GREY,
}


def label(name: object) -> str:
    """Name for people of a family, arm, score or metric; what is not known is shown as it is."""
    text = str(name)
    if "@" in text:
        head, _, cut = text.partition("@")
        return f"{head.upper() if head in {'ndcg', 'map'} else head.capitalize()}@{cut}"
    return LABELS.get(text.lower(), text.replace("_", " ") if " " not in text else text)


def level_label(level: object) -> str:
    """Name for people of a factor's level; words that only name a simulation's arm are left as they are."""
    return str(level) if str(level) in _ARMS else label(level)


def setting(key: str) -> str:
    """Name for people of a hyperparameter's dotted key: ``train.lr`` is the learning rate."""
    name = key.rpartition(".")[2]
    return SETTINGS.get(name, name.replace("_", " "))


def split_name(model: str) -> tuple[str, str]:
    """A model's name and the rest in brackets, which is empty for most: titles have two lines for them."""
    name, bracket, rest = model.partition(" (")
    return name, f"({rest}" if bracket else ""


TWO_LINES = "split(replace(datum.label, ' (', '|('), '|')"
"""Vega expression that sets such a name on two lines of an axis."""


def number(value: float, digits: int = 2) -> str:
    """Format a score without its leading zero and with a true minus sign: ``.93``, ``-.02``, ``1.00``."""
    if value is None or not math.isfinite(value):
        return "n/a"
    rounded = round(value, digits)
    text = f"{abs(rounded):.{digits}f}"
    text = text[1:] if text.startswith("0.") else text
    return f"{MINUS}{text}" if rounded < 0 else text


def with_minus(text: str) -> str:
    """Text with true minus signs before its numbers."""
    return re.sub(r"(?<![\w.])-(?=\.?\d)", MINUS, text)


def signed(value: float, digits: int = 2) -> str:
    """Format a difference, with its sign."""
    text = number(value, digits)
    return text if text.startswith((MINUS, "n/a")) or round(value, digits) == 0 else f"+{text}"


def small(value: float) -> str:
    """Format a number of unknown size with two significant digits."""
    if value is None or not math.isfinite(value):
        return "n/a"
    digits = 2 if value == 0 else max(0, 1 - math.floor(math.log10(abs(value))))
    return number(value, min(digits, 8))


def interval(low: float, high: float, digits: int = 2) -> str:
    """Format an interval as `` [.90, .95]``; empty where it is not known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f" [{number(low, digits)}, {number(high, digits)}]"


def listing(parts: Iterable[str], word: str = "and") -> str:
    """Join as prose: ``a, b and c``."""
    items = list(parts)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}" if items else ""


def group_colours(groups: Sequence[str]) -> list[str]:
    """One colour per group: a party's customary one where it has one, else the next free of the cycle."""
    known = [_PARTIES.get(group.strip().lower()) for group in groups]
    free = iter([colour for colour in CYCLE if colour not in known] + [GREY] * len(groups))
    return [colour or next(free) for colour in known]


def inline(frame: pd.DataFrame) -> alt.InlineData:
    """Put a table into a chart: five significant digits, missing values as null."""
    plain = frame.copy()
    for name in plain.columns:
        if pd.api.types.is_float_dtype(plain[name]):
            plain[name] = [float(f"{value:.5g}") for value in plain[name]]
    values: Any = plain.astype(object).where(plain.notna(), None).to_dict(orient="records")
    return alt.InlineData(values=values)


def vega_config(*, dark: bool = False) -> dict[str, Any]:
    """Vega-Lite configuration of all figures on a light or a dark page."""
    ink, soft, faint = ("#e8e6e1", "#b9b6ae", "#3a3d42") if dark else ("#22252a", "#5b5f66", "#e4e2dc")
    text = {"labelFont": FONT, "titleFont": FONT, "labelColor": soft, "titleColor": ink, "labelFontSize": 12}
    return {
        "background": "#1b1d21" if dark else "#ffffff",
        "font": FONT,
        "padding": 8,
        "view": {"stroke": None},
        "axis": {
            **text,
            "titleFontSize": 12,
            "titleFontWeight": 600,
            "titlePadding": 8,
            "grid": True,
            "gridColor": faint,
            "domain": False,
            "tickColor": faint,
            "labelPadding": 5,
        },
        "header": {**text, "titleFontSize": 13, "labelFontSize": 13, "labelFontWeight": 600, "labelColor": ink},
        "legend": {**text, "orient": "top", "titleFontSize": 12, "symbolSize": 90, "labelLimit": 260, "offset": 10},
        "title": {
            "font": FONT,
            "color": ink,
            "fontSize": 13,
            "fontWeight": 600,
            "anchor": "start",
            "subtitleColor": soft,
            "subtitleFont": FONT,
            "subtitleFontSize": 11.5,
            "offset": 8,
        },
        "text": {"font": FONT, "color": soft, "fontSize": 11},
        "rule": {"color": soft},
    }
