"""Made-up but realistic result tables of a small study: a chamber of 100, two families, three seeds."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.facts import StudyFacts

EPOCHS = (0, 1, 2, 4, 8, 16, 32)
LEVELS = {"nominate_dim1": (0.93, 0.84), "nominate_dim2": (0.44, 0.06)}
FINAL = {"mf": 1.0, "lightgcn": 0.985}
START = {"mf": 0.0, "lightgcn": 0.74}
LAYERS = {"mf": ("readout",), "lightgcn": ("0", "1", "2", "readout")}
SEEDS = (0, 1, 2)


def make_records(families=("mf", "lightgcn"), seeds=SEEDS):
    rows = []
    for family in families:
        for seed in seeds:
            for status in ("trained", "untrained"):
                name = f"{family}-s{seed}"
                trained = status == "trained"
                rows.append(
                    {
                        "id": name if trained else f"{name}-0",
                        "name": name if trained else f"{name}-untrained",
                        "family": family,
                        "seed": seed,
                        "status": status,
                        "parent": "" if trained else name,
                        "best_epoch": 16 if trained else 0,
                        "epochs": list(EPOCHS) if trained else [0],
                        "layers": list(LAYERS[family]),
                        "config": json.dumps({"model": family, "dim": 16}),
                    }
                )
    return pd.DataFrame(rows)


def score_at(family, attribute, layer, epoch, status):
    """Rises with epochs from what structure alone gives, and with layers for a graph network."""
    top = LEVELS[attribute][0] * FINAL[family]
    depth = {"0": 0.0, "1": 0.75, "2": 0.9, "readout": 1.0}[layer]
    start = top * START[family] * depth
    reach = 0.0 if status == "untrained" else 1 - np.exp(-epoch / 3)
    return start + (top * (1 if family == "mf" else 0.94 + 0.06 * depth) - start) * reach - 0.02 * (epoch > 16)


def make_probes(records):
    rng = np.random.default_rng(1)
    rows = []
    for record in records.itertuples():
        for attribute, (_, party) in LEVELS.items():
            for scope in ("all", "within party"):
                for layer in record.layers:
                    for epoch in record.epochs if layer == "readout" else (record.best_epoch,):
                        rows += probe_rows(record, (attribute, scope, party), (layer, epoch), rng)
    return pd.DataFrame(rows)


def probe_rows(record, target, site, rng):
    (attribute, scope, party), (layer, epoch) = target, site
    score = score_at(record.family, attribute, layer, epoch, record.status) + rng.normal(0, 0.02)
    if scope != "all":
        score, party = 0.45 * score - 0.05, -0.02
    base = {
        "record_id": record.id,
        "name": record.name,
        "family": record.family,
        "seed": record.seed,
        "status": record.status,
        "layer": layer,
        "epoch": epoch,
        "entity": "user",
        "attribute": attribute,
        "scope": scope,
        "probe": "ridge",
        "cv": "5-fold",
        "n": 100,
        "n_groups": 100,
        "score_name": "r2",
        "score": score,
        "ci_low": score - 0.03,
        "ci_high": score + 0.02,
        "partial_r2": (score - party) / (1 - party),
        "partial_low": score - 0.3,
        "partial_high": score + 0.1,
    }
    controls = (("permuted", -0.025, -0.08, 0.05), ("party", party, party - 0.03, party + 0.03))
    if epoch != record.best_epoch:
        controls = (("", np.nan, np.nan, np.nan),)
    return [
        base | {"control": name, "control_score": c, "control_low": lo, "control_high": hi, "selectivity": score - c}
        for name, c, lo, hi in controls
    ]


def make_ranking(records):
    rows = []
    rng = np.random.default_rng(2)
    keys = ["id", "name", "family", "seed", "status"]
    for record in records.itertuples():
        base = dict(zip(["record_id", *keys[1:]], [getattr(record, key) for key in keys], strict=True))
        top = {"mf": 0.42, "lightgcn": 0.45}[record.family]
        for epoch in record.epochs:
            value = 0.08 + (top - 0.08) * (1 - np.exp(-epoch / 8)) + rng.normal(0, 0.004)
            for metric, factor in {"ndcg@20": 1.0, "recall@20": 0.8}.items():
                row = {"epoch": epoch, "metric": metric, "value": value * factor}
                rows.append(base | row | {"split": "valid", "ci_low": np.nan, "ci_high": np.nan})
                if epoch == record.best_epoch:
                    v = value * factor
                    rows.append(base | row | {"split": "test", "ci_low": v - 0.02, "ci_high": v + 0.02})
    return pd.DataFrame(rows)


def make_map(records, *, public=True):
    rng = np.random.default_rng(3)
    party = np.where(np.arange(100) < 53, "Republican", "Democrat")
    value = np.where(party == "Republican", 0.45, -0.4) + rng.normal(0, 0.15, 100)
    rows = []
    for record in records[records["seed"] == 0].itertuples():
        noise = {("mf", "trained"): 0.1, ("lightgcn", "trained"): 0.07, ("lightgcn", "untrained"): 0.25}
        sigma = noise.get((record.family, record.status), 4.0)
        x = value + rng.normal(0, sigma, 100)
        y = rng.normal(0, max(sigma, 0.2), 100)
        angle = rng.uniform(0, 6)
        rows.append(
            pd.DataFrame(
                {
                    "record_id": record.id,
                    "name_of_model": record.name,
                    "family": record.family,
                    "seed": 0,
                    "status": record.status,
                    "layer": "readout",
                    "epoch": record.best_epoch,
                    "entity_name": [f"member {i}" for i in range(100)] if public else "",
                    "group": party,
                    "value": value,
                    "x": x * np.cos(angle) - y * np.sin(angle),
                    "y": x * np.sin(angle) + y * np.cos(angle),
                    "n": 1 if public else rng.integers(10, 60, 100),
                    "attribute": "nominate_dim1",
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def make_simulation(seeds=5, steps=40):
    rng = np.random.default_rng(4)
    rows = []
    rates = {"none": 0.045, "random": 0.046, "recommended": 0.03}
    for opinion in ("friedkin_johnsen", "bounded_confidence"):
        for seed in range(seeds):
            luck = rng.normal(0, 0.004)
            for arm, rate in rates.items():
                for step in range(0, steps + 1, 2):
                    left = np.exp(-rate * step * (0.6 if opinion == "bounded_confidence" else 1))
                    noise = rng.normal(0, 0.002)
                    shared = {"simulation": "senate", "opinion": opinion, "arm": arm, "seed": seed, "step": step}
                    values = {
                        "variance": 0.2 * (0.3 + 0.7 * left) + luck + noise,
                        "bimodality": 0.72 - 0.1 * (1 - left) + luck + noise,
                        "neighbour_correlation": 0.55 + 0.3 * (1 - left) + luck + noise,
                        "disagreement": 0.12 * left + 0.02 + luck + noise,
                    }
                    rows += [shared | {"metric": metric, "value": value} for metric, value in values.items()]
    return pd.DataFrame(rows)


def make_contrasts(simulation):
    last = simulation[simulation["step"] == simulation["step"].max()]
    wide = last.pivot_table(index=["simulation", "opinion", "metric", "seed"], columns="arm", values="value")
    rows = []
    for arm, reference in (("random", "none"), ("recommended", "none")):
        difference = wide[arm] - wide[reference]
        for key, values in difference.groupby(level=["simulation", "opinion", "metric"]):
            half = 2.78 * values.std(ddof=1) / len(values) ** 0.5
            low, high = values.mean() - half, values.mean() + half
            row = {"arm": arm, "reference": reference, "step": 40, "n_seeds": len(values), "difference": values.mean()}
            row |= {"ci_low": low, "ci_high": high, "minimum_detectable_effect": 1.4 * half}
            rows.append(dict(zip(("simulation", "opinion", "metric"), key, strict=True)) | row)
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def make():
    """The makers of tables, for tests that want other sizes."""
    return SimpleNamespace(
        records=make_records,
        probes=make_probes,
        ranking=make_ranking,
        map=make_map,
        simulation=make_simulation,
        contrasts=make_contrasts,
    )


@pytest.fixture(scope="session")
def built():
    """Tables made once; tests never change them in place."""
    records = make_records()
    simulation = make_simulation()
    return {
        "records": records,
        "probe_results": make_probes(records),
        "ranking_results": make_ranking(records),
        "map_points": make_map(records),
        "simulation_results": simulation,
        "simulation_contrasts": make_contrasts(simulation),
        "failures": pd.DataFrame(columns=["step", "title", "error"]),
    }


@pytest.fixture
def records(built):
    return built["records"]


@pytest.fixture
def tables(built):
    return dict(built)


@pytest.fixture
def private_map(records):
    return make_map(records, public=False)


@pytest.fixture
def facts():
    return StudyFacts(
        title="What two recommenders learn about the 104th Senate",
        question="Does a recommender trained on votes alone learn where senators stand?",
        name="senate",
        fingerprint="0123456789abcdef0123456789abcdef",
        config={
            "data": {"source": "voteview", "congress": 104},
            "split": {"kind": "random", "valid": 0.1, "test": 0.1},
            "seeds": [0, 1, 2],
            "recommenders": [{"model": "mf", "dim": 16}, {"model": "lightgcn", "dim": 16, "layers": 2}],
            "probes": {"folds": 5, "permutations": 20},
        },
        provenance={"versions": {"hemicycle": "0.1.0", "torch": "2.13"}, "git": "abc1234", "timings": {"fit": 12.3}},
        data={"name": "US Senate roll calls, 104th Congress", "users": 100, "items": 919, "interactions": 41_000},
        public=True,
        citations=("Lewis et al. (2024). Voteview: Congressional Roll-Call Votes Database. https://voteview.com/",),
    )


# -- a search --------------------------------------------------------------------------------------------------------

AIMS = {"ndcg@20": "maximize", "probe:party": "minimize", "novelty": "maximize"}


def make_search(trials=60, aims=("ndcg@20", "probe:party"), mode="generations", name="politics"):
    """Planted: more dimensions rank and leak more, the learning rate has its best at .01; test is validation's luck
    drawn anew."""
    rng = np.random.default_rng(5)
    told = [search_trial(number, trials, name, rng) | {"mode": mode} for number in range(trials)]
    mark_front(told, aims)
    records = [search_record(trial) for trial in told if trial["record_id"]]
    frames = {"records": pd.DataFrame(records), "trials": pd.DataFrame([without(t, "found", "params") for t in told])}
    frames["trial_values"] = pd.DataFrame([row for trial in told for row in search_values(trial, aims)])
    frames["trial_params"] = pd.DataFrame([row for trial in told for row in search_params(trial)])
    frames["search_importances"] = search_importances(name, aims)
    frames["search_progress"] = search_progress(told, aims)
    return frames | search_tests(told)


def without(row, *keys):
    return {key: value for key, value in row.items() if key not in keys}


def search_trial(number, trials, name, rng):
    branch = ("mf", "lightgcn")[number % 3 > 0]
    params = {"recommender.dim": int(2 ** rng.integers(2, 8)), "train.lr": float(10 ** rng.uniform(-3.5, -0.5))}
    params |= {"train.l2": float(10 ** rng.uniform(-5, -2)), "train.loss": str(rng.choice(["bpr", "softmax"]))}
    params |= {"recommender.layers": int(rng.integers(1, 5))} if branch == "lightgcn" else {}
    off, size = (np.log10(params["train.lr"]) + 2) ** 2, np.log2(params["recommender.dim"]) / 7
    true = {"ndcg@20": 0.3 + 0.12 * size - 0.04 * off + 0.02 * (branch == "lightgcn")}
    true |= {"probe:party": 0.35 + 0.55 * size - 0.05 * off, "novelty": 9 - 2 * size + 0.3 * off}
    noise = {"ndcg@20": 0.008, "probe:party": 0.03, "novelty": 0.1}
    valid, test = ({m: v + rng.normal(0, noise[m]) for m, v in true.items()} for _ in range(2))
    state = "failed" if number == 4 else "stopped" if number % 2 and off > 0.5 else "complete"
    return {
        "search": name,
        "trial": number,
        "generation": number // 8,
        "name": f"{name}-{number:03d}-s{number}",
        "record_id": "" if state == "failed" else f"{name}{number}",
        "branch": branch,
        "state": state,
        "epochs": {"failed": 0, "stopped": (5, 15)[number % 3 == 0]}.get(state, 45),
        "feasible": state != "failed" and number % 11 != 3,
        "pareto": False,
        "error": "loss is not finite" if state == "failed" else "",
        "params": params,
        "found": {} if state == "failed" else {"valid": valid, "test": test},
    }


def mark_front(told, aims):
    able = [t for t in told if t["state"] == "complete" and t["feasible"]]
    gains = np.array([[t["found"]["valid"][m] * (1 if AIMS[m] == "maximize" else -1) for m in aims] for t in able])
    for trial, gain in zip(able, gains, strict=True):
        trial["pareto"] = not ((gains >= gain).all(1) & (gains > gain).any(1)).any()


def search_values(trial, aims):
    if not trial["found"]:
        return []
    base = {"search": trial["search"], "trial": trial["trial"]}
    valid = trial["found"]["valid"]
    rows = [{"role": "objective", "metric": m, "direction": AIMS[m], "value": valid[m]} for m in aims]
    rows += [{"role": "constraint", "metric": "coverage@20", "direction": "", "value": 0.4}]
    rows += [{"role": "halving", "metric": "ndcg@20", "direction": "maximize", "value": valid["ndcg@20"]}]
    return [base | row for row in rows]


def search_params(trial):
    base = {"search": trial["search"], "trial": trial["trial"]}
    params = {"branch": trial["branch"], **trial["params"]}
    numbers = {k: float(v) if isinstance(v, int | float) else np.nan for k, v in params.items()}
    return [base | {"param": k, "value": str(v), "number": numbers[k]} for k, v in params.items()]


def search_importances(name, aims):
    shares = {"recommender.dim": 0.5, "train.lr": 0.3, "branch": 0.12, "train.l2": 0.05, "train.loss": 0.03}
    tilt = {m: 1 + 0.1 * place for place, m in enumerate(aims)}
    weights = {m: weight / sum(tilt.values()) for m, weight in tilt.items()}
    rows = [{"metric": m, "param": p, "importance": s * weights[m]} for m in aims for p, s in shares.items()]
    return pd.DataFrame(rows).assign(search=name)


def search_progress(told, aims):
    rows, best = [], {}
    for trial in told:
        if trial["state"] == "complete" and trial["feasible"]:
            for metric in aims:
                value, pick = trial["found"]["valid"][metric], max if AIMS[metric] == "maximize" else min
                best[metric] = pick(best.get(metric, value), value)
            best["hypervolume"] = best.get("hypervolume", 0.05) + 0.004 * trial["pareto"]
        for metric, value in best.items():
            rows.append({"search": trial["search"], "trial": trial["trial"], "metric": metric, "value": value})
    return pd.DataFrame(rows)


def search_record(trial):
    return {
        "id": trial["record_id"],
        "name": trial["name"],
        "family": trial["branch"],
        "seed": trial["trial"],
        "status": "trained",
        "parent": "",
        "best_epoch": trial["epochs"],
        "epochs": [trial["epochs"]],
        "layers": ["readout"],
        "config": json.dumps({"model": trial["branch"], "dim": trial["params"]["recommender.dim"]}),
    }


def search_tests(told):
    """What the records of trials reach in test data."""
    ranked, probed, listed = [], [], []
    for trial in told:
        if not trial["found"]:
            continue
        base = {"record_id": trial["record_id"], "name": trial["name"], "family": trial["branch"]}
        base |= {"seed": trial["trial"], "status": "trained", "epoch": trial["epochs"]}
        test = trial["found"]["test"]
        ends = {m: {"ci_low": v - 0.03 * abs(v), "ci_high": v + 0.03 * abs(v)} for m, v in test.items()}
        ranked.append(base | {"metric": "ndcg@20", "split": "test", "value": test["ndcg@20"]} | ends["ndcg@20"])
        site = {"layer": "readout", "entity": "user", "attribute": "party", "scope": "all", "probe": "logistic"}
        site |= {"cv": "5-fold", "n": 100, "n_groups": 100, "score_name": "balanced_accuracy", "partial_r2": 0.1}
        row = base | site | {"score": test["probe:party"]} | ends["probe:party"]
        controls = {"permuted": 0.5, "covariates": 0.6}
        probed += [
            row | {"control": c, "control_score": v, "control_low": v - 0.05, "control_high": v + 0.05}
            for c, v in controls.items()
        ]
        more = {"metric": "novelty", "about": "", "value": test["novelty"], "history": 8.0, "random": 10.0}
        listed.append(base | more | ends["novelty"])
    found = {"ranking_results": ranked, "probe_results": probed, "lists": listed}
    return {name: pd.DataFrame(rows) for name, rows in found.items()}


@pytest.fixture(scope="session")
def searched():
    """Maker of the tables of a study with a search; tests never change them in place."""
    return make_search


# -- what else was asked ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def few_records():
    """MF with two seeds and one untrained twin."""
    rows = [("mf-s0", 0, "trained", ""), ("mf-s1", 1, "trained", ""), ("mf-s0-0", 0, "untrained", "mf-s0")]
    frame = pd.DataFrame(rows, columns=["id", "seed", "status", "parent"])
    best = frame["status"].map({"trained": 8, "untrained": 0})
    return frame.assign(name=frame["id"], family="mf", best_epoch=best)


@pytest.fixture(scope="session")
def attitude_results():
    row = {"dims": 2, "ridge": 0.01, "n_parties": 8, "r2_in_sample": 0.8, "r2_loo": 0.75, "ci_high": 0.85}
    row |= {"survey_low": 0.6, "survey_high": 0.8, "control_mean": -0.02, "control_low": -0.1, "control_high": 0.05}
    row |= {"source": "CHES 2019"}
    values = (("lr", 0.7, 0.5), ("eu", 0.1, -0.3))
    return pd.DataFrame([row | {"attitude": name, "r2_nested": r2, "ci_low": low} for name, r2, low in values])


@pytest.fixture(scope="session")
def erased():
    """LEACE and one random direction, untouched and at full strength, with a linear reader and an MLP."""
    common = {"record_id": "mf-s0", "name": "mf-s0", "family": "mf", "seed": 0, "status": "trained", "phase": "erased"}
    common |= {"site": "both", "rank": 1, "draw": 0, "epoch": 0, "attribute": "side", "group": "", "by": ""}
    reads = {("leace", 1): (0.55, 0.8, -0.1), ("random", 1): (0.9, 0.92, -0.001)}
    rows = []
    for method in ("leace", "random"):
        for strength in (0.0, 1.0):
            linear, net, change = reads.get((method, strength), (0.9, 0.92, 0.0))
            about = common | {"method": method, "strength": strength}
            for reader, value in (("least_squares", linear), ("mlp_classes", net)):
                leak = about | {"measure": "leakage", "metric": "accuracy", "reader": reader, "majority": 0.54}
                leak |= {"control_low": 0.46, "control_high": 0.53}
                rows.append(leak | {"value": value, "ci_low": value - 0.02, "ci_high": value + 0.02})
            ranked = about | {"measure": "quality", "metric": "ndcg@20", "value": 0.3 + change, "difference": change}
            ranked |= {"difference_low": change - 0.02, "difference_high": change + 0.02}
            rows.append(ranked | {"ci_low": 0.2, "ci_high": 0.4})
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def explained():
    row = {"record_id": "mf-s0", "family": "mf", "seed": 0, "status": "trained", "attribute": "side", "rank": 0}
    row |= {"group_by": "", "group": "", "random": 0.02, "permuted": 0.2, "permuted_low": 0.1, "permuted_high": 0.3}
    values = {"share_of_score": 0.6, "cross_cutting_before": 0.1, "cross_cutting_after": 0.4}
    values |= {"cross_cutting_change": 0.3, "cross_cutting_chance": 0.5}
    ends = [(name, value, value - 0.02, value + 0.02) for name, value in values.items()]
    return pd.DataFrame(ends, columns=["measure", "value", "ci_low", "ci_high"]).assign(**row)


@pytest.fixture(scope="session")
def attacked():
    row = {"record_id": "mf-s0", "family": "mf", "seed": 0, "status": "trained", "reads": "vectors"}
    row |= {"attribute": "side", "attacker": "logistic", "known": 0.1, "n_known": 20, "score_name": "balanced_accuracy"}
    row |= {"score": 0.9, "ci_low": 0.88, "ci_high": 0.92, "advantage_low": 0.25, "advantage_high": 0.35}
    controls = [("majority", 0.5, 0.4), ("covariates", 0.6, 0.3)]
    found = [
        {"control": name, "control_score": c, "control_low": c - 0.02, "control_high": c + 0.02, "advantage": a}
        for name, c, a in controls
    ]
    return pd.DataFrame(found).assign(**row)
