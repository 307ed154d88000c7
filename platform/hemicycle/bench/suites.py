"""The cases of each suite. ``quick`` makes all of them tiny."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hemicycle.bench.cases import Case, Role, Target
from hemicycle.bench.stored_curve import epochs_to
from hemicycle.bench.workloads import SYNTHETIC

_OURS = "hemicycle.bench.ours"
_GOAL = 0.10
_SMALL_STEPS = {"batch": 3000, "epochs": 2}
_LIGHTGCN = {"model": "lightgcn", "dim": 64, "layers": 3}
_BEST = {"readout": [1, 2, 3], "temperature": 0.12, "popularity": 0.7}
_TEXTBOOK = {**_LIGHTGCN, "similarity": "dot"}
_MF = {"model": "mf", "dim": 64}
_BPR = {"loss": "bpr", "l2": 1e-4}
_TEN_STEPS = {"batch": 81_013, "epochs": 20}
_FIRST_STEPS = {**_TEN_STEPS, "lr": 0.05, "warmup": 0, "l2": 0}
_PAPER_STEPS = {"batch": 2048, "epochs": 20, "lr": 0.001, "schedule": "constant", "warmup": 0}
_MESSAGES = 16e9
"""What PyG needs for the messages of 20 million edges, there and back."""
_QUALITY = {"batch": 27_005, "epochs": 20, "lr": 0.05, "warmup": 20, "l2": 0, "negatives": 4096}


@dataclass(frozen=True)
class Scale:
    """How large everything is.

    Args:
        quick: a miniature that shows that all of it runs.
    """

    quick: bool = False

    def data(self, name: str) -> str:
        """Name of a workload."""
        return "small" if self.quick else name

    def train(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options of training."""
        return {**options, **_SMALL_STEPS} if self.quick else dict(options)

    def number(self, full: int, small: int = 1) -> int:
        """Return one of two numbers."""
        return small if self.quick else full


# -- an epoch --------------------------------------------------------------------------------------------------------


def epoch(scale: Scale) -> list[Case]:
    """One epoch of LightGCN and of matrix factorisation."""
    data = scale.data("gowalla")
    return [replace(case, workload=data) for case in [*_lightgcn_epochs(scale), *_factor_epochs(scale)]]


def _lightgcn_epochs(scale: Scale) -> list[Case]:
    group = "epoch of LightGCN"

    def ours(name: str, model: Any, train: Any, **more: Any) -> Case:
        told = {"recommender": model, "train": scale.train(train)}
        return Case(group, f"ours, {name}", "ours", f"{_OURS}.training", "epoch", told, **more)

    few = scale.number(12, 2)
    capped = {**_PAPER_STEPS, **_BPR, "max_steps": few}
    same = ours("BPR, steps of 2,048 pairs", _TEXTBOOK, capped, note=_part(few, 396))
    same = replace(same, arguments={**same.arguments, "steps": _steps(scale, 2048)})
    return [
        ours("softmax, 10 steps", {**_LIGHTGCN, **_BEST}, _TEN_STEPS, calls=2, reference=True),
        ours("BPR, 10 steps", _TEXTBOOK, {**_TEN_STEPS, **_BPR}, calls=2),
        ours(
            "softmax, 30 steps, 4,096 negatives", {**_LIGHTGCN, **_BEST}, _QUALITY, note="as in configs/studies/gowalla"
        ),
        same,
        _pyg_epoch(group, scale, Target("ratio", 70)),
        replace(
            _pyg_epoch(group, scale, None, pairs=8192),
            name="PyG, steps of 8,192 pairs",
            note=f"{_part(scale.number(2), 99)}; its example's batch",
        ),
        _recbole_epoch(group, "LightGCN", scale, Target("ratio", 70)),
    ]


