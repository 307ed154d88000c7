"""Figures as files: SVG, PNG, PDF, and their tables as CSV and parquet."""

import re
from functools import cache
from typing import Any

import altair as alt
import pyarrow as pa
import vl_convert

from hemicycle.core.disclosure import check_release
from hemicycle.core.storage import Folder
from hemicycle.reports.facts import Figure
from hemicycle.reports.theme import vega_config

PNG_SCALE = 2.0
SNIPPET = "window.vegaEmbed = vegaEmbed;"


def vega_lite_version() -> str | None:
    """Version of Vega-Lite that Altair writes, where vl-convert brings it; else its newest."""
    wanted = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    return wanted if wanted in vl_convert.get_vegalite_versions() else None


def specification(figure: Figure) -> dict[str, Any]:
    """Vega-Lite specification without the theme, described for screen readers."""
    spec = {key: value for key, value in figure.vega_lite.items() if key != "config"}
    return {**spec, "description": figure.alt_text}


def svg(figure: Figure) -> str:
    """Draw a figure as SVG on a light ground; coordinates to a hundredth of a point."""
    theme = {**vega_config(), "aria": False}
    text = vl_convert.vegalite_to_svg(specification(figure), vl_version=vega_lite_version(), config=theme)
    return re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found.group()):.2f}", text)


def png(figure: Figure, scale: float = PNG_SCALE) -> bytes:
    """Draw a figure as PNG; ``scale`` is in pixels per point."""
    spec = specification(figure)
    drawn: bytes = vl_convert.vegalite_to_png(spec, vl_version=vega_lite_version(), config=vega_config(), scale=scale)
    return drawn


def pdf(figure: Figure) -> bytes:
    """Draw a figure as PDF."""
    drawn: bytes = vl_convert.vegalite_to_pdf(
        specification(figure), vl_version=vega_lite_version(), config=vega_config()
    )
    return drawn


def export(figure: Figure, folder: Folder, image: str) -> None:
    """Write one figure and its table; ``image`` is its SVG.

    Raises:
        DisclosureError: the table may not leave row by row.
    """
    rows = pa.Table.from_pandas(figure.table, preserve_index=False)
    check_release(figure.id, rows)
    folder.write_bytes(f"{figure.id}.svg", image.encode())
    folder.write_bytes(f"{figure.id}.png", png(figure))
    folder.write_bytes(f"{figure.id}.pdf", pdf(figure))
    folder.write_bytes(f"{figure.id}.csv", figure.table.to_csv(index=False).encode())
    folder.write_table(figure.id, rows)


@cache
def script() -> str:
    """Vega, Vega-Lite and vega-embed as one script that needs no network."""
    bundle: str = vl_convert.javascript_bundle(SNIPPET, vl_version=vega_lite_version())
    return bundle.replace("</script", "<\\/script")
