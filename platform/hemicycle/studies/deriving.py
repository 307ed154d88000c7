"""Steps that derive models from others: the transform, its ranking on the test edges and its place on a frontier."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT, ModelRecord
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.evaluation.ranking import sample_users, top_k
from hemicycle.graphs.splits import Split
from hemicycle.population.derived import Derivation
from hemicycle.population.population import Population, read_records, write_records
from hemicycle.recommenders.scoring import Scores
from hemicycle.studies.config import MemberConfig, StudyConfig, derivation_order
from hemicycle.studies.costs import START_SECONDS, Size
from hemicycle.studies.interpretation.erasing_labels import learnt_eraser
from hemicycle.studies.models import ranking_rows
from hemicycle.studies.sides import attributes_of, label_values
from hemicycle.studies.steps import Cost, Step, Work, store_of
from hemicycle.transforms.base import PARENT, Scene, Transform
from hemicycle.transforms.catalogue import TRANSFORM
from hemicycle.transforms.direction import Direction, DirectionConfig, learn, vectors_of
from hemicycle.transforms.erase import Erase
from hemicycle.transforms.frontier import clear_crossing_share, diversity, shown_count

FRONTIER = "frontier"
"""Table: one row a derived model."""


class DeriveOptions(Options):
    """One derived model."""

    transform: Annotated[Any, TRANSFORM]
    """What is done to its parents."""
    k: int = 20
    """Length of the lists."""
    test_users: int = 20_000
    """Users at most in the test, the same as for its parents."""


def derive_step(work: Work) -> None:
    """Derive a model from its parents, rank the test edges by it, write its record and its place on the frontier."""
    options: DeriveOptions = work.options
    dataset, parts = Dataset.read(work.inputs["data"]), Split.read(work.inputs["graph"])
    parents = {name: _main(work.inputs[key]) for key, name in _parent_names(work.inputs).items()}
    transform: Transform = TRANSFORM.build(options.transform)
    population = Population(store_of(work.out), work.inputs["graph"], ())
    made = Derivation(parents, attributes_of(dataset, parts.context, options.transform), store=population.store)
    scene = made.scene(parts, options.k, population.scores)
    if isinstance(transform, Direction):
        scene = replace(scene, direction=_direction(scene, dataset, transform.config))
    if isinstance(transform, Erase):
        scene = replace(scene, eraser=learnt_eraser(scene, dataset, transform.config))
    replace(made, direction=scene.direction, eraser=scene.eraser).write(work.out)
    record, scores = _record(work, parents, transform), transform.scores(scene)
    ranked = ranking_rows(scores, work, record) if parts.test.n_edges else []
    ndcg = [row["value"] for row in ranked if row["metric"] == f"ndcg@{options.k}"]
    ids = {"record_id": record.id, "parent_id": record.parent}
    frontier = [ids | {"ndcg": value} | _place(work, transform, scene, scores) for value in ndcg]
    for name, rows in {"ranking_results": ranked, FRONTIER: frontier}.items():
        work.out.write_table(name, pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
    write_records(work.out, [record])


def _main(folder: Folder) -> ModelRecord:
    """The record of a parent's step, not that of its untrained twin."""
    return next(record for record in read_records(folder) if record.status != "untrained")


