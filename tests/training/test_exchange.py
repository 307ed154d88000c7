"""Workers that hold columns only end in one worker's result, whichever way they exchange what they know."""

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from contracts.recommender_contract import random_split

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.recommenders.losses import Competition, Pairs, Rivals
from hemicycle.recommenders.mf import MFConfig
from hemicycle.training.batches import Draw, numbered
from hemicycle.training.exchange import Load, Spread, cheapest
from hemicycle.training.group import SINGLE, Group
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions


@dataclass
class Board:
    """Where threads that stand for workers leave what they send."""

    size: int
    letters: list = field(default_factory=list)

    def __post_init__(self):
        self.letters, self.barrier = [None] * self.size, threading.Barrier(self.size, timeout=300)

    def swap(self, rank, letter):
        self.letters[rank] = letter
        self.barrier.wait()
        found = list(self.letters)
        self.barrier.wait()
        return found


@dataclass(frozen=True)
class Threads(Group):
    """A group whose workers are threads of this process."""

    board: Board = None

    def all_reduce_sum(self, tensor):
        self.sent["all_reduce"] += tensor.nbytes
        return tensor.copy_(torch.stack(self.board.swap(self.rank, tensor.clone())).sum(0))

    def all_to_all(self, blocks, shapes):
        found = [sent[self.rank] for sent in self.board.swap(self.rank, [block.clone() for block in blocks])]
        self.sent["all_to_all"] += sum(block.nbytes for r, block in enumerate(blocks) if r != self.rank)
        assert [tuple(block.shape) for block in found] == [tuple(shape) for shape in shapes]
        return found


def together(size, work):
    """Results of ``work(group)`` on every worker."""
    board, found, errors = Board(size), [None] * size, []

    def run(rank):
        try:
            found[rank] = work(Threads(rank, size, board=board))
        except Exception as error:  # noqa: BLE001 - raised again by the caller
            errors.append(error)
            board.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
    return found


def trained(group, graph, config, options):
    trainer = Trainer(RECOMMENDER.build(RECOMMENDER.validate(config)), graph, options, 0, group)
    losses = [trainer.epoch(number) for number in (1, 2)]
    return losses, trainer.adam.table.detach().numpy(), group.bytes_sent


WAYS = [("softmax", "scores"), ("softmax", "rows"), ("softmax", "mixed"), ("bpr", "scores"), ("bpr", "rows")]


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize(("loss", "way"), WAYS)
def test_workers_equal_one_in_double_precision(size, similarity, loss, way):
    graph = random_split("bipartite").train
    config = {"model": "lightgcn", "dim": 8, "similarity": similarity, "popularity": 0.3}
    options = TrainingOptions(
        loss=loss, dtype="float64", batch=60, negatives=9 if loss == "softmax" else 3, l2=0.05, exchange=way
    )
    losses, table, _ = trained(SINGLE, graph, config, options)
    found = together(size, lambda group: trained(group, graph, config, options))
    assert np.abs(np.hstack([part for _, part, _ in found]) - table).max() <= 1e-9 * np.abs(table).max()
    for their_losses, _, sent in found:
        np.testing.assert_allclose(their_losses, losses, rtol=1e-9)
        assert sent > 0


@pytest.mark.parametrize("way", ["scores", "rows", "mixed"])
@pytest.mark.parametrize("shape", ["directed", "undirected"])
def test_users_who_are_items_too_equal_one_worker(way, shape):
    graph = random_split(shape).train
    options = TrainingOptions(dtype="float64", batch=60, negatives=9, exchange=way)
    config = {"model": "lightgcn", "dim": 6}
    _, table, _ = trained(SINGLE, graph, config, options)
    found = together(3, lambda group: trained(group, graph, config, options))
    assert np.abs(np.hstack([part for _, part, _ in found]) - table).max() <= 1e-9 * np.abs(table).max()


