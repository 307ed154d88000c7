"""Sasahara et al.'s influence through a feed, one user at a time."""

import numpy as np
from opinions.reference_meetings import all_positions, drawn_source, seen_by, uniform


def concordant(x, i, j, confidence):
    return np.sqrt(((x[j] - x[i]) ** 2).sum()) < confidence[i]


def feed(model, x, sources, i, draw):
    """(whose opinion, weight) of the messages that user i sees."""
    n, length = sources.n_users, model.config.messages
    if length == 0:
        return list(zip(*seen_by(sources, i), strict=True))
    confidence, repost = model.values("confidence", n), model.values("repost", n)
    messages = []
    for slot in range(length):
        first = 1 + slot * (length + 2)
        author = drawn_source(sources, i, draw(first))
        if author is None:
            return []
        said = author
        if author < n and draw(first + 1) < repost[author]:
            others = [drawn_source(sources, author, draw(first + 2 + k)) for k in range(length)]
            agreeing = [j for j in others if j is not None and concordant(x, author, j, confidence)]
            said = agreeing[0] if agreeing else author
        messages.append((said, 1.0))
    return messages


def step(model, opinions, sources, key):
    n = len(opinions)
    confidence, influence = model.values("confidence", n), model.values("influence", n)
    at_once = model.config.schedule == "synchronous"
    x = all_positions(sources, opinions)
    before = x.copy() if at_once else x
    for k in range(n if at_once else model.config.updates_per_step or n):
        i = k if at_once else int(uniform(key, k, 0) * n)
        seen = feed(model, before, sources, i, lambda column, k=k: uniform(key, k, column))
        heard = [(j, weight) for j, weight in seen if concordant(before, i, j, confidence)]
        if heard:
            total = sum(weight for _, weight in heard)
            x[i] = before[i] + influence[i] * sum(weight * (before[j] - before[i]) for j, weight in heard) / total
    return x[:n]
