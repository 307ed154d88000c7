"""Vectors of texts: term frequencies weighted by rarity, then their leading directions (latent semantic analysis).

Deerwester, Dumais, Furnas, Landauer and Harshman (1990), *Indexing by latent semantic analysis*, JASIS 41(6); the
decomposition is randomised (Halko, Martinsson and Tropp 2011, SIAM Review 53(2)). Nothing but the texts is read, so
items that nobody has seen yet are placed like all others.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.utils.extmath import randomized_svd

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of

Language = Literal["english", "french"]
_POWER_ITERATIONS = 7

_FRENCH = """
afin ai ainsi alors après as assez au aucun aucune aujourd aussi autre autres aux avaient avais avait avant avec
avez aviez avions avoir avons ayant beaucoup bien car ce ceci cela celle celles celui cependant ces cet cette ceux
chaque chez ci comme comment contre dans de depuis des deux devant doit donc dont du elle elles en encore entre
es est et étaient étais était étant été êtes étiez étions être eu eux fait faire fois font furent fut hors hui
ici il ils je jusqu jusque la là le les leur leurs lors lorsqu lorsque lui ma mais malgré me même mêmes mes mien
moi moins mon ne ni nos notre nôtre nous on ont ou où par parce parmi pas peu peut peuvent plus plusieurs plutôt
pour pourquoi pourtant presque puis puisqu puisque qu quand que quel quelle quelles quels quelqu quelque quelques
qui quoi quoique sa sans sauf se selon sera seraient serait seront ses si sien soi soient soit sommes son sont
sous souvent suis sur ta tandis tant te tel telle telles tels tes toi ton toujours tous tout toute toutes très
trop tu un une va vais vers voici voilà vont vos votre vôtre vous vu ça étant
"""
FRENCH_STOP_WORDS = frozenset(_FRENCH.split())
"""Function words of French; elided ones without their apostrophe (``qu``, ``lorsqu``), as texts are cut there."""


class TextOptions(Options):
    """How texts become vectors."""

    dims: int = Field(64, ge=1, le=2048)
    """Dimensions kept; fewer come out where the texts have fewer."""
    ngrams: int = Field(1, ge=1, le=3)
    """Longest run of words that counts as a term."""
    min_df: int = Field(2, ge=1)
    """Terms in fewer texts are left out."""
    max_df: float = Field(0.5, gt=0, le=1)
    """Terms in a larger share of the texts are left out."""
    max_terms: int = Field(100_000, ge=1)
    """The most frequent terms are kept."""
    stop_words: tuple[Language, ...] = ()
    """Languages whose function words are left out."""
    seed: int = Field(0, ge=0)
    """Key of the randomised decomposition."""


def text_vectors(texts: Sequence[str], options: TextOptions, where: str = "text") -> NDArray[np.float32]:
    """Return the vectors of texts.

    With F the matrix texts x terms of (1 + log tf) idf, rows of unit length, and F ~ U S V', rows of U S scaled to
    unit length; each direction's sign makes its largest loading in V positive.

    Args:
        texts: one string each; empty ones get the zero vector.
        options: how.
        where: key path, for messages.

    Returns:
        Shape (len(texts), dims or fewer), rows of length 1 or 0.

    Raises:
        InputError: no term is left.
    """
    terms = _terms(texts, options, where)
    kept = min(options.dims, *terms.shape)
    random = np.random.RandomState(key_of("texts", options.seed) % 2**32)
    left, spread, loadings = randomized_svd(
        terms, kept, n_oversamples=32, n_iter=_POWER_ITERATIONS, flip_sign=False, random_state=random
    )
    largest = loadings[np.arange(kept), np.abs(loadings).argmax(1)]
    vectors = left * (spread * np.where(largest < 0, -1.0, 1.0))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-9), np.float32)


def _terms(texts: Sequence[str], options: TextOptions, where: str) -> sp.csr_matrix:
    vectorizer = TfidfVectorizer(
        ngram_range=(1, options.ngrams),
        min_df=min(options.min_df, max(1, len(texts))),
        max_df=_ceiling(options, len(texts)),
        max_features=options.max_terms,
        stop_words=_stop_words(options),
        sublinear_tf=True,
    )
    try:
        return vectorizer.fit_transform(texts)
    except ValueError as error:
        filled = sum(bool(text.strip()) for text in texts)
        what = f"no term is left of {filled} texts ({len(texts) - filled} are empty)"
        remedy = f"lower min_df (now {options.min_df}), raise max_df (now {options.max_df:g}), or name another column"
        raise InputError(what, where, remedy) from error


def _ceiling(options: TextOptions, n_texts: int) -> Any:
    """Share above which a term is left out; none in a handful of texts, where it would leave out half of them."""
    return 1.0 if options.max_df * n_texts < max(options.min_df, 10) else options.max_df


def _stop_words(options: TextOptions) -> list[str] | None:
    known = {"english": ENGLISH_STOP_WORDS, "french": FRENCH_STOP_WORDS}
    found = sorted(word for language in options.stop_words for word in known[language])
    return found or None