@pytest.mark.parametrize("way", ["scores", "rows", "mixed"])
def test_more_workers_than_users_in_a_step(way):
    graph = InteractionGraph.from_edges(np.array([0, 0, 1, 2]), np.array([0, 1, 2, 0]), 3, 4)
    options = TrainingOptions(dtype="float64", batch=1, negatives=2, exchange=way)
    config = {"model": "mf", "dim": 4}
    _, table, _ = trained(SINGLE, graph, config, options)
    found = together(4, lambda group: trained(group, graph, config, options))
    np.testing.assert_allclose(np.hstack([part for _, part, _ in found]), table, rtol=1e-9)


# -- which way -------------------------------------------------------------------------------------------------------


def cheap(loss="softmax", degrees=None, dim=64, workers=2, **options):
    degrees = np.full(5000, 20) if degrees is None else degrees
    chosen = TrainingOptions(loss=loss, **options)
    load = Load.expected(5000, Spread(*np.unique(degrees, return_counts=True)), chosen, workers)
    return cheapest([load], chosen, MFConfig(dim=dim), workers)


def test_the_cheapest_way_is_chosen():
    assert cheap("bpr", batch=5000, negatives=1) == "scores"
    assert cheap("bpr", batch=5000, negatives=500, dim=8) == "rows"
    assert cheap(batch=5000, negatives=2000) == "mixed"
    assert cheap(batch=50_000, negatives=20, degrees=np.full(20, 2500), dim=4) == "rows"
    assert cheap(batch=100, negatives=2, dim=512) == "scores"


def test_a_way_that_is_asked_for_is_taken_and_one_worker_asks_nobody():
    assert cheap(exchange="rows", batch=100, negatives=2, dim=512) == "rows"
    assert cheap(exchange="rows", workers=1) == "scores"


@pytest.mark.parametrize("by", ["popularity", "uniform"])
@pytest.mark.parametrize(("loss", "way"), WAYS)
def test_the_bytes_expected_are_those_that_are_sent(loss, way, by):
    rng = np.random.default_rng(0)
    users, items = rng.integers(800, size=8000), (600 * rng.random(8000) ** 2).astype(int)
    graph = InteractionGraph.from_edges(users, items, 800, 600)
    options = TrainingOptions(
        loss=loss, batch=1000, negatives=80 if loss == "softmax" else 3, exchange=way, l2=0, negatives_by=by
    )
    load = Load.of(graph, options, 2)
    expected = 4 * load.floats(options, MFConfig(dim=8), 2)[way]
    (_, _, sent), _ = together(2, lambda group: trained(group, graph, {"model": "mf", "dim": 8}, options))
    steps = 2 * -(-graph.n_edges // 1000)
    assert sent / steps == pytest.approx(expected, rel=0.05)


# -- shares ----------------------------------------------------------------------------------------------------------


def draw(against):
    pairs = Pairs(torch.tensor([3, 0, 2]), torch.tensor([2, 3, 1]), torch.tensor([4, 5, 6, 4, 7, 8]), torch.arange(6.0))
    return Draw(pairs, against)


def test_shares_are_runs_of_users_with_their_own_pairs_and_rivals():
    items = torch.arange(10, 22)
    first, second = draw(Rivals(items, items / 10)).shares(2)
    assert (first.pairs.users.tolist(), second.pairs.users.tolist()) == ([3], [0, 2])
    assert (first.pairs.items.tolist(), second.pairs.items.tolist()) == ([4, 5], [6, 4, 7, 8])
    assert second.pairs.bias.tolist() == [2, 3, 4, 5]
    assert second.against.items.tolist() == [12, 13, 14, 15, 18, 19, 20, 21]
    torch.testing.assert_close(second.against.bias, second.against.items / 10)
    assert first.pairs.divisor == second.pairs.divisor == 6


def test_everybody_meets_the_same_competition():
    against = Competition(torch.arange(100), torch.zeros(100), complete=False)
    shares = draw(against).shares(3)
    assert [len(share.pairs.users) for share in shares] == [1, 1, 1]
    assert all(share.against is against for share in shares)


def test_rows_are_numbered_in_their_order():
    distinct, position = numbered([torch.tensor([7, 2, 7]), torch.tensor([4])], 9)
    assert distinct.tolist() == [2, 4, 7]
    assert position[distinct].tolist() == [0, 1, 2]
