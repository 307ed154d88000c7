"""The report: one HTML file that works offline, with its figures and tables beside it."""

import base64
import math
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from hemicycle.core.disclosure import K
from hemicycle.core.errors import DisclosureError
from hemicycle.core.storage import Folder
from hemicycle.reports import tables as html_tables
from hemicycle.reports import tables_interpretation, tables_quality, tables_simulations
from hemicycle.reports.export import export, script, specification, svg
from hemicycle.reports.facts import Figure, StudyFacts, Tables, table
from hemicycle.reports.figures_agenda import agenda_figures
from hemicycle.reports.figures_attitudes import attitude_map, map_scores
from hemicycle.reports.figures_effects import factor_effects, factor_shares
from hemicycle.reports.figures_epochs import score_by_epoch
from hemicycle.reports.figures_erasure import erasure_frontier, erasure_regrowth
from hemicycle.reports.figures_explanation import counterfactual_flows, share_by_rank
from hemicycle.reports.figures_frontier import cross_cutting_frontier
from hemicycle.reports.figures_geometry import geometry_by_epoch, geometry_by_layer
from hemicycle.reports.figures_layers import score_by_layer
from hemicycle.reports.figures_map import ideological_map
from hemicycle.reports.figures_quality import beyond_accuracy, quality_by_group
from hemicycle.reports.figures_search import search_figures
from hemicycle.reports.figures_similarity import model_map, similarity_matrix
from hemicycle.reports.figures_simulations import simulation_figures
from hemicycle.reports.figures_trajectories import learning_epochs, politics_appears
from hemicycle.reports.findings import findings
from hemicycle.reports.latex import write_latex
from hemicycle.reports.methods import bibliography, methods
from hemicycle.reports.spotlight import spotlight
from hemicycle.reports.tables_agenda import agenda_tables
from hemicycle.reports.tables_search import search_tables
from hemicycle.reports.theme import BLUE, GREEN, GREY, VERMILION, vega_config
from hemicycle.simulations.protocol import markdown, protocol

REPORT, PROTOCOL = "report.html", "protocol.md"
MOST_STATIC_BYTES = 250_000


def figures(tables: Tables) -> list[Figure]:
    """Every figure that the tables allow, in the order of the report."""
    searched, tables = search_figures(tables), spotlight(tables)
    records, probes = table(tables, "records"), table(tables, "probe_results")
    drawn = (
        factor_shares(table(tables, "effect_tests")),
        factor_effects(table(tables, "effects")),
        ideological_map(table(tables, "map_points"), records),
        score_by_layer(probes, records),
        score_by_epoch(probes, records),
        *_interpretation(tables, records),
        quality_by_group(table(tables, "group_results"), records),
        beyond_accuracy(table(tables, "list_results"), records),
        cross_cutting_frontier(table(tables, "frontier"), records),
    )
    shown = [figure for figure in drawn if figure is not None]
    return [*searched, *shown, *agenda_figures(tables), *simulation_figures(tables)]


def _interpretation(tables: Tables, records: pd.DataFrame) -> list[Figure | None]:
    """Figures of what else was asked of representations."""
    probes, ranking = table(tables, "probe_results"), table(tables, "ranking_results")
    erased, shape = table(tables, "erasure_results"), table(tables, "geometry_results")
    return [
        learning_epochs(probes, ranking, records),
        politics_appears(table(tables, "trajectory_points"), records),
        geometry_by_layer(shape, records),
        geometry_by_epoch(shape, records),
        similarity_matrix(table(tables, "similarity"), records),
        model_map(table(tables, "similarity_map"), records),
        attitude_map(table(tables, "attitude_points"), table(tables, "map_results")),
        map_scores(table(tables, "map_results")),
        erasure_frontier(erased, records),
        erasure_regrowth(erased, records),
        share_by_rank(table(tables, "explanation_results"), records),
        counterfactual_flows(table(tables, "explanation_flows"), records),
    ]


def check_map(points: pd.DataFrame, *, public: bool) -> None:
    """Refuse a map that shows people who are not public one by one or in cells under K.

    Raises:
        DisclosureError: says how many rows, never which.
    """
    if public or points.empty:
        return
    named = int(points["entity_name"].fillna("").astype(str).ne("").sum())
    thin = int((points["n"].fillna(0) < K).sum())
    if named or thin:
        raise DisclosureError(
            f"the table 'map_points' has {named} named rows and {thin} cells under {K} people, and its people are not "
            "public",
            remedy=f"publish cells of at least {K} people without names",
        )


