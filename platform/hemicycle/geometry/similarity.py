"""How alike the representations of many models are: linear CKA, RSA and Procrustes distance for all pairs at once.

All are blind to rotations and to the scale of a representation, which training leaves undetermined.

==================  ==============================================================================================
``cka``             ||X'Y||^2 / (||X'X|| ||Y'Y||), Frobenius norms of centred columns (Kornblith et al., ICML 2019)
``cka_debiased``    the same of the unbiased HSIC (Song et al., JMLR 2012): 0 on average for unrelated vectors
``rsa``             rank correlation of user-user distances (Kriegeskorte et al., Front. Syst. Neurosci. 2008)
``procrustes``      sqrt(2 - 2 ||X'Y||_* / (||X|| ||Y||)), 0 for the same (Ding, Denain & Steinhardt, NeurIPS 2021)
==================  ==============================================================================================

Plain CKA of few users with many dimensions is far above 0 even for unrelated vectors: the control says how far.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of, keyed_uniform, rng
from hemicycle.geometry.measures import (
    CKA,
    NUCLEAR,
    Array,
    Floats,
    Form,
    Measure,
    distance_ranks,
    ratios,
    rsa,
    stacked,
)

LEAST = 8
"""Users below which nothing is compared."""
_BUDGET = 4e11
_Z = 1.959964


class SimilarityConfig(Options):
    """How representations are compared."""

    measures: tuple[Measure, ...] = ("cka", "cka_debiased", "rsa", "procrustes")
    """What is computed."""
    users: int = Field(10_000, ge=LEAST)
    """Users at most, the same for all models; with 10,000 the standard error of a CKA is about .002."""
    rsa_users: int = Field(500, ge=LEAST)
    """Users among whom distances are taken."""
    permutations: int = Field(20, ge=1)
    """Permutations of rows at most; a large population gets fewer, at least one, since its pairs are many."""
    seed: int = 0
    """Keys the subsample and the permutations."""


@dataclass(frozen=True, eq=False)
class Similarity:
    """One measure of every pair of m models, each array (m, m); NaN where a model's vectors do not vary.

    Args:
        value: the measure.
        low: lower end of its 95 % interval over users.
        high: upper end.
        controls: the same pairs with each model's rows permuted, shape (permutations, m, m).
    """

    value: Array
    low: Array
    high: Array
    controls: Array


def sample_rows(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """Return a random subsample of rows in a random order, the same for every model; its beginning is one, too."""
    chance = keyed_uniform(key_of("similarity users", seed), np.arange(n), np.zeros(1, np.int64))[:, 0]
    return np.argsort(chance, kind="stable")[:most]


def population_similarity(
    vectors: Sequence[NDArray[np.floating]], config: SimilarityConfig
) -> dict[Measure, Similarity]:
    """Compare all models with each other.

    Intervals are by the infinitesimal jackknife over users (Efron, 1982, ch. 6) on Fisher's z scale: the exact
    derivative of each measure by the weight of each user costs as much as the measure itself.

    Args:
        vectors: one array (n, d_m) a model; row i is the same user in all. More than ``config.users`` rows are
            subsampled. Memory: 4 n sum-of-widths bytes twice and small blocks.
        config: measures, subsample, permutations.

    Raises:
        InputError: too few users, rows that differ in number, or NaN.
    """
    _check(vectors)
    rows = sample_rows(len(vectors[0]), config.users, config.seed)
    stack = stacked([part[rows] for part in vectors])
    forms = [form for form in (CKA, NUCLEAR) if set(form.measures) & set(config.measures)]
    found = {measure: made for form in forms for measure, made in _compared(stack, form, config).items()}
    if "rsa" in config.measures:
        found["rsa"] = _compared_distances(stack[: config.rsa_users], config)
    if "procrustes" in found:
        s = found["procrustes"]
        found["procrustes"] = Similarity(_chord(s.value), _chord(s.high), _chord(s.low), _chord(s.controls))
    return {measure: found[measure] for measure in config.measures}


def _check(vectors: Sequence[NDArray[np.floating]]) -> None:
    lengths = sorted({len(part) for part in vectors})
    if len(vectors) < 2:
        raise InputError(f"{len(vectors)} models cannot be compared", "similarity", "give at least two with vectors")
    if len(lengths) > 1:
        raise InputError(
            f"models of {lengths[0]} and of {lengths[-1]} users", "similarity", "give the same users to all"
        )
    if lengths[0] < LEAST:
        raise InputError(f"{lengths[0]} users are too few", "similarity", f"give at least {LEAST} that all models know")
    bad = [str(number) for number, part in enumerate(vectors) if not np.isfinite(part).all()]
    if bad:
        raise InputError(
            f"vectors of model {', '.join(bad)} hold NaN or infinity", "similarity", "leave those users out"
        )


def _order(n: int, seed: int, number: int, model: int) -> NDArray[np.int64]:
    """Order of a model's rows in a permutation."""
    return rng("similarity control", seed, number, model).permutation(n)


def _shuffled(stack: Floats, seed: int, number: int) -> Floats:
    out = np.empty_like(stack)
    for m in range(stack.shape[1]):
        out[:, m] = stack[_order(len(stack), seed, number, m), m]
    return out


def _interval(value: Array, error: Array) -> tuple[Array, Array]:
    """95 % interval of a correlation-like value on Fisher's z scale."""
    inside = np.clip(value, -1 + 1e-12, 1 - 1e-12)
    z, half = np.arctanh(inside), _Z * error / (1 - inside**2)
    sure = np.abs(value) >= 1 - 1e-9
    return np.where(sure, value, np.tanh(z - half)), np.where(sure, value, np.tanh(z + half))


def _chord(cosine: Array) -> Array:
    return np.sqrt(np.maximum(2 - 2 * cosine, 0))


def _compared(stack: Floats, form: Form, config: SimilarityConfig) -> dict[Measure, Similarity]:
    n, models, width = stack.shape
    count = int(np.clip(_BUDGET / (n * (models * width) ** 2), 1, config.permutations))
    wanted = [measure for measure in form.measures if measure in config.measures]
    values, errors = ratios(stack, form, wanted)
    controls = [ratios(_shuffled(stack, config.seed, p), form, wanted, errors=False)[0] for p in range(count)]
    found = {}
    for k, measure in enumerate(wanted):
        found[measure] = Similarity(values[k], *_interval(values[k], errors[k]), np.stack([c[k] for c in controls]))
    return found


def _compared_distances(stack: Floats, config: SimilarityConfig) -> Similarity:
    ranks = distance_ranks(stack)
    value, error = rsa(ranks)
    n, models, _ = ranks.shape
    controls = []
    for number in range(config.permutations):
        orders = [_order(n, config.seed, number, m) for m in range(models)]
        mixed = np.stack([ranks[order, m][:, order] for m, order in enumerate(orders)], axis=1)
        controls.append(rsa(mixed, errors=False)[0])
    return Similarity(value, *_interval(value, error), np.stack(controls))
