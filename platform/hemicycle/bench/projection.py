"""Column-sharded training on GPUs that are not here, as the cost model projects it."""

import pandas as pd

from hemicycle.recommenders.lightgcn import LightGCNConfig
from hemicycle.studies.cost_model import Work
from hemicycle.studies.scaling import H200, project
from hemicycle.training.options import TrainingOptions

GRAPHS = {"1 M nodes, 10 M edges": (5e5, 5e5, 1e7), "100 M nodes, 1,000 M edges": (5e7, 5e7, 1e9)}
WORKERS = (1, 8, 64)
LAYERS, DIM = 3, 64
ASSUMED = (
    f"Projected, not measured: one step of LightGCN with {DIM} columns and {LAYERS} layers, a hundredth of the edges "
    f"a step, 4,096 shared negatives; each GPU moves {H200.bandwidth / 1e12:.1f} TB/s, {H200.gather:.0%} of it at "
    f"random rows, sends {H200.link / 1e9:.0f} GB/s and holds {H200.memory / 1e9:.0f} GB; nothing overlaps. At most "
    f"{DIM // 8} workers deal out the columns, so that a row keeps 8 of them, a sector of memory; more share rows."
)


def projected() -> pd.DataFrame:
    """Return one row for each graph and number of GPUs."""
    return pd.DataFrame([_row(name, number) for name in GRAPHS for number in WORKERS])


def _row(name: str, number: int) -> dict[str, object]:
    users, items, edges = GRAPHS[name]
    options = TrainingOptions(batch=int(edges / 100), negatives=4096, l2=0)
    found = project(Work(users, items, edges, LAYERS, LightGCNConfig(dim=DIM), options, number))
    return {
        "graph": name,
        "gpus": number,
        "columns x rows": f"{found.column_shards} x {found.row_shards}",
        "ms a step": 1e3 * found.seconds,
        "gathering ms": 1e3 * found.gather_seconds,
        "exchange ms": 1e3 * found.exchange_seconds,
        "GB each": found.memory / 1e9,
        "GB sent each": found.bytes_sent / 1e9,
        "fits": "yes" if found.fits else "no",
    }
