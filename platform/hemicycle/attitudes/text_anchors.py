"""Texts whose side is known: they hold words of one side only, or they or their authors are labelled."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
Codes = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Anchors:
    """Texts whose side is known.

    Args:
        rows: their rows, each once, shape (k,).
        poles: position of each one's group, shape (k,).
    """

    rows: NDArray[np.int64]
    poles: Floats

    def shuffled(self, rng: np.random.Generator) -> "Anchors":
        """Return the same texts with their poles shuffled, the control of every result."""
        return Anchors(self.rows, rng.permutation(self.poles))


def anchors_from_words(
    texts: Sequence[str], words: Mapping[str, Sequence[str]], poles: Mapping[str, float] | None = None
) -> Anchors:
    """Return the texts that hold words (or phrases) of exactly one group; case does not count.

    Args:
        texts: shape (n,).
        words: by group; two groups or more.
        poles: position of each group; None: evenly from -1 to 1 in the order given.

    Raises:
        InputError: fewer than two groups, a group without words, or poles that do not fit.
    """
    places = _poles(list(words), poles)
    empty = [name for name, group in words.items() if not any(word.strip() for word in group)]
    if empty:
        raise InputError(f"{', '.join(empty)}: no words", "anchors", "name words that only one side uses")
    patterns = [_pattern(group) for group in words.values()]
    hits = np.array([[bool(pattern.search(text)) for pattern in patterns] for text in texts], bool)
    rows = np.flatnonzero(hits.sum(1) == 1)
    return Anchors(rows, places[hits[rows].argmax(1)])


def anchors_from_labels(
    labels: Sequence[str | None], authors: Codes | None = None, poles: Mapping[str, float] | None = None
) -> Anchors:
    """Return the texts that are labelled, or with ``authors`` (n_texts,) those of labelled users.

    Args:
        labels: group of each text, or of each user; None or "" where unknown.
        authors: user of each text.
        poles: position of each group; None: evenly from -1 to 1 in alphabetical order.

    Raises:
        InputError: fewer than two groups, or poles that do not fit.
    """
    names = sorted({label for label in labels if label})
    places = _poles(names, poles)
    codes = np.array([names.index(label) if label else -1 for label in labels], np.int64)
    of_text = codes if authors is None else codes[authors]
    rows = np.flatnonzero(of_text >= 0)
    return Anchors(rows, places[of_text[rows]])


def without_words(texts: Sequence[str], words: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the texts without the anchors' own words.

    An axis through texts that still hold them finds these very words again, so its held-out score is high by
    construction. Without them the score tells whether the rest of what is written differs between the sides.
    """
    pattern = _pattern([word for group in words.values() for word in group])
    return [pattern.sub(" ", text) for text in texts]


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    kept = sorted((re.escape(word.strip()) for word in words if word.strip()), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(kept)})(?!\w)", re.IGNORECASE)


def _poles(names: list[str], poles: Mapping[str, float] | None) -> Floats:
    if len(names) < 2:
        raise InputError(f"{len(names)} group of anchors", "anchors", "an axis needs two or more")
    if poles is None:
        return np.linspace(-1.0, 1.0, len(names))
    if set(poles) != set(names):
        raise InputError(f"poles for {', '.join(poles)}; groups are {', '.join(names)}", "poles", "one for each group")
    places = np.array([poles[name] for name in names], np.float64)
    if not np.isfinite(places).all() or np.ptp(places) == 0:
        raise InputError("poles are NaN, infinite or all the same", "poles", "e.g. -1 and 1")
    return places
