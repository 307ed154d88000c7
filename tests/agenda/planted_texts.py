"""Posts with planted topics: made-up words by topic, common words, French and English stop words, noise."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemicycle.core.seeding import rng

TOPICS, GROUPS, DAYS, A_DAY = 6, 2, 30, 25
OWN, COMMON, LENGTH = 40, 60, 10
USUAL = np.array([0.35, 0.2, 0.15, 0.12, 0.1, 0.08])
FILLERS = ("le", "la", "des", "the", "of", "and", "pour", "qu'il", "https://t.co/abc", "@someone")


@dataclass(frozen=True)
class Planted:
    """A table of texts, the topic of each, and the share of a group's posts of a day that each topic has."""

    table: pd.DataFrame
    topic: np.ndarray
    shares: np.ndarray


def word(kind: str, number: int) -> str:
    """A pronounceable word of its own."""
    letters = "bdfgklmnprstvz"
    return kind + letters[number // 14 % 14] + "a" + letters[number % 14] + "o"


def planted(seed: int = 0, a_day: int = A_DAY) -> Planted:
    """Draw days x groups x ``a_day`` posts; 60 % of a post's words are its topic's, the rest common to all."""
    random = rng("planted texts", seed)
    level = np.zeros((DAYS, GROUPS, TOPICS))
    for day in range(1, DAYS):
        level[day] = 0.8 * level[day - 1] + 0.6 * random.standard_normal((GROUPS, TOPICS))
    odds = USUAL * np.exp(level)
    odds /= odds.sum(axis=-1, keepdims=True)
    rows, topics = [], []
    for day, group in np.ndindex(DAYS, GROUPS):
        for topic in random.choice(TOPICS, a_day, p=odds[day, group]):
            own = random.random(LENGTH) < 0.6
            words = [
                word(f"t{'abcdef'[topic]}", random.integers(OWN)) if mine else word("common", random.integers(COMMON))
                for mine in own
            ]
            text = " ".join([*words, *random.choice(FILLERS, 3)])
            rows.append((f"2024-01-{day + 1:02d}T{random.integers(24):02d}:00:00", "ab"[group], text))
            topics.append(topic)
    found = np.array(topics)
    shares = (found.reshape(DAYS, GROUPS, a_day)[..., None] == np.arange(TOPICS)).mean(axis=2)
    return Planted(pd.DataFrame(rows, columns=["date", "group", "text"]), found, shares.transpose(2, 0, 1))
