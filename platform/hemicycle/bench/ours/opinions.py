"""Steps of opinion models on a graph, and what memory allows: one random read for each of the same edges."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np

from hemicycle.bench.workloads import load
from hemicycle.core.seeding import key_of, rng
from hemicycle.opinions.base import Opinions, People, Sources
from hemicycle.opinions.catalogue import OPINION

Spec = Mapping[str, Any]
Part = Callable[[], dict[str, Any]]
UPDATES = 1e6

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    parallel=True, nogil=True, fastmath=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)


def step(spec: Spec) -> Part:
    """``steps`` steps of the model ``opinion``, one after the other; the time is that of one step."""
    run = _walk(spec)

    def one() -> dict[str, Any]:
        entries = run()
        return {"share": spec["steps"], "bytes": 4.0 * entries}

    return one


def updates(spec: Spec) -> Part:
    """The same; the time is that of a million updates of one user, or of a million meetings."""
    run, a_step = _walk(spec), len(load(spec["data"], "pointers")[0]) - 1
    meetings = a_step / 2 if OPINION.validate(spec["opinion"]).opinion == "deffuant" else a_step

    def one() -> dict[str, Any]:
        run()
        return {"share": spec["steps"] * meetings / UPDATES}

    return one


def gather(spec: Spec) -> Part:
    """Read the opinion of every edge's source and write their sum for every user: no step can do with less."""
    sources = following(spec)
    opinions, sums = sources.positions[:, 0].copy(), np.empty(sources.n_users, np.float32)
    numba.set_num_threads(spec["threads"])
    _gather(sources.indptr, sources.indices, opinions, sums)

    def one() -> dict[str, Any]:
        for _ in range(spec["steps"]):
            _gather(sources.indptr, sources.indices, opinions, sums)
        return {"share": spec["steps"], "bytes": 4.0 * len(sources.indices) * spec["steps"]}

    return one


def following(spec: Spec) -> Sources:
    """Everybody sees their neighbours in the workload's adjacency; opinions uniform in [-1, 1], float32."""
    pointers, indices = (np.array(array) for array in load(spec["data"], "pointers", "indices"))
    opinions: Opinions = rng("bench opinions").uniform(-1, 1, (len(pointers) - 1, 1)).astype(np.float32)
    return Sources(pointers.astype(np.int64), indices.astype(np.int32), None, opinions)


def _walk(spec: Spec) -> Callable[[], int]:
    """Steps that go on from call to call, compiled beforehand; each call returns the number of edges it read."""
    numba.set_num_threads(spec["threads"])
    sources = following(spec)
    innate = sources.positions
    model = OPINION.build(OPINION.validate(spec["opinion"])).bound(People(sources.n_users))
    state = [model.step(innate, innate, sources, 0)]

    def run() -> int:
        for number in range(spec["steps"]):
            state[0] = model.step(state[0], innate, sources.at(state[0]), key_of("bench", number))
        return int(spec["steps"] * len(sources.indices))

    return run


@_compiled
def _gather(indptr: Any, indices: Any, opinions: Any, sums: Any) -> None:
    for i in numba.prange(len(sums)):
        total = np.float32(0.0)
        for e in range(indptr[i], indptr[i + 1]):
            total += opinions[np.uint32(indices[e])]
        sums[i] = total
