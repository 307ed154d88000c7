"""What column-sharded training would take on GPUs that are not at hand: a projection, with its assumptions.

Propagation on a GPU is bound by memory bandwidth. A worker that holds c columns reads 4 L m c floats a step in rows of
4 c bytes, and memory comes in sectors of 32 bytes: below 8 columns of single precision it reads more than it needs.
More workers than d / 8 are therefore put on a second axis, over rows: Q workers share the same columns, each with 1 / Q
of the nodes and their edges, and before every product tell each other their rows.
"""

from dataclasses import dataclass, replace

from hemicycle.studies.cost_model import Work

SECTOR = 32
"""Bytes that a GPU reads at once."""
_TABLE_PASSES = 7
_PASSES_A_PRODUCT = 4
_TABLES = 8


@dataclass(frozen=True)
class Hardware:
    """What is assumed of each worker's GPU.

    Args:
        bandwidth: bytes its memory moves in a second; by default an H200's (NVIDIA's data sheet).
        gather: share of the bandwidth that random rows reach.
        link: bytes it sends to other workers in a second; by default one 400 Gbit/s port each, as between machines.
        multiplied: multiplications with addition in a second, in single precision on tensor cores (TF32), as reached.
        memory: bytes of its memory.
        latency: seconds of one collective beside its bytes.
    """

    bandwidth: float = 4.8e12
    gather: float = 0.5
    link: float = 5e10
    multiplied: float = 1e14
    memory: float = 141e9
    latency: float = 5e-5


H200 = Hardware()


@dataclass(frozen=True)
class Projection:
    """One step of one worker.

    Args:
        column_shards: workers among which the columns are dealt out.
        row_shards: workers that share the same columns.
        gather_seconds: reading rows and indices in propagation.
        table_seconds: passes over tables.
        loss_seconds: scores against shared negatives.
        exchange_seconds: talking to others.
        memory: bytes.
        bytes_sent: to others.
        fits: the memory is there.
    """

    column_shards: int
    row_shards: int
    gather_seconds: float
    table_seconds: float
    loss_seconds: float
    exchange_seconds: float
    memory: float
    bytes_sent: float
    fits: bool

    @property
    def seconds(self) -> float:
        """Seconds of a step, nothing overlapping."""
        return self.gather_seconds + self.table_seconds + self.loss_seconds + self.exchange_seconds


def axes(dim: int, workers: int) -> tuple[int, int]:
    """Return how many workers deal out the columns, and how many the rows: as many for columns as keep 8 each."""
    for columns in range(min(workers, max(1, 4 * dim // SECTOR)), 0, -1):
        if workers % columns == 0 and dim % columns == 0:
            return columns, workers // columns
    return 1, workers


def project(work: Work, hardware: Hardware = H200) -> Projection:
    """Project one step; ``work.workers`` are GPUs.

    Assumed beside :class:`Hardware`: edges and nodes fall evenly on row shards, nothing overlaps, a product makes four
    passes over its table and a step seven more (Adam's), eight tables are held at the peak, ids take 4 bytes.
    """
    columns, rows = axes(work.recommender.dim, work.workers)
    width, products = work.recommender.dim / columns, 2 * work.layers
    sharded = replace(work, workers=columns)
    table, entries = 4 * work.nodes / rows * width, 2 * work.edges / rows
    read = products * entries * (max(SECTOR, 4 * width) + 4)
    passed = (_TABLE_PASSES + _PASSES_A_PRODUCT * products) * table
    told = products * table * (rows - 1) + sharded.bytes_sent
    load = sharded.load
    scored = 3 * load.users * load.negatives * work.recommender.dim / work.workers
    memory = _TABLES * table + 4 * work.nodes * width * (rows > 1) + 4 * entries + 12 * work.nodes / rows
    calls = (products * (rows > 1) + 6) * (work.workers > 1)
    return Projection(
        columns,
        rows,
        read / (hardware.bandwidth * hardware.gather),
        passed / hardware.bandwidth,
        scored / hardware.multiplied,
        told / hardware.link + calls * hardware.latency,
        memory,
        told,
        memory <= hardware.memory,
    )
