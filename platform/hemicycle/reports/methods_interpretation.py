"""What the methods paragraph says of maps, geometry, similarity, erasure, explanation and attacks, with sources."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from hemicycle.probes.statement import controls_sentence
from hemicycle.reports.facts import Tables, table
from hemicycle.reports.figures_erasure import METHODS, READERS
from hemicycle.reports.figures_similarity import MEASURES
from hemicycle.reports.summaries import REWIRED
from hemicycle.reports.theme import label, listing

EDGES = "edge_mass_same_side"
_ERASERS = {"leace": "belrose2023leace", "inlp": "ravfogel2020null"}
_COMPARED = {"cka": "kornblith2019similarity", "cka_debiased": "kornblith2019similarity"}
_COMPARED |= {"rsa": "kriegeskorte2008representational"}


def controls_methods(probes: pd.DataFrame) -> str:
    """What was controlled in probes: folds, controls, corrections, and models of a rewired graph."""
    return controls_sentence(probes[probes["control"].fillna("") != ""]).replace("R2", "R²")


def interpretation_methods(tables: Tables, config: Mapping[str, Any]) -> list[str]:
    """One paragraph a question that was asked."""
    parts = (
        _maps(table(tables, "map_results")),
        _geometry(table(tables, "geometry_results")),
        _similarity(table(tables, "similarity")),
        _erasure(table(tables, "erasure_results")),
        _explanation(table(tables, "explanation_results"), config),
        _attacks(table(tables, "attack_results")),
        _concepts(table(tables, "cav_results")),
    )
    return [part for part in parts if part]


def _maps(results: pd.DataFrame) -> str:
    if results.empty:
        return ""
    sources = [str(name) for name in results["source"].dropna().unique() if name] if "source" in results else []
    survey = f" ({listing(sources)})" if sources else ""
    return (
        "Attitudes: correspondence analysis of the data gives latent dimensions (Greenacre 1984); a party stands at "
        f"the mean of its members, and an affine map with a ridge penalty takes these points to the survey{survey}. "
        "Dimensions and penalty are chosen by leaving parties out, and the reported score leaves out parties before "
        "that choice; in-sample scores and parties permuted stand beside it."
    )


def _geometry(geometry: pd.DataFrame) -> str:
    if geometry.empty:
        return ""
    text = "Geometry: the participation ratio and TwoNN (Facco et al. 2017) measure how many dimensions are used;"
    return (
        f"{text} the share of variance that an attitude explains is held out and stands beside that of permuted labels."
    )


def _similarity(similarity: pd.DataFrame) -> str:
    if similarity.empty:
        return ""
    names = [words for name, words in MEASURES.items() if name in set(similarity["measure"])]
    text = f"Similarity of models: {listing(names)}, over up to {int(similarity['n'].max()):,} users,"
    return f"{text} each beside the same with users permuted."


def _erasure(erasure: pd.DataFrame) -> str:
    if erasure.empty:
        return ""
    methods = [words for name, words in METHODS.items() if name in set(erasure["method"]) and name != "random"]
    readers = dict.fromkeys(READERS.get(str(name), label(name)) for name in erasure["reader"].dropna() if name)
    text = f"Erasure: {listing(methods)}, beside random directions of the same number. Erasers and the"
    text += f" readers of what is left ({listing(readers)}) are fitted without the users on whom readers are scored;"
    text += " ranking is compared with the untouched model user by user."
    if (erasure["phase"] == "regrown").any():
        text += " Regrowth: training goes on from the erased start vectors, and readers look again."
    return text


def _explanation(rows: pd.DataFrame, config: Mapping[str, Any]) -> str:
    if rows.empty:
        return ""
    text = (
        "Explanation: a score <u, v> is the sum of its part along an attitude's axis, <u, P v>, and the rest; shares "
        "are ratios of sums over lists. Axes of permuted labels and random directions are the controls, also of what "
        "becomes of lists without the axis."
    )
    return f"{text} {_explainer(config)}" if (rows["measure"] == EDGES).any() else text


def _explainer(config: Mapping[str, Any]) -> str:
    who = "GNNExplainer (Ying et al. 2019)" if _edge_method(config) == "gnn" else "gradients"
    return f"Edges behind recommendations of graph networks are weighed by {who}, against shuffled weights."


def _edge_method(config: Mapping[str, Any]) -> str:
    """How edges are explained; the default is GNNExplainer."""
    asked = (config.get("interpretation") or {}).get("explanation") or {}
    edges = asked.get("edges") if isinstance(asked, Mapping) else None
    return str(edges.get("method", "gnn")) if isinstance(edges, Mapping) else "gnn"


def _attacks(attacks: pd.DataFrame) -> str:
    if attacks.empty:
        return ""
    shares = [f"{share:.0%}" for share in sorted(attacks["known"].unique())]
    seen = " or ".join(dict.fromkeys(map(str, attacks["reads"])))
    return (
        f"Attacks: somebody who sees all users' {seen} and the labels of {listing(shares)} of users fits a probe to "
        "these and infers the labels of the others; the advantage is over the same attacker who sees covariates alone, "
        "or only knows the majority."
    )


def _concepts(concepts: pd.DataFrame) -> str:
    if concepts.empty:
        return ""
    return (
        "Concepts: the normal of a regression that tells a concept's members from others (Kim et al. 2018), fitted "
        "without each fold in turn; stability is the mean cosine between these directions, and items gain whose score "
        "rises along it. Permuted labels are the control of both."
    )


# -- sources ---------------------------------------------------------------------------------------------------------


def interpretation_keys(tables: Tables, config: Mapping[str, Any]) -> list[str]:
    """Keys of the sources of what was used."""
    return [
        *_probe_keys(table(tables, "probe_results")),
        *_map_keys(tables, config),
        *(["facco2017estimating"] if len(table(tables, "geometry_results")) else []),
        *_named(table(tables, "similarity"), "measure", _COMPARED),
        *_named(table(tables, "erasure_results"), "method", _ERASERS),
        *_edge_keys(table(tables, "explanation_results"), config),
        *(["kim2018interpretability"] if len(table(tables, "cav_results")) else []),
    ]


def _probe_keys(probes: pd.DataFrame) -> Iterator[str]:
    if probes.empty:
        return
    if probes["probe"].str.startswith("mdl").any():
        yield "voita2020information"
    if "control" in probes and (probes["control"] == REWIRED).any():
        yield "strona2014fast"
    if "p_holm" in probes:
        yield from ("holm1979simple", "benjamini1995controlling")


def _map_keys(tables: Tables, config: Mapping[str, Any]) -> Iterator[str]:
    results = table(tables, "map_results")
    asked = str((config.get("interpretation") or {}).get("attitudes") or "")
    if len(results) or len(table(tables, "attitude_points")):
        yield from ("greenacre1984theory", "ramaciotti2023inferring")
    told = asked + (" ".join(map(str, results["source"].unique())) if "source" in results else "")
    if "ches" in told.lower() or "chapel hill" in told.lower():
        yield "jolly2022chapel"
    if "ideal" in asked.lower():
        yield "barbera2015birds"


def _edge_keys(rows: pd.DataFrame, config: Mapping[str, Any]) -> Iterator[str]:
    if len(rows) and (rows["measure"] == EDGES).any() and _edge_method(config) == "gnn":
        yield "ying2019gnnexplainer"


def _named(rows: pd.DataFrame, column: str, keys: Mapping[str, str]) -> list[str]:
    present = set(rows[column]) if len(rows) else set()
    return [key for name, key in keys.items() if name in present]