def write_report(facts: StudyFacts, tables: Tables, folder: Folder) -> str:
    """Write report.html and ``figures/`` (SVG, PNG, PDF, CSV and parquet of each figure, LaTeX of every table).

    A study with simulations also has protocol.md, what was simulated in the form of ODD.

    Args:
        facts: what the study is.
        tables: result tables by name; missing and empty ones leave their part out.
        folder: where to write.

    Returns:
        Location of the report.

    Raises:
        DisclosureError: a table would show people who are not public; nothing has been written.
    """
    check_map(table(tables, "map_points"), public=facts.public)
    drawn = figures(tables)
    images = {figure.id: svg(figure) for figure in drawn}
    for figure in drawn:
        export(figure, folder / "figures", images[figure.id])
    set_in_type = [html_tables.glance(spotlight(tables)), *report_tables(tables)]
    write_latex([*set_in_type, *(html_tables.frame_table(f.id, f.table) for f in drawn)], folder / "figures")
    text = markdown(protocol(facts.config))
    if text:
        folder.write_bytes(PROTOCOL, text.encode())
    folder.write_bytes(REPORT, render(facts, tables, drawn, images).encode())
    return f"{folder.uri}/{REPORT}"


def render(facts: StudyFacts, tables: Tables, drawn: list[Figure], images: Mapping[str, str]) -> str:
    """The report as text."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    source = (resources.files("hemicycle.reports") / "template.html.j2").read_text(encoding="utf-8")
    few = spotlight(tables)
    found = findings(tables)
    return environment.from_string(source).render(
        facts=facts,
        lead=found[0] if found else "This study has no results yet.",
        findings=found[1:],
        glance=html_tables.glance(few),
        figures=[
            (figure, _static(images[figure.id]), html_tables.frame_table(figure.id, figure.table)) for figure in drawn
        ],
        specs={figure.id: specification(figure) for figure in drawn},
        themes={"light": vega_config(), "dark": vega_config(dark=True)},
        tables=report_tables(tables),
        methods=methods(facts, tables),
        bibliography=bibliography(tables, facts.config),
        protocol=protocol(facts.config),
        provenance=list(flat(facts.provenance)),
        config=list(flat(facts.config)),
        seats=list(seats()),
        script=Markup(script() if drawn else ""),  # noqa: S704 the packaged Vega bundle, no input in it
    )


def report_tables(tables: Tables) -> list[html_tables.HtmlTable]:
    """Every table that the results allow, in the order of the report."""
    asked = tables_interpretation
    ranked = (html_tables.models, tables_quality.differences, tables_quality.impressions)
    makers = (*ranked, html_tables.probes, asked.erasure, asked.attacks, asked.similarity, asked.map_results)
    few = spotlight(tables)
    moved = (tables_simulations.contrasts, tables_simulations.knowledge, tables_simulations.sensitivity)
    made = (maker(few) for maker in (*makers, *moved, html_tables.failures))
    return [*search_tables(tables), *agenda_tables(tables), *(table for table in made if table is not None)]


def _static(image: str) -> str:
    """Data URI of a figure for printing and for browsers without scripts; empty when it is very large."""
    content = image.encode()
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode()}" if len(content) < MOST_STATIC_BYTES else ""


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested plain values as pairs of dotted key and text; empty values are left out."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from flat(item, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from flat(item, f"{prefix}.{index}")
    elif value not in (None, "", [], ()):
        yield prefix, f"{value:.4g}" if isinstance(value, float) else str(value)


def seats() -> Iterator[tuple[float, float, str]]:
    """Seats of the small hemicycle in the heading: x, y and colour."""
    for radius, count in ((18, 9), (27, 13), (36, 17)):
        for index in range(count):
            share = index / (count - 1)
            colour = next(c for limit, c in ((0.38, BLUE), (0.5, GREEN), (0.62, GREY), (2, VERMILION)) if share < limit)
            yield 42 - radius * math.cos(math.pi * share), 42 - radius * math.sin(math.pi * share), colour