def _steps(scale: Scale, pairs: int) -> int:
    return -(-SYNTHETIC[scale.data("gowalla")].train // pairs)


def _part(done: int, of: int) -> str:
    return f"{done} of {of:,} steps timed, then extrapolated"


def _pyg_epoch(group: str, scale: Scale, target: Target | None, pairs: int = 2048) -> Case:
    few = scale.number(3 if pairs < 4096 else 2)
    told = {"dim": 64, "layers": 3, "pairs": pairs, "batches": few}
    name, note = "PyG, steps of 2,048 pairs", _part(few, 396)
    return Case(group, name, "peer", "with_pyg", "epoch", told, warmups=1, target=target, note=note)


def _recbole_epoch(group: str, model: str, scale: Scale, target: Target | None) -> Case:
    few = scale.number(8 if model == "LightGCN" else 60)
    told = {"dim": 64, "layers": 3, "pairs": 2048, "batches": few, "model": model}
    case = Case(group, f"RecBole {model}, steps of 2,048 pairs", "peer", "with_recbole", "epoch", told, target=target)
    return replace(case, environment="recbole", warmups=1, note=_part(few, 396))


def _factor_epochs(scale: Scale) -> list[Case]:
    group, told = "epoch of BPR factors", {"dim": 64, "iterations": scale.number(5, 2)}

    def ours(name: str, train: Any, **more: Any) -> Case:
        arguments = {"recommender": _MF, "train": scale.train(train)}
        return Case(group, f"ours, {name}", "ours", f"{_OURS}.training", "epoch", arguments, **more)

    return [
        ours("BPR, 10 steps", {**_TEN_STEPS, **_BPR}, calls=2, reference=True),
        ours("softmax, 10 steps", _TEN_STEPS, calls=2),
        Case(group, "implicit BPR (SGD)", "peer", "with_implicit", "bpr", told, environment="factors"),
        Case(group, "cornac BPR (SGD)", "peer", "with_cornac", "bpr", told, environment="factors"),
        _recbole_epoch(group, "BPR", scale, None),
    ]


# -- alternating least squares, ranking, time to quality -------------------------------------------------------------


def ials(scale: Scale) -> list[Case]:
    """One iteration of alternating least squares by three steps of conjugate gradients."""
    group, data = "iteration of iALS", scale.data("gowalla")
    train = {"recommender": {"model": "ials", "dim": 64}, "train": {"epochs": 20}}
    told = {"dim": 64, "iterations": scale.number(5, 2)}
    limit = Target("ratio", 1 / 1.5)
    return [
        Case(group, "ours", "ours", f"{_OURS}.training", "epoch", train, data, calls=3, warmups=1, reference=True),
        Case(group, "implicit ALS (CG)", "peer", "with_implicit", "als", told, data, "factors", target=limit),
    ]


def evaluate(scale: Scale) -> list[Case]:
    """Full ranking of all users with random vectors of 64 dimensions."""
    group, data = "full ranking", scale.data("gowalla")
    told = {"dim": 64, "model": "BPR"}
    at_once = {**told, "eval_batch": 512 * SYNTHETIC[data].items}
    recbole = Case(group, "RecBole, as it comes", "peer", "with_recbole", "ranking", told, data, "recbole")
    return [
        Case(group, "ours", "ours", f"{_OURS}.ranking", "full", {}, data, reference=True),
        Case(group, "torch.topk", "peer", "with_torch", "ranking", {}, data),
        Case(group, "implicit", "peer", "with_implicit", "ranking", told, data, "factors", target=Target("ratio", 1)),
        replace(recbole, target=Target("ratio", 5), note="eval_batch_size 4096: one user at a time"),
        replace(recbole, name="RecBole, 512 users at a time", arguments=at_once, note="eval_batch_size raised for it"),
    ]


def time_to_quality(scale: Scale) -> list[Case]:
    """Training time until the test's Recall@20 is .10."""
    group, data = f"time to Recall@20 ≥ {_GOAL:.2f}".replace("0.", "."), scale.data("gowalla")

    def ours(name: str, start: str, train: Mapping[str, Any], **more: Any) -> Case:
        model = {**_LIGHTGCN, **_BEST, "start": start}
        told = {"recommender": model, "train": scale.train(train), "goal": 0.0 if scale.quick else _GOAL}
        return Case(group, f"ours, {name}", "ours", f"{_OURS}.training", "time_to_recall", told, data, **more)

    peer, epochs = _pyg_epoch(group, scale, Target("ratio", 100)), epochs_to(_GOAL)
    note = f"{epochs} epochs by the stored curve, times an epoch timed in this run"
    return [
        ours("10 steps an epoch", "normal", _FIRST_STEPS, reference=True),
        ours("10 steps an epoch, spectral start", "svd", _FIRST_STEPS),
        ours("30 steps an epoch, spectral start", "svd", _QUALITY, note="as in configs/studies/gowalla"),
        *([replace(peer, workload=data, times=epochs, note=note)] if epochs else []),
    ]


# -- products --------------------------------------------------------------------------------------------------------


def propagation(scale: Scale) -> list[Case]:
    """One product of the normalised adjacency with 64 columns, and three layers forward and backward."""
    data, found = scale.data("million"), []
    for threads in (1,) if scale.quick else (1, 2):
        several = f"{threads} thread{'s' if threads > 1 else ''}"
        cases = [*_products(f"product, {several}", threads), *_layers(f"3 layers and back, {several}", threads)]
        clock: Literal["cpu", "wall"] = "cpu" if threads == 1 else "wall"
        found += [replace(case, workload=data, threads=threads, clock=clock, warmups=1) for case in cases]
    return found


def _products(group: str, threads: int) -> list[Case]:
    limit = Target("seconds", 0.2, least=False) if threads == 2 else None

    def ours(name: str, **more: Any) -> Case:
        return Case(group, name, "ours", f"{_OURS}.products", "product", calls=5, **more)

    def bound(name: str, task: str) -> Case:
        return Case(group, f"bound: {name}", "bound", f"{_OURS}.products", task, calls=5)

    def peer(name: str, module: str, task: str, **more: Any) -> Case:
        return Case(group, name, "peer", module, task, calls=2, **more)

    return [
        ours("ours", reference=True, target=limit),
        ours("ours, rows read in bfloat16", arguments={"gather": "bfloat16"}),
        bound("the same rows read, nothing written", "gather"),
        *([bound("index_select of the same rows", "select")] if threads == 1 else []),
        bound("as many bytes copied", "copy"),
        peer("MKL CSR (torch.sparse)", "with_torch", "product"),
        *([peer("scipy CSR", "with_scipy", "product")] if threads == 1 else []),
        peer("PyG LGConv (gather, scatter)", "with_pyg", "convolution", memory=_MESSAGES),
        peer("PyG EdgeIndex.matmul", "with_pyg", "matmul"),
    ]


def _layers(group: str, threads: int) -> list[Case]:
    limit = Target("seconds", 1.2, least=False) if threads == 2 else None
    ours, lgconv = f"{_OURS}.products", "PyG LGConv (gather, scatter)"
    return [
        Case(group, "ours", "ours", ours, "layers", calls=3, reference=True, target=limit),
        Case(group, "ours, rows read in bfloat16", "ours", ours, "layers", {"gather": "bfloat16"}, calls=3),
        Case(group, "bound: the same rows read, six times", "bound", ours, "gather", times=6, calls=3),
        Case(group, "MKL CSR (torch.sparse)", "peer", "with_torch", "layers"),
        Case(group, lgconv, "peer", "with_pyg", "layers", memory=_MESSAGES),
    ]


def workers(scale: Scale) -> list[Case]:
    """A training step on one worker and on two, one thread each, and what they send, by number of nodes."""
    graphs = {"1,000,000 nodes": "million", "100,000 nodes": "hundred_thousand"}
    found = [_sharded(f"training step, {title}", scale.data(data), scale) for title, data in graphs.items()]
    return found[0] if scale.quick else [*found[0], *found[1]]


def _sharded(group: str, data: str, scale: Scale) -> list[Case]:
    train = scale.train({"batch": 500_000, "negatives": 1024, "l2": 0, "epochs": 20})

    def of(number: int, name: str, **more: Any) -> Case:
        told = {"recommender": {**_LIGHTGCN, **_BEST}, "train": train, "workers": number, "steps": scale.number(4, 1)}
        return Case(group, name, "ours", f"{_OURS}.workers", "steps", told, data, clock="wall", **more)

    limit = Target("ratio", 1.85) if "1,000,000" in group else None
    return [of(2, "two workers, a core each", reference=True), of(1, "one worker, one core", target=limit)]


def overhead(scale: Scale) -> list[Case]:
    """Many short steps through Ray, and the same work in plain processes."""
    count, seconds, cores = (8, 0.001, 1) if scale.quick else (1000, 0.05, 2)
    group, told = f"{count:,} steps of {1000 * seconds:g} ms", {"count": count, "seconds": seconds, "cores": cores}
    limit = Target("seconds", 1.15 * count * seconds / cores, least=False)

    def case(name: str, role: Role, task: str, **more: Any) -> Case:
        module = f"{_OURS}.executing"
        return Case(group, name, role, module, task, told, "small", clock="wall", threads=cores, **more)

    return [
        case("ours, as Ray tasks", "ours", "by_ray", reference=True, target=limit),
        case("bound: as many processes, and nothing else", "bound", "alone"),
    ]


def stacked(scale: Scale) -> list[Case]:
    """Many small models of one graph, one by one and side by side; times are those of one model."""
    found: list[Case] = []
    models: dict[str, dict[str, Any]] = {"LightGCN": {"model": "lightgcn", "layers": 2}, "factors": {"model": "mf"}}
    for name, model in models.items():
        found += [
            *_stacks(f"{name} of 16 dimensions, a senate", {**model, "dim": 16}, ("senate", 20), scale),
            *_stacks(f"{name} of 16 dimensions, Gowalla", {**model, "dim": 16}, ("gowalla", 1), scale),
        ]
    return found


def _stacks(group: str, model: Mapping[str, Any], size: tuple[str, int], scale: Scale) -> list[Case]:
    """An epoch or more by the size of the stack, and where validation is quick whole fits."""
    (data, epochs), small = size, size[0] == "senate"
    told = {"recommender": model, "train": scale.train({"epochs": 80}), "epochs": scale.number(epochs)}
    limit = Target("ratio", 3) if small else None

    def case(name: str, task: str, members: int, **more: Any) -> Case:
        arguments = {**told, "members": members}
        place = more.pop("group", f"{group}: {epochs} epoch{'s' if epochs > 1 else ''}")
        return Case(place, name, "ours", f"{_OURS}.stacked", task, arguments, scale.data(data), **more)

    many = scale.number(16 if small else 4, 2)
    found = [
        case(f"a stack of {many}", "epochs_stacked", many, calls=2, reference=True),
        case("one by one", "epochs_alone", scale.number(4, 1), calls=2, target=limit),
        *(
            case(f"a stack of {n}", "epochs_stacked", n, calls=2)
            for n in ((8, 32) if small and not scale.quick else ())
        ),
    ]
    whole = {"group": f"{group}: whole fits of 80 epochs, validated 16 times"}
    return (
        found
        + [
            case(f"a stack of {many}", "fits_stacked", many, reference=True, **whole),
            case("one by one", "fits_alone", scale.number(4, 1), **whole),
        ]
        * small
    )


def correspondence(scale: Scale) -> list[Case]:
    """Correspondence analysis of who follows whom: a million users, and a table that others can hold, too."""
    threads, told = scale.number(2, 1), {"dims": 10}

    def case(group: str, name: str, role: Role, module: str, task: str, **more: Any) -> Case:
        data = scale.data("follows" if "1,000,000" in group else "some_follows")
        return Case(group, name, role, module, task, told, data, clock="wall", threads=threads, **more)

    ours, limit = f"{_OURS}.correspondence", Target("seconds", 10, least=False)
    large, small = "correspondence analysis, 1,000,000 x 1,000", "correspondence analysis, 50,000 x 500"
    return [
        case(large, "ours", "ours", ours, "analysis", warmups=1, reference=True, target=limit),
        case(large, "scipy svds of the implicit operator", "peer", "with_scipy", "correspondence"),
        case(small, "ours", "ours", ours, "analysis", warmups=1, calls=3, reference=True),
        case(small, "scipy svds of the implicit operator", "peer", "with_scipy", "correspondence", calls=3),
        case(small, "numpy, dense", "peer", "with_scipy", "dense"),
        case(small, "prince, dense", "peer", "with_prince", "correspondence", environment="prince"),
    ]


# -- probes ----------------------------------------------------------------------------------------------------------


def probes(scale: Scale) -> list[Case]:
    """Ridge probes of 100 models: 5 labels and 20 permuted copies of each, 13 penalties on 5 nested folds."""
    told = {"labels": 5, "permutations": 20, "models": scale.number(4)}
    group, data = "probes of 100 models, 100,000 users", scale.data("hundred_thousand")
    done, limit = told["models"], Target("ratio", 50)

    def peer(name: str, task: str, note: str) -> Case:
        return Case(group, name, "peer", "with_sklearn", task, told, data, times=100, target=limit, note=note)

    ours = Case(group, "ours", "ours", f"{_OURS}.probing", "ridge", told, data, times=100 / done, reference=True)
    note = f"{done} models timed; with intervals and random vectors; limit: 90 s on two cores"
    one = "one label and one outer fold of one model timed"
    return [
        replace(ours, target=Target("seconds", 180, least=False), note=note),
        peer("scikit-learn, GridSearchCV", "grid_search", one),
        peer("scikit-learn, all labels in a fit", "side_by_side", "one outer fold of one model timed"),
    ]


def similarity(scale: Scale) -> list[Case]:
    """Linear CKA of all pairs of 100 models of 100,000 users, with intervals and permuted controls."""
    models, users = scale.number(100, 4), scale.number(100_000, 400)
    told = {"models": models, "users": users, "dim": scale.number(64, 8), "pairs": scale.number(25, 1)}
    group, data = f"similarity of {models} models, {users:,} users", scale.data("small")

    def case(name: str, task: str, measures: list[str], **more: Any) -> Case:
        arguments = {**told, "measures": measures}
        return Case(
            group,
            name,
            "ours",
            f"{_OURS}.similarity",
            task,
            arguments,
            data,
            clock="wall",
            threads=scale.number(2),
            **more,
        )

    every, limit = ["cka", "cka_debiased", "rsa", "procrustes"], Target("seconds", 60, least=False)
    return [
        case("ours, CKA", "population", ["cka_debiased"], reference=True, target=limit),
        case("ours, all four measures", "population", every),
        case("CKA pair by pair", "one_by_one", every, note="no intervals, no controls; extrapolated from 25 pairs"),
    ]


SUITES: Mapping[str, Callable[[Scale], list[Case]]] = {
    "correspondence": correspondence,
    "epoch": epoch,
    "evaluate": evaluate,
    "ials": ials,
    "overhead": overhead,
    "probes": probes,
    "propagation": propagation,
    "similarity": similarity,
    "stacked": stacked,
    "time_to_quality": time_to_quality,
    "workers": workers,
}
"""Name -> cases."""
