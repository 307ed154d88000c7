"""A store made by hand: finished steps, studies and their tables, without running anything."""

import json
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from hemicycle.core.config import fingerprint
from hemicycle.core.disclosure import PUBLIC, SENSITIVE
from hemicycle.core.storage import Folder
from hemicycle.evaluation.ranking import Ranking
from hemicycle.studies.comparing import keep_users

VERSIONS = {"hemicycle": "0.1.0", "commit": "c" * 40}
USERS = 120


def plant_step(store, kind, name, **files):
    """Write a finished step: its manifest, what else it has, DONE. Returns its fingerprint."""
    return plant_named(store, kind, fingerprint([kind, name, files.get("about", {})]), name, **files)


def plant_named(store, kind, key, name, *, about=None, records=()):  # noqa: PLR0913 - what a step has
    """As :func:`plant_step`, under a given fingerprint; by plain writes, since thousands of them are planted."""
    folder = store.local / "steps" / kind / key
    folder.mkdir(parents=True)
    manifest = {"kind": kind, "title": f"{kind} {name}", "version": 1, "fingerprint": key, "inputs": {}, "options": {}}
    manifest |= {"threads": 1, "workers": 1, "seconds": 0.5, "finished": "2026-01-01T00:00:00Z"} | VERSIONS
    (folder / "manifest.json").write_text(json.dumps(manifest | (about or {})))
    if records:
        (folder / "records.json").write_text(json.dumps([dict(r) for r in records]))
    (folder / "DONE").touch()
    return key


def record(key, family="mf", seed=0, **changes):
    """A record as a fit writes it."""
    options = {"model": family, "dim": 8, "reg": 0.01}
    config = {"recommender": options, "train": {"epochs": 3, "lr": 0.1}, "seed": seed, "k": 20}
    row = {"id": key, "name": "", "family": family, "seed": seed, "status": "trained", "parent": "", "config": config}
    row |= {"folder": f"steps/fit/{key}", "layers": ["0", "readout"], "epochs": [0, 3], "best_epoch": 3, "metrics": {}}
    return row | changes


def plant_study(store, name, steps, *, config=None, tables=None):
    """Write a study that wants steps: (kind, fingerprint, title) each."""
    folder = store / "studies" / f"{name}-12345678"
    rows = [dict(zip(("kind", "fingerprint", "title"), step, strict=True)) for step in steps]
    folder.write_json("plan.json", {"name": name, "config": config or {"name": name}, "steps": rows})
    for table, frame in (tables or {}).items():
        made = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
        (folder / "tables").write_table(table, made)
    folder.write_json("study.json", {"states": [], "tables": sorted(tables or {}), "provenance": VERSIONS})
    folder.finish()
    return folder


def private_table():
    """A table that may not leave row by row."""
    field = pa.field("left_right", pa.float64(), metadata={SENSITIVE: b"true"})
    return pa.table({"left_right": [0.5, -0.5]}, schema=pa.schema([field], metadata={PUBLIC: b"false"}))


LIFTS = {"mf": 0.0, "lightgcn": 0.1}
EASE = np.random.default_rng(0).random(USERS)


def plant_population(store, name="one", seeds=(0, 1, 2), *, lift=0.0, contents="a", dim=8):  # noqa: PLR0913 - what studies differ in
    """A study of two families: records, metrics, kept metrics of single users, probes and simulation contrasts."""
    about = {"options": {"source": {"source": "tabular"}, "contents": {"0 edges.csv": contents}}}
    data = plant(store, "data", "tabular", about)
    options = {"relation": "", "split": {"kind": "random", "test": 0.2}, "contents": {}}
    graph = plant(store, "graph", "graph", {"options": options, "inputs": {"data": data}})
    steps, ranking, probes, records = [("data", data, "read"), ("graph", graph, "split")], [], [], []
    for family, family_lift in LIFTS.items():
        for seed in seeds:
            key = fingerprint([name, family, seed])
            row = record(key, family, seed)
            row["config"]["recommender"]["dim"] = dim
            plant_named(store, "fit", key, f"{family}-s{seed}", about={"inputs": {"graph": graph}}, records=[row])
            noise = np.random.default_rng([seed, len(name), round(1000 * (lift + family_lift))]).normal(0, 0.1, USERS)
            values = EASE + lift + family_lift + noise
            keep_users(store / "steps" / "fit" / key, key, Ranking({}, np.arange(USERS), {"ndcg@20": values}))
            common = {"record_id": key, "name": f"{family}-s{seed}", "family": family, "seed": seed}
            common |= {"status": "trained", "epoch": 3}
            for metric, value in (("ndcg@20", values.mean()), ("coverage@20", 0.5 + lift + 0.01 * seed)):
                ranking.append(common | {"split": "test", "metric": metric, "value": value, "n": USERS})
                ranking[-1] |= {"ci_low": value - 0.05, "ci_high": value + 0.05}
            ranking.append(common | {"split": "valid", "metric": "ndcg@20", "value": 9.0, "n": USERS})
            for control in ("party", "permuted"):
                score = 0.5 + lift + 0.02 * seed
                probe = {"layer": "readout", "entity": "user", "attribute": "left_right", "scope": "all"}
                probe |= {"probe": "ridge", "score_name": "r2", "score": score, "control": control}
                probes.append(common | probe | {"ci_low": score - 0.1, "ci_high": score + 0.1})
            steps.append(("fit", key, f"fit {family}-s{seed}"))
            records.append({"id": key, "name": f"{family}-s{seed}"})
    contrast = {"simulation": "talk", "opinion": "friedkin_johnsen", "metric": "variance", "arm": "recommended"}
    contrast |= {"reference": "none", "step": 9, "n_seeds": 5, "difference": 0.2 + lift}
    contrast |= {"ci_low": 0.1 + lift, "ci_high": 0.3 + lift, "minimum_detectable_effect": 0.1}
    config = {"name": name, "k": 20, "population": {"mf": {"recommender": {"model": "mf", "dim": dim}}}}
    tables = {"ranking_results": ranking, "probe_results": probes, "simulation_contrasts": [contrast]}
    frames = {key: pd.DataFrame(rows) for key, rows in (tables | {"records": records}).items()}
    return plant_study(store, name, steps, config=config, tables=frames)


def plant(store, kind, name, about):
    """A step that several studies may share."""
    key = fingerprint([kind, name, about])
    if not (store / "steps" / kind / key).done:
        plant_named(store, kind, key, name, about=about)
    return key


@contextmanager
def s3_bucket():
    """A bucket of a local stand-in for S3, found through AWS_ENDPOINT_URL as any other."""
    for module in ("moto", "boto3", "flask", "flask_cors"):
        pytest.importorskip(module, reason="the S3 tests need moto[s3], flask and flask-cors")
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    names = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
    names |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        boto3.client("s3", endpoint_url=names["AWS_ENDPOINT_URL"]).create_bucket(Bucket="bucket")
        yield Folder.at("s3://bucket/store")
    server.stop()
