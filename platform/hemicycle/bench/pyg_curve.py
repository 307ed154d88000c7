"""The test curve of PyG's LightGCN on Gowalla, kept in ``pyg_lightgcn_gowalla.csv`` since it takes hours to train.

    HEMICYCLE_DATA=... python -m hemicycle.bench.pyg_curve WORKLOAD_FOLDER OUT.csv

The model, its loss, its optimiser and its mini-batches are PyG's as in its example, with 3 layers and 2,048 pairs a
step as in the paper. Only the propagation inside is replaced by ours, which is the same product at an eighth of the
time: the curve is the peer's up to rounding. Its epochs are what counts here; what one takes is timed where the curve
is used.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch_geometric.nn import LightGCN

from hemicycle.bench.peers.with_pyg import labelled, positives, step
from hemicycle.bench.workloads import graphs
from hemicycle.evaluation.ranking import evaluate
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.propagation import Propagation
from hemicycle.recommenders.scoring import DotScores

PAIRS, DIM, LAYERS = 2048, 64, 3


class FastLightGCN(LightGCN):  # type: ignore[misc]
    """PyG's LightGCN, its mean over layers computed by our propagation."""

    def __init__(self, graph: InteractionGraph, dim: int, layers: int) -> None:
        super().__init__(graph.n_users + graph.n_items, dim, num_layers=layers)
        self.propagation = Propagation(graph.adjacency())

    def get_embedding(self, edge_index: Any, edge_weight: Any = None) -> torch.Tensor:
        """Return the vectors; the edges are those of the graph."""
        del edge_index, edge_weight
        return self.propagation.polynomial(self.embedding.weight, self.alpha.tolist())


def curve(folder: Path, pairs: int = PAIRS, dim: int = DIM) -> Iterator[dict[str, float]]:
    """Yield epoch, loss, and the test's Recall@20 and NDCG@20, epoch by epoch without end."""
    torch.manual_seed(0)
    train, test = graphs(folder)
    assert test is not None, "a workload with a test part"
    edges, shape = positives(folder)
    model = FastLightGCN(train, dim, LAYERS)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    number = 0
    while True:
        parts = torch.split(torch.randperm(edges.shape[1]), pairs)
        losses = [step(model, optimizer, edges, labelled(edges[:, part], shape)) for part in parts]
        number += 1
        with torch.no_grad():
            vectors = model.get_embedding(edges)
        found = evaluate(DotScores(vectors[: shape[0]], vectors[shape[0] :]), train, test).metrics
        yield {"epoch": number, "loss": sum(losses) / len(losses), **{k: found[k] for k in ("recall@20", "ndcg@20")}}


def main(folder: str, out: str) -> None:
    """Append to a file until interrupted."""
    with Path(out).open("w", encoding="utf-8", newline="") as file:
        for row in curve(Path(folder)):
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if row["epoch"] == 1:
                writer.writeheader()
            writer.writerow({name: round(value, 5) for name, value in row.items()})
            file.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
