"""Clusters of days and topics: what is independent of each other, and is drawn whole in a bootstrap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.core.errors import InputError


@dataclass(frozen=True, eq=False)
class Clusters:
    """What is independent of each other.

    Args:
        labels: cluster of every topic and day, numbered from 0, shape (topics, times).
        name: what a cluster is, for tables.
        others: labels of a second sort of clusters that p-values allow for too; None: there is none.
    """

    labels: NDArray[np.int64]
    name: str
    others: NDArray[np.int64] | None = None

    @property
    def number(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max()) + 1


def clusters(topics: int, times: int, options: LeadOptions) -> Clusters:
    """Return the clusters that the options ask for.

    Raises:
        InputError: too few topics or days to make clusters of.
    """
    chosen = options.clusters if options.clusters != "auto" else _chosen(topics, times, options)
    by_topic = np.repeat(np.arange(topics)[:, None], times, 1)
    by_block = np.repeat((np.arange(times) // options.block)[None], topics, 0)
    blocks = f"blocks of {options.block} days"
    if chosen != "blocks" and topics < 4:
        raise InputError(
            f"{topics} topics cannot be clusters", "clusters", "give more topics, or write clusters: blocks"
        )
    if chosen != "topics" and times < 4 * options.block:
        raise InputError(f"{times} days make fewer than 4 {blocks}", "block", "give more days, or a smaller block")
    if chosen == "blocks":
        return Clusters(by_block, blocks)
    return Clusters(by_topic, f"topics and {blocks}", by_block) if chosen == "both" else Clusters(by_topic, "topics")


def _chosen(topics: int, times: int, options: LeadOptions) -> str:
    if topics < options.fewest:
        return "blocks"
    return "both" if times >= options.fewest * options.block else "topics"
