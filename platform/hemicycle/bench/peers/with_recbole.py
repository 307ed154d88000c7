"""RecBole: epochs of its LightGCN and BPR, and its full-sort evaluation."""

import itertools
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.argv = sys.argv[:1]  # RecBole takes a program's arguments for its own
warnings.simplefilter("ignore")
from recbole.config import Config  # type: ignore[import-not-found]  # noqa: E402 - once the arguments are hidden
from recbole.data import create_dataset, data_preparation  # type: ignore[import-not-found]  # noqa: E402 - the same
from recbole.utils import get_model, get_trainer, init_seed  # type: ignore[import-not-found]  # noqa: E402 - the same

Spec = Mapping[str, Any]
Facts = dict[str, Any]
_NAME = "bench"


class First:
    """The first batches of a loader, its other properties unchanged."""

    def __init__(self, loader: Any, number: int) -> None:
        self.loader, self.number = loader, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return min(self.number, len(self.loader))

    def __iter__(self) -> Iterator[Any]:
        return itertools.islice(iter(self.loader), self.number)


def epoch(spec: Spec) -> Callable[[], Facts]:
    """An epoch of ``model`` in mini-batches of ``pairs``; ``batches`` at most. Negative sampling is part of it."""
    trainer, _, (loader, _, _) = _prepared(spec)
    some = First(loader, spec.get("batches", len(loader)))

    def run() -> Facts:
        loss = trainer._train_epoch(some, 0)  # noqa: SLF001 - the public verb fits, validates and saves
        return {"loss": float(np.sum(loss)) / len(some), "share": len(some) / len(loader)}

    return run


def ranking(spec: Spec) -> Callable[[], Facts]:
    """Metrics at 20 of given vectors, put into its BPR model."""
    trainer, dataset, (_, _, test) = _prepared(spec)
    tables = {"user": trainer.model.user_embedding, "item": trainer.model.item_embedding}
    with torch.no_grad():
        for side, table in tables.items():
            tokens = dataset.id2token(f"{side}_id", np.arange(1, table.num_embeddings)).astype(int)
            vectors = np.load(Path(spec["data"], f"{side}s.npy"))
            table.weight[1:] = torch.from_numpy(vectors[tokens])

    def run() -> Facts:
        found = trainer.evaluate(test, load_best_model=False)
        return {name: float(found[name]) for name in ("recall@20", "ndcg@20")}

    return run


def _prepared(spec: Spec) -> tuple[Any, Any, Any]:
    """Trainer, data set, and the loaders of its three parts."""
    torch.set_num_threads(spec["threads"])
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(spec["data"]), Path(folder, _NAME))
        config = Config(model=spec["model"], dataset=_NAME, config_dict=_settings(spec, folder))
        init_seed(config["seed"], config["reproducibility"])
        dataset = create_dataset(config)
        loaders = data_preparation(config, dataset)
    model = get_model(config["model"])(config, loaders[0].dataset).to(config["device"])
    return get_trainer(config["MODEL_TYPE"], config["model"])(config, model), dataset, loaders


def _settings(spec: Spec, folder: str) -> Facts:
    return {
        "data_path": folder,
        "checkpoint_dir": folder,
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
        "embedding_size": spec["dim"],
        "n_layers": spec.get("layers", 3),
        "train_batch_size": spec.get("pairs", 2048),
        "eval_batch_size": spec.get("eval_batch", 4096),
        "metrics": ["Recall", "NDCG"],
        "topk": [20],
        "valid_metric": "NDCG@20",
        "use_gpu": spec["device"] != "cpu",
        "show_progress": False,
    }


def _write(data: Path, folder: Path) -> None:
    """Write the three parts as RecBole reads them; the validation part is one training edge, since it must exist."""
    folder.mkdir()
    assert json.loads((data / "about.json").read_text(encoding="utf-8"))["test"], "a workload with a test part"
    for part, source, count in (("train", "train", None), ("valid", "train", 1), ("test", "test", None)):
        users, items = (np.load(data / f"{source}_{side}.npy")[:count].tolist() for side in ("users", "items"))
        lines = [f"{user}\t{item}" for user, item in zip(users, items, strict=True)]
        text = "\n".join(["user_id:token\titem_id:token", *lines, ""])
        (folder / f"{_NAME}.{part}.inter").write_text(text, encoding="utf-8")
