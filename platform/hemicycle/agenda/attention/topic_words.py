"""Words of documents and topics: counts, TF-IDF, the words that describe a topic, and how coherent these are."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from hemicycle.agenda.attention.stop_words import TOKEN, stop_words
from hemicycle.agenda.attention.topic_options import WordOptions
from hemicycle.core.errors import InputError
from hemicycle.data.traces import without_handles


@dataclass(frozen=True, eq=False)
class Words:
    """Words of documents.

    Args:
        counts: how often each document holds each word, CSR of shape (documents, words).
        words: the words.
    """

    counts: sp.csr_array
    words: tuple[str, ...]

    @cached_property
    def tfidf(self) -> sp.csr_array:
        """Counts as 1 + log, times the inverse document frequency, each document of length 1."""
        return sp.csr_array(TfidfTransformer(sublinear_tf=True).fit_transform(self.counts))

    @cached_property
    def holds(self) -> sp.csr_array:
        """Whether each document holds each word, as 0 and 1."""
        return (self.counts > 0).astype(np.float64)

    @property
    def spoken(self) -> NDArray[np.bool_]:
        """Documents that hold any word that counts."""
        return np.asarray(np.diff(self.counts.indptr) > 0)


def words_of(texts: list[str], options: WordOptions, where: str = "") -> Words:
    """Count words; handles of accounts and addresses are removed before.

    Raises:
        InputError: no word is left; the message never shows a text.
    """
    vectorizer = CountVectorizer(
        stop_words=list(stop_words(options.languages, options.stop_words)),
        token_pattern=TOKEN,
        min_df=options.least_documents,
        max_df=options.most_documents,
        max_features=options.most_words,
        ngram_range=(1, 2 if options.pairs else 1),
    )
    try:
        counts = vectorizer.fit_transform(without_handles(pa.array(texts, pa.string())).to_pylist())
    except ValueError as error:
        raise InputError(
            f"no word stands in at least {options.least_documents} and at most {options.most_documents:.0%} of the "
            f"{len(texts)} texts",
            where=where,
            remedy="give more texts, or change topic_model.words.least_documents and most_documents",
        ) from error.with_traceback(None)
    return Words(sp.csr_array(counts), tuple(vectorizer.get_feature_names_out()))


def top_words(weights: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return the words with the largest weights of each topic, the first of equals first; shape (topics, count)."""
    return np.argsort(-weights, axis=1, kind="stable")[:, :count]


def coherence(words: Words, top: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean normalised pointwise mutual information of the pairs of a topic's words, in [-1, 1]; shape (topics,).

    log(p_ij / (p_i p_j)) / -log p_ij, where p are shares of the documents that hold the words; -1 for words that
    never meet (Bouma 2009, GSCL; Lau, Newman and Baldwin 2014, EACL).

    Args:
        words: words of the documents.
        top: words of each topic, shape (topics, count).
    """
    return np.array([_npmi(words.holds[:, row]) for row in top])


def _npmi(holds: sp.csr_array) -> float:
    together = (holds.T @ holds).toarray() / holds.shape[0]
    alone = together.diagonal()
    pairs = [_pair(together[i, j], alone[i], alone[j]) for i, j in combinations(range(len(alone)), 2)]
    return float(np.mean(pairs))


def _pair(both: float, first: float, second: float) -> float:
    if both in (0.0, 1.0):
        return 2 * both - 1
    return float(np.log(both / (first * second)) / -np.log(both))