def _parent_names(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Name of a step's input -> name of the parent, for those inputs that are parents."""
    return {key: key.removeprefix(f"{PARENT} ") for key in inputs if key.startswith(PARENT)}


def _record(work: Work, parents: Mapping[str, ModelRecord], transform: Transform) -> ModelRecord:
    options: DeriveOptions = work.options
    first = next(iter(parents.values()))
    return ModelRecord(
        id=work.out.name,
        name="",
        family=options.transform.transform.rsplit(":", 1)[-1].lower(),
        seed=max(parent.seed for parent in parents.values()),
        status="derived",
        parent=first.id,
        config=options.model_dump(mode="json") | {"parents": {name: r.id for name, r in parents.items()}},
        folder=f"steps/derive/{work.out.name}",
        layers=(READOUT,) if transform.embeds else (),
        epochs=(first.best_epoch,),
        best_epoch=first.best_epoch,
    )


def _place(work: Work, transform: Transform, scene: Scene, scores: Scores) -> dict[str, Any]:
    """What the lists are like and whom the constraints fail, in aggregates over the users of the test."""
    users = sample_users(Split.read(work.inputs["graph"]).test, work.options.test_users)
    lists = top_k(scores, scene.mask, users, scene.k)
    failed = int((~transform.met(scene, users)).sum())
    return {
        "transform": transform.config.transform,
        "strength": float(transform.config.strength),
        "k": scene.k,
        "clear_crossing_share": clear_crossing_share(scene.attributes, users, lists),
        "diversity": diversity(scene.vectors, lists),
        "users": len(users),
        "infeasible": failed > 0,
        "infeasible_users": shown_count(failed, len(users), public=Dataset.read(work.inputs["data"]).public),
    }


def _direction(scene: Scene, dataset: Dataset, config: DirectionConfig) -> NDArray[np.float64]:
    """Learn a direction from the labels of some users."""
    values = label_values(dataset, config.label)
    known = np.flatnonzero(np.isfinite(values))
    n = min(len(known), max(2, round(config.share * len(known))))
    kept = rng("direction", config.label, len(known)).permutation(known)[:n]
    return learn(vectors_of(scene).users.float().cpu().numpy()[kept], values[kept], config.learn)


# -- steps -----------------------------------------------------------------------------------------------------------

Models = dict[str, dict[int, Step]]
"""Member -> seed -> the step that yields its record; -1 for a model without a seed."""


def derived_steps(
    config: StudyConfig, models: Models, base: tuple[Step, Step], size: Size, follow: Callable[[Step, str], Step]
) -> list[Step]:
    """Return the steps of all derived members, parents before what derives from them, and add them to ``models``.

    Args:
        config: the study.
        models: steps of the members that are no derived ones.
        base: the steps of the data and of the split graph.
        size: of that graph.
        follow: adds what is done with every record to a step, given the record's name.

    Raises:
        InputError: parents have no seed in common.
    """
    steps: list[Step] = []
    for name in derivation_order(config.population):
        member = config.population[name]
        for transform, suffix in member.variants():
            options = DeriveOptions(transform=transform, k=config.k, test_users=config.test_users)
            models[name] = {}
            for seed, parents in _per_seed(name, member, models).items():
                title = f"{name}{suffix}" + (f"-s{seed}" if seed >= 0 else "")
                inputs = {"data": base[0], "graph": base[1], **parents}
                step = Step("derive", f"derive {title}", derive_step, options, inputs, threads=config.threads)
                models[name][seed] = follow(replace(step, cost=_cost(size, options)), title)
            steps += models[name].values()
    return steps


def _per_seed(name: str, member: MemberConfig, models: Models) -> dict[int, dict[str, Step]]:
    """For each seed the parents' steps, by the names of the inputs; a parent with one fit serves every seed."""
    fits = {parent: models[parent] for parent in member.parents}
    seeds = next((list(of) for of in fits.values() if len(of) > 1), list(next(iter(fits.values()))))
    lacking = [parent for parent, of in fits.items() if len(of) > 1 and not set(seeds) <= of.keys()]
    if lacking:
        remedy = "give parents the same seeds, or a single one"
        raise InputError(f"{lacking[0]} has other seeds than the other parents", f"population.{name}", remedy)
    keys = {parent: f"{PARENT} {parent}" if member.parent is None else PARENT for parent in fits}
    only = {parent: next(iter(of.values())) for parent, of in fits.items()}
    return {s: {keys[parent]: of.get(s, only[parent]) for parent, of in fits.items()} for s in seeds}


def _cost(size: Size, options: DeriveOptions) -> Cost:
    """A few rankings of the test users, and a list chosen item by item."""
    users = min(size.users, options.test_users)
    chosen = options.k * getattr(options.transform, "candidates", 0)
    return Cost(START_SECONDS + users * (size.items * 3e-8 + chosen * 1e-7), 6e8 + 80.0 * size.edges, 1e5)
