"""Options of topics found in texts."""

from typing import Literal, Self

from pydantic import Field, model_validator

from hemicycle.core.config import Options


class WordOptions(Options):
    """Which words count."""

    languages: tuple[Literal["fr", "en"], ...] = ("fr", "en")
    """Whose stop words are left out: ``en`` is scikit-learn's list, ``fr`` this package's."""
    stop_words: tuple[str, ...] = ()
    """Further words that are left out."""
    least_documents: int = Field(10, ge=1)
    """A word counts when so many documents hold it; words are shown, so keep it above what tells a person."""
    most_documents: float = Field(0.5, gt=0, le=1)
    """A word does not count when a larger share of the documents holds it."""
    most_words: int = Field(20_000, ge=10)
    """So many words count, the most frequent ones."""
    pairs: bool = False
    """Whether pairs of neighbouring words count as well."""


class TopicOptions(Options):
    """How topics are found in texts and what a group's attention to them is."""

    method: Literal["nmf", "lda", "bertopic"] = "nmf"
    """Non-negative matrix factorisation of TF-IDF, latent Dirichlet allocation of counts, or BERTopic, an optional
    package."""
    loss: Literal["kullback-leibler", "frobenius"] = "kullback-leibler"
    """What NMF minimises: the divergence, as probabilistic latent semantic analysis does (Gaussier and Goutte 2005), or
    squared differences: several times faster, but a large topic tends to be split where others are small."""
    topics: int = Field(50, ge=2, le=1000)
    """How many; BERTopic reduces to it."""
    words: WordOptions = WordOptions()
    """Which words count."""
    attention: Literal["weights", "assigned"] = "weights"
    """A group's attention to a topic: mean over its documents of the topic's weight, or the share of its documents
    whose largest weight the topic has."""
    top_words: int = Field(10, ge=2, le=100)
    """Words that describe a topic."""
    seeds: int = Field(5, ge=1, le=100)
    """Fits from different starts; the one with the least loss is used, the others say how stable it is."""
    iterations: int | None = Field(None, ge=1)
    """Most passes over the data; default: 400 of NMF, 50 of LDA."""
    least_documents: int = Field(1, ge=1)
    """A time at which a group has fewer documents is missing."""
    labels: str | None = None
    """CSV file of human labels (topic, words, label, category): read where it exists, else written as a template."""

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if self.labels is not None and not self.labels.endswith(".csv"):
            raise ValueError("labels: name a .csv file")
        return self
