"""Consistency between waves of a survey: do the parties that two waves share stand where they stood?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.attitudes.validation import ValidationOptions, reliability, validate
from hemicycle.core.errors import InputError


@dataclass(frozen=True, eq=False)
class Wave:
    """Positions of parties in one wave of a survey.

    Args:
        names: parties, spelt alike in all waves, each once.
        values: shape (n,); NaN where unknown.
        sds: standard errors of the values, shape (n,); None where unknown.
    """

    names: Sequence[str]
    values: NDArray[np.floating]
    sds: NDArray[np.floating] | None = None


def wave_consistency(
    waves: Mapping[str, Wave], rng: np.random.Generator, options: ValidationOptions | None = None
) -> pd.DataFrame:
    """Compare every two waves on the parties that they share.

    Returns:
        Columns ``wave_a``, ``wave_b``, those of :class:`Validity` (measures ``pearson``, ``spearman``), ``shift`` (mean
        of b less a over shared parties) and ``rmse`` (after that shift).

    Raises:
        InputError: fewer than two waves, names stand twice, a wave is constant, or no two waves share enough parties.
    """
    options = options or ValidationOptions()
    if len(waves) < 2:
        raise InputError(f"{len(waves)} wave", "waves", "give two or more")
    series = {name: _series(name, wave) for name, wave in waves.items()}
    rows = [row for a, b in combinations(series, 2) for row in _pair((a, b), series, rng, options)]
    if not rows:
        counts = ", ".join(f"{name}: {len(part)}" for name, part in series.items())
        what = f"no two waves share {options.least} parties ({counts})"
        raise InputError(what, "waves", "spell parties alike, e.g. by the survey's party_id")
    return pd.DataFrame(rows)


def _pair(
    names: tuple[str, str], series: Mapping[str, pd.DataFrame], rng: np.random.Generator, options: ValidationOptions
) -> Iterator[dict[str, Any]]:
    a, b = (series[name] for name in names)
    shared = a.index.intersection(b.index)
    if len(shared) < options.least:
        return
    a, b = a.loc[shared], b.loc[shared]
    known = a["sd"].notna().all() and b["sd"].notna().all()
    rel = tuple(reliability(p["value"].to_numpy(), p["sd"].to_numpy()) for p in (a, b)) if known else None
    x, y = a["value"].to_numpy(), b["value"].to_numpy()
    about = {"shift": float((y - x).mean()), "rmse": float((y - x).std())}
    for row in validate(x, y, rng, reliabilities=None if rel is None else (rel[0], rel[1]), options=options):
        yield {"wave_a": names[0], "wave_b": names[1], **asdict(row), **about}


def _series(name: str, wave: Wave) -> pd.DataFrame:
    sds = np.full(len(wave.names), np.nan) if wave.sds is None else wave.sds
    if not len(wave.names) == len(wave.values) == len(sds):
        raise InputError(f"{len(wave.names)} names, {len(wave.values)} values", name, "one value a party")
    frame = pd.DataFrame({"value": np.asarray(wave.values, float), "sd": sds}, index=list(wave.names))
    if frame.index.has_duplicates:
        raise InputError(f"{int(frame.index.duplicated().sum())} parties stand twice", name, "keep one of each")
    known: pd.DataFrame = frame[np.isfinite(frame["value"])]
    return known
