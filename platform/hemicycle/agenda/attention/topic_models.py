"""Fit a topic model: weights of topics in documents and of words in topics."""

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning

from hemicycle.agenda.attention.topic_options import TopicOptions
from hemicycle.agenda.attention.topic_words import Words
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of

_PASSES = {"nmf": 400, "lda": 50, "bertopic": 0}


@dataclass(frozen=True, eq=False)
class TopicModel:
    """A fitted topic model, topics by the share of documents' weight that they have, largest first.

    Args:
        documents: weights of topics, shape (documents, topics), each row of sum 1; NaN where a document has no topic.
        words: weights of words, shape (topics, words), each row of sum 1.
        loss: what the method minimises (NMF: norm of what is left, LDA: perplexity), to choose among starts; else 0.
        converged: False when the passes ended before the fit did.
    """

    documents: NDArray[np.float64]
    words: NDArray[np.float64]
    loss: float = 0.0
    converged: bool = True


def best_first(fits: Sequence[TopicModel]) -> list[TopicModel]:
    """Return fits from several starts by their loss, the first of equals first."""
    return sorted(fits, key=lambda model: model.loss)


def fit(words: Words, texts: list[str], options: TopicOptions, seed: int, start: int = 0) -> TopicModel:
    """Fit the model.

    Args:
        words: words of the documents.
        texts: the documents, used by BERTopic alone.
        options: method and number of topics.
        seed: of the fit.
        start: number of the start; NMF starts from NNDSVDa at 0, at random from others.

    Raises:
        InputError: too few documents or words, or a package is missing.
    """
    _check(words, options)
    state = key_of("topics", seed, start) % 2**32
    if options.method == "bertopic":
        return _ordered(*_bertopic(words, texts, options, state))
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):  # the root of a loss that is 0 but for rounding
        warnings.simplefilter("ignore", ConvergenceWarning)  # told in the result
        if options.method == "nmf":
            return _nmf(words, options, state, start)
        return _lda(words, options, state)


def _check(words: Words, options: TopicOptions) -> None:
    spoken, n_words = int(words.spoken.sum()), len(words.words)
    if options.topics > min(spoken, n_words):
        raise InputError(
            f"{options.topics} topics cannot be told apart in {spoken} texts with {n_words} different words",
            where="topic_model.topics",
            remedy="ask for fewer topics, give more texts, or lower topic_model.words.least_documents",
        )


def _passes(options: TopicOptions) -> int:
    return options.iterations or _PASSES[options.method]


def _nmf(words: Words, options: TopicOptions, state: int, start: int) -> TopicModel:
    """Factorise TF-IDF into two non-negative matrices (Lee and Seung 1999, Nature 401)."""
    keys = {"init": "random" if start else "nndsvda", "random_state": state, "max_iter": _passes(options)}
    solver = "mu" if options.loss == "kullback-leibler" else "cd"
    model = NMF(options.topics, beta_loss=options.loss, solver=solver, **keys)
    documents = model.fit_transform(words.tfidf)
    length = model.components_.sum(axis=1)
    found = _ordered(documents * length, model.components_)
    converged = int(model.n_iter_) < _passes(options)
    return replace(found, loss=float(np.nan_to_num(model.reconstruction_err_)), converged=converged)


def _lda(words: Words, options: TopicOptions, state: int) -> TopicModel:
    """Latent Dirichlet allocation (Blei, Ng and Jordan 2003) by variational Bayes over all documents."""
    model = LatentDirichletAllocation(
        options.topics, learning_method="batch", random_state=state, max_iter=_passes(options), evaluate_every=5
    )
    documents = model.fit_transform(words.counts)
    documents[~words.spoken] = 0  # it gives a document without words the mean of all
    converged = int(model.n_iter_) < _passes(options)
    return replace(_ordered(documents, model.components_), loss=float(model.bound_), converged=converged)


def _bertopic(
    words: Words, texts: list[str], options: TopicOptions, state: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """BERTopic (Grootendorst 2022): clusters of sentence vectors; words: mean TF-IDF of a cluster."""
    try:
        bertopic, umap = importlib.import_module("bertopic"), importlib.import_module("umap")
    except ImportError as error:
        raise InputError(
            "the method bertopic needs the package BERTopic, which is not installed",
            where="topic_model.method",
            remedy="pip install 'hemicycle[topics]', or choose nmf or lda",
        ) from error
    places = umap.UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=state)
    model = bertopic.BERTopic(language="multilingual", nr_topics=options.topics + 1, umap_model=places)
    assigned = np.asarray(model.fit_transform(texts)[0])
    topics = np.unique(assigned[assigned >= 0])
    documents = (assigned[:, None] == topics).astype(np.float64)
    return documents, np.asarray((sp.csr_array(documents.T) @ words.tfidf).toarray())


def _ordered(documents: NDArray[np.float64], topics: NDArray[np.float64]) -> TopicModel:
    shares = _of_sum_one(documents, np.nan)
    order = np.argsort(-np.nansum(shares, axis=0), kind="stable")
    return TopicModel(shares[:, order], _of_sum_one(topics, 0.0)[order])


def _of_sum_one(x: NDArray[np.float64], empty: float) -> NDArray[np.float64]:
    total = x.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(x, total, out=np.full(x.shape, empty), where=total > 0))
