"""News of a synthetic society: items that appear and age, what users are shown of them, and what they click.

Item i is published at p_i, uniform over the days, and is about a topic k_i; its text adds words of the topic to those
that tell its leaning. Impressions are shared among users in proportion to activity, at uniform times t; each shows
different items, drawn one after the other with

    p(i | t) ~ w_i^exposure 2^(-(t - p_i) / half-life)     where p_i <= t,

the same for everybody, in random order, so that what is not clicked tells of taste and not of the algorithm. With d
the distance of user and item in units of s (:mod:`hemicycle.data.synthetic`), z a user's taste for a topic (standard
normal; ``party_taste`` is the correlation between two users of a party), q the standardised log w and r the position
from 1, user u clicks with the log odds

    b - affinity d + taste z_(u, k_i) + quality q_i - freshness (t - p_i) / half-life - position log2(r),

b such that the mean probability is ``click_rate`` (the click model is the examination of positions by logits, cf.
Richardson, Dominowska and Ragno 2007, *Predicting clicks*, WWW). What a user has clicked is not shown to her again.

All draws are keyed by impression and position; numbers do not depend on how the work is cut into pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import expit

from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.data.assembly import edge_table
from hemicycle.data.schema import Relation
from hemicycle.data.society_edges import degrees
from hemicycle.data.society_items import Content
from hemicycle.data.society_options import SyntheticConfig
from hemicycle.data.society_people import Codes, Floats, People, Traits, normal, uniform

DAY = 86400.0
_ROUNDS = 24
_IMPRESSIONS_AT_ONCE = 1 << 16
_TOPIC_VOCABULARY = 20
_SYLLABLES = tuple(a + b for a in "bcdfghjklmnpqrstvwz" for b in ("an", "el", "ir", "os", "ut"))
_SAMPLE = 1 << 18


@dataclass(frozen=True)
class Newsroom:
    """What items are about and when they appeared; arrays of shape (n_items,).

    Args:
        published: seconds.
        topic: number of the topic.
        texts: the words of the leaning and those of the topic.
    """

    published: NDArray[np.float64]
    topic: Codes
    texts: pa.ChunkedArray


@dataclass(frozen=True)
class Log:
    """What was shown, one row an item shown, impression after impression.

    Args:
        impression: its number, shape (n,).
        user: who saw it, shape (n,).
        item: what, shape (n,).
        position: from 0, shape (n,).
        time: seconds, shape (n,).
        chance: true probability of a click, shape (n,).
        clicked: shape (n,).
    """

    impression: NDArray[np.int64]
    user: Codes
    item: Codes
    position: NDArray[np.int16]
    time: NDArray[np.float64]
    chance: Floats
    clicked: NDArray[np.bool_]

    def table(self) -> pa.Table:
        """Return the impressions of a data set."""
        columns = {"impression": self.impression, "user": self.user, "item": self.item, "clicked": self.clicked}
        return pa.table({**columns, "time": self.time})

    def clicks(self) -> Relation:
        """Return who clicked what and when, at most once each."""
        rows = np.flatnonzero(self.clicked)
        rows = rows[np.lexsort((self.item[rows], self.user[rows]))]
        return Relation(
            edge_table(self.user[rows].astype(np.int64), self.item[rows].astype(np.int64), time=self.time[rows])
        )

    def at(self, keep: NDArray[np.bool_]) -> "Log":
        """Return the rows where ``keep``."""
        return Log(**{name: column[keep] for name, column in vars(self).items()})


def newsroom(config: SyntheticConfig, items: Content) -> Newsroom:
    """Draw publication times, topics and texts."""
    assert config.news is not None
    assert items.texts is not None
    n, seed = config.items.number, config.seed
    published = uniform(n, 1, "published", seed)[:, 0] * config.news.days * DAY
    topic = (uniform(n, 1, "topic", seed)[:, 0] * config.news.topics).astype(np.int32)
    texts = items.texts
    if config.news.topic_words:
        draws = uniform(n, config.news.topic_words, "topic words", seed)
        codes = topic[:, None] * _TOPIC_VOCABULARY + (draws * _TOPIC_VOCABULARY).astype(np.int64)
        words = pa.array([_word(code) for code in range(config.news.topics * _TOPIC_VOCABULARY)])
        texts = pc.binary_join_element_wise(texts, *[words.take(pa.array(column)) for column in codes.T], " ")
    return Newsroom(published, topic, texts)


def _word(code: int) -> str:
    """Made-up words of three syllables, so that none is one of those of leanings, which have two of another kind."""
    number = (code * 7919 + 13) % len(_SYLLABLES) ** 2
    return "".join(_SYLLABLES[k] for k in (number // len(_SYLLABLES), code % len(_SYLLABLES), number % len(_SYLLABLES)))


def tastes(config: SyntheticConfig, party: Codes) -> Floats:
    """How much users like topics, shape (n_users, topics): standard normal, correlated within parties.

    Args:
        config: of the society.
        party: of each user, shape (n_users,).
    """
    assert config.news is not None
    own = normal(config.users, config.news.topics, "taste", config.seed)
    common = config.news.party_taste
    if not common:
        return own
    shared = normal(int(party.max()) + 1, config.news.topics, "taste of a party", config.seed)[party]
    return np.asarray(np.sqrt(1 - common) * own + np.sqrt(common) * shared, np.float32)


def read_news(config: SyntheticConfig, society: People, what: Traits, items: Content, news: Newsroom) -> Log:
    """Show items to users and let them click."""
    shown = _show(config, what, items, news)
    options = config.news
    assert options is not None
    utility = _utility(config, shown, society, items, news)
    base = _intercept(utility[:: max(1, len(utility) // _SAMPLE)].astype(np.float64), options.click_rate)
    chance = expit(utility + np.float32(base))
    key, clicked = key_of("clicks", config.seed), np.empty(len(chance), bool)
    for rows in _pieces(len(chance), _IMPRESSIONS_AT_ONCE * options.shown):
        first, last = shown.impression[rows][[0, -1]]
        draws = keyed_uniform(key, np.arange(first, last + 1), np.arange(options.shown))
        clicked[rows] = draws[shown.impression[rows] - first, shown.position[rows]] < chance[rows]
    whole = Log(**{**vars(shown), "chance": chance, "clicked": clicked})
    return whole.at(~_known(whole, config.items.number))


def _pieces(n: int, size: int) -> Iterator[slice]:
    return (slice(first, min(n, first + size)) for first in range(0, n, size))


# -- what is shown ---------------------------------------------------------------------------------------------------


def _show(config: SyntheticConfig, what: Traits, items: Content, news: Newsroom) -> Log:
    options, seed = config.news, config.seed
    assert options is not None
    n = config.n_impressions
    order = np.argsort(news.published, kind="stable")
    appeared = news.published[order]
    rate = np.log(2) / (options.half_life * 3600)
    weights = items.popularity[order].astype(np.float64) ** options.exposure * np.exp(rate * (appeared - appeared[-1]))
    start = appeared[min(len(appeared) - 1, 4 * options.shown)]
    phase = float(uniform(1, 1, "impressions", seed)[0, 0])
    users = np.repeat(np.arange(config.users, dtype=np.int32), degrees(what.activity, n, n, phase))
    times = start + uniform(n, 1, "impression times", seed)[:, 0] * (options.days * DAY - start)
    slates = np.empty((n, options.shown), np.int32)
    pool = _Pool(np.concatenate([[0.0], np.cumsum(weights)]), order, key_of("slates", seed))
    for rows in _pieces(n, _IMPRESSIONS_AT_ONCE):
        slates[rows] = pool.draw(
            np.arange(rows.start, rows.stop), np.searchsorted(appeared, times[rows]), options.shown
        )
    place = np.arange(n * options.shown)
    log = Log(
        impression=place // options.shown,
        user=np.repeat(users, options.shown),
        item=slates.ravel(),
        position=(place % options.shown).astype(np.int16),
        time=np.repeat(times, options.shown),
        chance=np.zeros(0, np.float32),
        clicked=np.zeros(0, bool),
    )
    kept = log.item >= 0
    return Log(**{name: column[kept] if len(column) else column for name, column in vars(log).items()})


@dataclass(frozen=True)
class _Pool:
    """Items in the order of publication with their cumulative weights, shape (n_items + 1,).

    As the decay multiplies all weights by the same number, what can be shown at a time is a head of this order.
    """

    cumulative: NDArray[np.float64]
    items: NDArray[np.int64]
    key: int

    def draw(self, impressions: NDArray[np.int64], heads: NDArray[np.int64], shown: int) -> NDArray[np.int64]:
        """Draw different items for each impression, -1 where chance kept repeating.

        Args:
            impressions: their numbers, shape (n,).
            heads: items that have appeared, shape (n,).
            shown: items of an impression.
        """
        slates = self._places(impressions, heads, shown, 0)
        open_ = np.arange(len(slates))
        for attempt in range(1, _ROUNDS):
            again = _repeated(slates[open_])
            rows = again.any(axis=1)
            open_, again = open_[rows], again[rows]
            if not len(open_):
                break
            fresh = self._places(impressions[open_], heads[open_], shown, attempt)
            slates[open_] = np.where(again, fresh, slates[open_])
        found = self.items[slates]
        found[_repeated(slates)] = -1
        return np.asarray(found)

    def _places(
        self, impressions: NDArray[np.int64], heads: NDArray[np.int64], shown: int, attempt: int
    ) -> NDArray[np.int64]:
        draws = keyed_uniform(self.key, impressions, np.arange(attempt * shown, (attempt + 1) * shown))
        levels = draws * self.cumulative[heads][:, None]
        places = np.searchsorted(self.cumulative[1:], levels, side="right")
        return np.asarray(np.minimum(places, heads[:, None] - 1))


def _repeated(slates: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which entries stand before in their row."""
    order = np.argsort(slates, axis=1, kind="stable")
    ordered = np.take_along_axis(slates, order, axis=1)
    same = np.zeros(slates.shape, bool)
    same[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    out = np.empty_like(same)
    np.put_along_axis(out, order, same, axis=1)
    return out


# -- what is clicked -------------------------------------------------------------------------------------------------


def _utility(config: SyntheticConfig, shown: Log, society: People, items: Content, news: Newsroom) -> Floats:
    """Log odds of each row without b."""
    options = config.news
    assert options is not None
    taste, out = tastes(config, society.party), np.empty(len(shown.item), np.float32)
    quality = np.log(items.popularity.astype(np.float64))
    quality = (quality - quality.mean()) / (quality.std() or 1.0)
    for rows in _pieces(len(out), 1 << 20):
        user, item = shown.user[rows], shown.item[rows]
        squares = (society.positions[user] - items.leaning[item]) ** 2
        ages = (shown.time[rows] - news.published[item]) / (options.half_life * 3600)
        out[rows] = (
            -options.affinity * np.sqrt(squares.sum(axis=1)) / society.unit
            + options.taste * taste[user, news.topic[item]]
            + options.quality * quality[item]
            - options.freshness * ages
            - options.position * np.log2(1 + shown.position[rows])
        )
    return out


def _intercept(utility: NDArray[np.float64], rate: float) -> float:
    """Return b such that the mean of expit(b + utility) is the rate, by bisection."""
    low, high = -utility.max() - 40, -utility.min() + 40
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(middle + utility).mean() < rate else (low, middle)
    return float((low + high) / 2)


def _known(log: Log, n_items: int) -> NDArray[np.bool_]:
    """Tell which rows show an item that the user had clicked before."""
    pairs = log.user.astype(np.int64) * n_items + log.item
    order = np.lexsort((log.time, pairs))
    sums = np.cumsum(log.clicked[order])
    first = np.flatnonzero(np.diff(pairs[order], prepend=-1))
    sizes = np.diff(np.append(first, len(order)))
    before: NDArray[np.int64] = sums - log.clicked[order] - np.repeat(sums[first] - log.clicked[order][first], sizes)
    out = np.empty(len(order), bool)
    out[order] = before > 0
    return out


# -- what explains clicks --------------------------------------------------------------------------------------------


def explained(config: SyntheticConfig, log: Log, society: People, items: Content, news: Newsroom) -> dict[str, float]:
    """AUC within impressions of what could explain clicks, each alone, and of the true probability.

    Impressions at most some 100,000; those without a click or with nothing else are left out.
    """
    step = max(1, (int(log.impression[-1]) + 1) // 100_000)
    log = log.at(log.impression % step == 0)
    squares = (society.positions[log.user] - items.leaning[log.item]) ** 2
    scores = {
        "popularity": items.popularity[log.item],
        "recency": news.published[log.item],
        "position": -log.position,
        "nearness": -squares.sum(axis=1),
        "taste": tastes(config, society.party)[log.user, news.topic[log.item]],
        "true probability": log.chance,
    }
    return {name: auc_within(log.impression, log.clicked, values) for name, values in scores.items()}


def auc_within(impression: NDArray[np.int64], clicked: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """Mean over impressions of the share of pairs clicked, not clicked that scores order rightly; ties count half.

    All arguments have shape (n,). NaN when no impression has both.
    """
    _, group = np.unique(impression, return_inverse=True)
    order = np.lexsort((scores, group))
    group, clicked, scores = group[order], clicked[order], np.asarray(scores)[order]
    place = np.arange(1, len(group) + 1, dtype=np.float64)
    tie = np.concatenate([[0], np.cumsum((np.diff(group) != 0) | (np.diff(scores) != 0))])
    ranks = (np.bincount(tie, place) / np.bincount(tie))[tie]
    sizes, hits = np.bincount(group), np.bincount(group, clicked)
    ranks -= np.repeat(np.cumsum(sizes) - sizes, sizes)
    wins = np.bincount(group, ranks * clicked) - hits * (hits + 1) / 2
    both = (hits > 0) & (hits < sizes)
    return float((wins[both] / (hits * (sizes - hits))[both]).mean()) if both.any() else float("nan")
