"""Headlines of the shape of representations: how alike models are, what attitudes take, where concepts lie."""

import numpy as np
import pandas as pd

from hemicycle.core.records import READOUT
from hemicycle.reports.facts import Tables, table
from hemicycle.reports.figures_similarity import MEASURES, at_recommending, main_measure, named_pairs, ordered
from hemicycle.reports.summaries import at_readout, envelope, recommending, with_model
from hemicycle.reports.theme import interval, listing, number

MOST = 4
VARIANCE = "variance_explained"


def shape_findings(tables: Tables) -> list[str]:
    """Sentences on geometry, similarity and concepts."""
    records = table(tables, "records")
    return [
        *variance_findings(table(tables, "geometry_results"), records),
        *similarity_findings(table(tables, "similarity"), records),
        *concept_findings(table(tables, "cav_results"), records),
    ]


# -- geometry --------------------------------------------------------------------------------------------------------


def variance_findings(geometry: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """Share of the read-out's variance that the first attitude explains, beside permuted labels and the twins."""
    rows = geometry if geometry.empty else geometry[geometry["quantity"] == VARIANCE]
    if rows.empty:
        return []
    rows = with_model(at_readout(recommending(rows, records)), records)
    attitude = rows["attribute"].iloc[0]
    models = list(rows[rows["attribute"] == attitude].groupby("model", sort=False))[:MOST]
    parts = [text for model, part in models if (text := _variance(str(model), part))]
    return [f"Of the variance of the read-out, held out, {attitude} explains {'; '.join(parts)}."] if parts else []


def _variance(model: str, part: pd.DataFrame) -> str:
    own, twins = part[part["status"] != "untrained"], part[part["status"] == "untrained"]
    if own.empty:
        return ""
    low, high = envelope(own.assign(score=own["value"]))
    bounds = interval(own["control_low"].min(), own["control_high"].max())
    beside = [f"permuted labels {number(own['control'].mean())}{bounds}"]
    beside += [f"untrained {number(twins['value'].mean())}"] if len(twins) else []
    return f"{number(own['value'].mean())}{interval(low, high)} in {model} ({', '.join(beside)})"


# -- similarity ------------------------------------------------------------------------------------------------------


def families(similarity: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Mean similarity of each pair of kinds of models at the layer that recommends.

    Returns:
        Columns ``one``, ``two`` (models, untrained ones called so), ``pairs``, ``value``, ``low``, ``high`` (range over
        pairs), ``control`` and ``control_high`` (users permuted), ``measure`` and ``n``.
    """
    if similarity.empty:
        return pd.DataFrame()
    rows = at_recommending(similarity)
    rows = rows[rows["measure"] == main_measure(rows)]
    pairs = named_pairs(rows, ordered(records, set(rows["record_id"]) | set(rows["other_id"])))
    for side in ("one", "two"):
        twin = pairs[f"{side}_status"].eq("untrained").map({True: ", untrained", False: ""})
        pairs = pairs.assign(**{side: pairs[f"{side}_model"] + twin})
    found = pairs.groupby(["one", "two"], sort=False).agg(
        pairs=("value", "size"),
        value=("value", "mean"),
        low=("value", "min"),
        high=("value", "max"),
        control=("control", "mean"),
        control_high=("control_high", "max"),
        measure=("measure", "first"),
        n=("n", "max"),
    )
    return found.reset_index()


def similarity_findings(similarity: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """How alike seeds of a model are, different models, and models and their own untrained twins."""
    rows = families(similarity, records)
    if rows.empty:
        return []
    twin = rows["two"] == rows["one"] + ", untrained"
    plain = ~rows["one"].str.endswith(", untrained") & ~rows["two"].str.endswith(", untrained")
    within, between = rows[plain & (rows["one"] == rows["two"])], rows[plain & (rows["one"] != rows["two"])]
    parts = [f"{number(r['value'])} between seeds of {r['one']}" for _, r in within.head(MOST).iterrows()]
    parts += [f"{_pooled(between)} between different models"] if len(between) else []
    parts += [f"{_pooled(rows[twin])} between models and untrained twins"] if twin.any() else []
    if not parts:
        return []
    control = f"with users permuted {number(rows['control'].mean())}"
    measure = MEASURES[rows["measure"].iloc[0]]
    return [f"Representations of users are alike ({measure}) by {listing(parts)}; {control}."]


def _pooled(rows: pd.DataFrame) -> str:
    return number(float(np.average(rows["value"], weights=rows["pairs"])))


# -- concepts --------------------------------------------------------------------------------------------------------


def concept_findings(concepts: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """Whether the first concept has a stable direction, and whether recommendations rise along it."""
    rows = concepts if concepts.empty else concepts[concepts["status"] != "untrained"]
    if rows.empty:
        return []
    rows = with_model(at_readout(recommending(rows, records)), records)
    rows = rows[rows["attribute"] == rows["attribute"].iloc[0]]
    rows = rows[rows["concept"] == rows["concept"].iloc[0]]
    parts = [_concept(str(model), part) for model, part in list(rows.groupby("model", sort=False))[:MOST]]
    name = " ".join(dict.fromkeys(str(rows[key].iloc[0]) for key in ("attribute", "concept") if rows[key].iloc[0]))
    where = "read-out" if (rows["layer"] == READOUT).all() else "last layer"
    return [f"The direction of {name} in the {where}, fitted without each fold in turn: {'; '.join(parts)}."]


def _concept(model: str, part: pd.DataFrame) -> str:
    mean = part.select_dtypes("number").mean()
    stable = mean["stability"] > mean["stability_high"]
    agree = f"mean cosine {number(mean['stability'])} in {model}"
    agree += f", {'above' if stable else 'not above'} permuted labels (95 % to {number(mean['stability_high'])})"
    band = interval(mean["rising_low"], mean["rising_high"])
    apart = not mean["rising_low"] <= mean["rising"] <= mean["rising_high"]
    judged = "which permuted labels do not give" if apart else "which permuted labels give, too"
    return f"{agree}; along it {number(mean['rising'])} of items gain, {judged}{band}"
