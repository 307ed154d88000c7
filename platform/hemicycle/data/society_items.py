"""Items of a synthetic society: outlets, leanings, popularity, short texts."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.data.society_edges import popularity
from hemicycle.data.society_options import Items, SyntheticConfig
from hemicycle.data.society_people import Codes, Floats, People, fold, normal, uniform

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_SYLLABLES = tuple(c + v for c in _CONSONANTS for v in _VOWELS)
_COLOURED, _NEUTRAL, _LEVELS = 40, 200, 64
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Content:
    """Items of a society.

    Args:
        leaning: float32, shape (n_items, dimensions).
        outlet: outlet's number, shape (n_items,).
        popularity: weights of mean 1, shape (n_items,).
        texts: strings, or None.
    """

    leaning: Floats
    outlet: Codes
    popularity: Floats
    texts: pa.ChunkedArray | None


def content(config: SyntheticConfig, society: People) -> Content:
    """Draw items: y_i = o_i + ``spread`` half-widths times normal, reflected into the attitude space."""
    items, dims, seed = config.items, config.dimensions, config.seed
    outlet = (uniform(items.number, 1, "outlet", seed)[:, 0] * items.outlets).astype(np.int32)
    noise = normal(items.number, dims, "leaning", seed) * (items.spread * (society.high - society.low) / 2)
    leaning = fold(outlets(config, society)[outlet] + noise, society.low, society.high)
    return Content(
        leaning=leaning,
        outlet=outlet,
        popularity=popularity(uniform(items.number, 1, "popularity", seed)[:, 0], items.exponent).astype(np.float32),
        texts=texts(items, _scaled(leaning, society), key_of("text", seed)) if items.texts or config.news else None,
    )


def outlets(config: SyntheticConfig, society: People) -> Floats:
    """Leanings of the outlets, shape (outlets, dimensions)."""
    draws = uniform(config.items.outlets, config.dimensions, "outlets", config.seed)
    if config.items.leaning == "users":
        return society.positions[(draws[:, 0] * len(society.positions)).astype(np.int64)]
    return (society.low + draws * (society.high - society.low)).astype(np.float32)


def _scaled(leaning: Floats, society: People) -> Floats:
    """Map the attitude space to [-1, 1]."""
    width = np.where(society.high > society.low, society.high - society.low, 1)
    return ((2 * leaning - society.low - society.high) / width).astype(np.float32)


def vocabulary(dimensions: int) -> list[str]:
    """Made-up words of two syllables: 40 coloured ones for each dimension, from one pole to the other, 200 neutral."""
    size = dimensions * _COLOURED + _NEUTRAL
    scattered = [(word * 1789) % len(_SYLLABLES) ** 2 for word in range(size)]
    return [_SYLLABLES[code // len(_SYLLABLES)] + _SYLLABLES[code % len(_SYLLABLES)] for code in scattered]


def texts(items: Items, leaning: Floats, key: int) -> pa.ChunkedArray:
    """Draw texts.

    Each word is, with equal probability, neutral or about one dimension d chosen at random; word k of the 40 of a
    dimension, of loading b_k from -1 to 1, comes with probability proportional to exp(slant b_k y_d). Neutral words
    follow Zipf's law.

    Args:
        items: number of words and slant.
        leaning: in [-1, 1], shape (n_items, dimensions).
        key: of the random numbers.

    Returns:
        One string an item.
    """
    words = pa.array(vocabulary(leaning.shape[1]))
    chunks = []
    for first in range(0, len(leaning), _CHUNK):
        codes = word_codes(items, leaning[first : first + _CHUNK], key, first)
        chunks.append(pc.binary_join_element_wise(*[words.take(pa.array(column)) for column in codes.T], " "))
    return pa.chunked_array(chunks, pa.string())


def word_codes(items: Items, leaning: Floats, key: int, first: int = 0) -> NDArray[np.int64]:
    """Draw words of items ``first``, ``first + 1`` ...: indices into the vocabulary, shape (n, words)."""
    n, dims = leaning.shape
    draws = keyed_uniform(key, np.arange(first, first + n), np.arange(2 * items.words))
    topic, which = draws[:, : items.words], draws[:, items.words :]
    dimension = np.minimum((2 * topic * dims).astype(np.int64), dims - 1)
    level = np.rint((np.take_along_axis(leaning, dimension, axis=1) + 1) / 2 * (_LEVELS - 1)).astype(np.int64)
    coloured = dimension * _COLOURED + _search(_coloured(items.slant), level, which)
    zipf = np.cumsum(1 / np.arange(1, _NEUTRAL + 1))
    neutral = dims * _COLOURED + _search((zipf / zipf[-1])[None], np.zeros_like(level), which)
    return np.asarray(np.where(topic < 0.5, coloured, neutral), np.int64)


def _coloured(slant: float) -> NDArray[np.float64]:
    """Cumulative probabilities of a dimension's words at each level of leaning, shape (levels, words)."""
    exponent = slant * np.linspace(-1, 1, _LEVELS)[:, None] * np.linspace(-1, 1, _COLOURED)
    sums = np.cumsum(np.exp(exponent), axis=1)
    return np.asarray(sums / sums[:, -1:])


def _search(rows: NDArray[np.float64], row: NDArray[np.int64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Column at which each draw falls in the cumulative probabilities of its row."""
    flat = (rows + np.arange(len(rows))[:, None]).ravel()
    found = np.searchsorted(flat, row + draws, side="right") - row * rows.shape[1]
    return np.asarray(np.minimum(found, rows.shape[1] - 1), np.int64)
