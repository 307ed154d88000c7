"""Tables of a study's factorial designs: levels of every member, effects of the factors on what came out."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hemicycle.core.records import READOUT
from hemicycle.search.designs import DesignConfig, levels
from hemicycle.search.effects import effects
from hemicycle.studies.comparing import member_name

OUTCOME_COLUMNS = ["design", "member", "seed", "outcome", "value"]
LEVELS, EFFECTS, TESTS = "design_levels", "effects", "effect_tests"


def design_tables(designs: Mapping[str, DesignConfig], tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return levels, effects and their tests for every design of a study; nothing without designs.

    Args:
        designs: name -> design.
        tables: ``records``, ``ranking_results`` and ``probe_results`` of the study.
    """
    if not designs:
        return {}
    found = pd.concat([levels(name, design) for name, design in designs.items()], ignore_index=True)
    every = outcomes(tables)
    kept = [_of(name, design, found, every) for name, design in designs.items()]
    estimated, tested = effects(found, pd.concat(kept, ignore_index=True))
    return {LEVELS: found, EFFECTS: estimated, TESTS: tested}


def _of(name: str, design: DesignConfig, found: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    """Outcomes of one design's members, of those that are asked for."""
    members = set(found.loc[found["design"] == name, "member"])
    mine = every[every["member"].isin(members)]
    if design.outcomes:
        mine = mine[mine["outcome"].isin(design.outcomes)]
    return mine.assign(design=name)[OUTCOME_COLUMNS]


def outcomes(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a record and outcome: NDCG in the test, and what each probe reads from the layer that recommends."""
    frames = [pd.DataFrame(columns=["name", "status", "seed", "outcome", "value"])]
    ranking = tables.get("ranking_results", pd.DataFrame())
    if len(ranking):
        tested = ranking[(ranking["split"] == "test") & ranking["metric"].str.startswith("ndcg@")]
        frames.append(tested.assign(outcome=tested["metric"]))
    probed = tables.get("probe_results", pd.DataFrame())
    if len(probed):
        best = probed[(probed["scope"] == "all") & (probed["layer"] == READOUT) & (probed["control"] == "permuted")]
        best = best.merge(tables["records"][["id", "best_epoch"]], left_on="record_id", right_on="id")
        best = best[best["epoch"] == best["best_epoch"]]
        several = best.groupby("attribute")["probe"].transform("nunique") > 1
        by = np.where(several, best["probe"], "probe")
        frames.append(best.assign(outcome=by + ":" + best["attribute"], value=best["score"]))
    found = pd.concat([frame[frames[0].columns] for frame in frames if len(frame)] or frames, ignore_index=True)
    found = found[found["status"] == "trained"]
    return found.assign(member=found["name"].map(member_name))
