"""Synthetic societies with known truth.

Users have attitudes x_u in D dimensions around their party's position, reflected into [-1, 1]^D, and age, activity and
region correlated with x_u0 by a chosen amount (:mod:`hemicycle.data.society_people`). Items stand near their outlet's
leaning y_i and may have short texts (:mod:`hemicycle.data.society_items`). Then, with s the root mean square distance
of two users, w popularity and c the strength of communities,

    p(u follows v)  ~ (1 - c) w_v exp(-homophily |x_u - x_v| / s) + c (the same inside u's community),
    p(u consumes i) ~ w_i^popularity exp(-affinity |x_u - y_i| / s),

each part normalised over its targets and drawn without replacement, out-degrees in proportion to activity, numbers of
edges exact (:mod:`hemicycle.data.society_edges`, with sources); other shapes of the social graph stand in
:mod:`hemicycle.data.society_shapes`. Attitudes are assortative by homophily, or by
communities that are aligned with parties; with neither, edges know nothing of attitudes. With ``news``, items appear
and age, users are shown some of them and click (:mod:`hemicycle.data.society_news`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of
from hemicycle.data import society_edges as edges
from hemicycle.data import society_shapes as shapes
from hemicycle.data.assembly import Column
from hemicycle.data.schema import Dataset, Relation, Role, roles, tag
from hemicycle.data.society_items import Content, content
from hemicycle.data.society_news import Log, explained, newsroom, read_news, tastes
from hemicycle.data.society_options import SyntheticConfig
from hemicycle.data.society_people import People, Traits, draw_positions, people, people_at, traits, uniform

__all__ = ["Synthetic", "SyntheticConfig", "Truth", "draw_positions", "society", "truth"]

_TRUTH = b"hemicycle.truth"


class Synthetic:
    """A synthetic society as a data source.

    Args:
        config: its parameters.
    """

    Config = SyntheticConfig
    keyed = False

    def __init__(self, config: SyntheticConfig) -> None:
        self.config = config

    def files(self) -> list[Path]:
        """No files: the configuration is the data's identity."""
        return []

    def read(self) -> Dataset:
        """Make the society."""
        return society(self.config)


@dataclass(frozen=True)
class Truth:
    """What a society was made from; attitudes, parties and leanings stand in its tables.

    Args:
        config: its parameters.
        unit: s, the distance in which homophily and affinity are measured.
    """

    config: SyntheticConfig
    unit: float


def truth(dataset: Dataset) -> Truth:
    """Return the truth that a synthetic data set carries in the schema of its users.

    Raises:
        InputError: the data set is not synthetic.
    """
    stored = (dataset.users.schema.metadata or {}).get(_TRUTH)
    if stored is None:
        raise InputError(f"the data set {dataset.name!r} is not synthetic: it carries no truth")
    about = json.loads(stored)
    return Truth(SyntheticConfig.model_validate(about["config"]), about["unit"])


def society(
    config: SyntheticConfig,
    positions: NDArray[np.floating] | None = None,
    groups: NDArray[np.generic] | None = None,
) -> Dataset:
    """Make a society.

    Args:
        config: its parameters.
        positions: attitudes of shape (config.users, config.dimensions) instead of drawn ones, e.g. from
            :func:`draw_positions`; the attitude space is then their bounding box.
        groups: party of each of these users, shape (config.users,).

    Returns:
        Tables ``users`` (id, attitude_0 ..., party, age, activity, region, community) and ``items`` (id, outlet,
        leaning_0 ..., popularity, text), relations ``follows`` and ``interactions``; parts of size 0 are left out. With
        news: the relation ``clicks``, which comes first, impressions, users' ``taste_0`` ..., and items' ``topic`` and
        ``published`` (seconds).

    Raises:
        InputError: positions or groups do not fit the configuration.
    """
    who = people(config) if positions is None else people_at(config, positions, groups)
    what = traits(config, who)
    cells = edges.cells(who.positions, config.communities.number)
    relations = {}
    if config.n_follows:
        table = _follows(config, who, what, cells)
        relations["follows"] = Relation(table, social=True, directed=config.follows.directed)
    items = content(config, who) if config.items.number else None
    if items is not None and config.n_interactions:
        relations["interactions"] = Relation(_interactions(config, what, cells, items, who.unit))
    users = _with_truth(_users_table(who, what), Truth(config, who.unit))
    made = Dataset(config.name, users, None if items is None else _items_table(items), relations, public=False)
    return made if items is None or config.news is None else _with_news(config, made, who, what, items)


# -- edges -----------------------------------------------------------------------------------------------------------


def _follows(config: SyntheticConfig, who: People, what: Traits, cells: edges.Cells) -> pa.Table:
    """Draw who follows whom; a mutual tie stands once."""
    n, seed, options = config.users, config.seed_of("graph"), config.follows
    if options.kind in shapes.SHAPES:
        return _pairs_table(*shapes.ties(options, n, seed))
    wanted = config.n_follows
    counts = edges.degrees(what.activity, wanted, n - 1, _phase("follows", seed))
    if options.kind == "blocks":
        table = _pairs_table(*shapes.blocks(options, what.community, who.sides, counts, seed))
    else:
        table = _near(config, what, cells, counts, who.unit)
    return table if options.directed else _mutual(table, n)


def _near(
    config: SyntheticConfig, what: Traits, cells: edges.Cells, counts: NDArray[np.int64], unit: float
) -> pa.Table:
    """Follows by distance of attitudes, popularity and communities."""
    seed = config.seed_of("graph")
    pool = edges.Pool(
        cells=cells,
        weights=edges.popularity(uniform(config.users, 1, "visibility", seed)[:, 0], config.follows.exponent),
        community=what.community.astype(np.int64),
        strength=config.communities.strength,
    )
    kernel = edges.decay(cells, cells, config.follows.homophily / unit)
    targets = edges.prepare(pool, kernel, key_of("follows", seed), social=True)
    return _edge_table(edges.Sources(cells.of, pool.community, _pointers(counts)), targets)


def _pairs_table(users: NDArray[np.int32], items: NDArray[np.int32]) -> pa.Table:
    return pa.table({"user": users, "item": items})


def _mutual(table: pa.Table, n: int) -> pa.Table:
    """One row for each pair of which either follows the other."""
    users, items = (table[name].to_numpy().astype(np.int64) for name in ("user", "item"))
    codes = np.unique(np.minimum(users, items) * n + np.maximum(users, items))
    return _pairs_table((codes // n).astype(np.int32), (codes % n).astype(np.int32))


def _interactions(config: SyntheticConfig, what: Traits, cells: edges.Cells, items: Content, unit: float) -> pa.Table:
    n, seed, options = config.items.number, config.seed, config.interactions
    pool = edges.Pool(
        cells=edges.cells(items.leaning),
        weights=items.popularity.astype(np.float64) ** options.popularity,
        community=np.zeros(n, np.int64),
        strength=0.0,
    )
    kernel = edges.decay(cells, pool.cells, options.affinity / unit)
    targets = edges.prepare(pool, kernel, key_of("interactions", seed), social=False)
    counts = edges.degrees(what.activity, config.n_interactions, n, _phase("interactions", seed))
    return _edge_table(edges.Sources(cells.of, np.zeros_like(cells.of), _pointers(counts)), targets)


def _phase(relation: str, seed: int) -> float:
    return float(uniform(1, 1, relation, seed)[0, 0])


def _pointers(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _edge_table(sources: edges.Sources, targets: edges.Targets) -> pa.Table:
    items = edges.draw_edges(sources, targets)
    users = np.repeat(np.arange(len(sources.pointers) - 1, dtype=np.int32), np.diff(sources.pointers))
    return pa.table({"user": users, "item": items})


# -- tables ----------------------------------------------------------------------------------------------------------


def _users_table(who: People, what: Traits) -> pa.Table:
    attitudes = {f"attitude_{d}": np.ascontiguousarray(column) for d, column in enumerate(who.positions.T)}
    table = pa.table(
        {
            "id": _numbered("u", np.arange(len(who.positions))),
            **attitudes,
            "party": pa.array(who.names, pa.string()).take(pa.array(who.party)),
            "age": what.age,
            "activity": what.activity,
            "region": _numbered("region-", what.region),
            "community": what.community,
        }
    )
    covariates: dict[str, Role] = dict.fromkeys(("age", "activity", "region"), "covariate")
    return tag(table, _roles("attitude", table, {"party": "group", **covariates}), public=False)


def _items_table(items: Content) -> pa.Table:
    columns = {
        "id": _numbered("i", np.arange(len(items.outlet))),
        "outlet": _numbered("outlet-", items.outlet),
        **{f"leaning_{d}": np.ascontiguousarray(column) for d, column in enumerate(items.leaning.T)},
        "popularity": items.popularity,
    }
    table = pa.table(columns | ({} if items.texts is None else {"text": items.texts}))
    return tag(
        table, _roles("leaning", table, {"outlet": "group", "popularity": "covariate", "text": "text"}), public=False
    )


def _with_news(config: SyntheticConfig, made: Dataset, who: People, what: Traits, items: Content) -> Dataset:
    """Add what users are shown and click."""
    assert made.items is not None
    news = newsroom(config, items)
    log = read_news(config, who, what, items, news)
    liked = tastes(config, who.party).T.copy()
    liking = {f"taste_{k}": Column(pa.array(column), "other") for k, column in enumerate(liked)}
    about = {
        "topic": Column(_numbered("topic-", news.topic), "covariate"),
        "published": Column(pa.array(news.published), "covariate"),
        "text": Column(news.texts, "text"),
    }
    return replace(
        made,
        users=_extended(made.users, liking),
        items=_extended(made.items, about),
        relations={"clicks": log.clicks(), **made.relations},
        notes=_news_notes(log, explained(config, log, who, items, news)),
        impressions=log.table(),
    )


def _news_notes(log: Log, auc: Mapping[str, float]) -> tuple[str, ...]:
    alone = ", ".join(f"{name} {value:.3f}" for name, value in auc.items())
    shown = (
        f"{len(log.item)} items shown in {int(log.impression[-1]) + 1} impressions, {log.clicked.mean():.1%} clicked"
    )
    return shown, f"AUC within impressions of what is behind clicks, each alone: {alone}"


def _extended(table: pa.Table, columns: Mapping[str, Column]) -> pa.Table:
    """Add or replace columns; the table's metadata stay."""
    values = {name: columns[name].values if name in columns else table[name] for name in table.column_names}
    whole = pa.table({**values, **{name: column.values for name, column in columns.items()}})
    known = cast("dict[str, Role]", roles(table)) | {name: column.role for name, column in columns.items()}
    tagged = tag(whole, known, public=False)
    return tagged.replace_schema_metadata(table.schema.metadata)


def _roles(label: str, table: pa.Table, others: Mapping[str, Role]) -> dict[str, Role]:
    labels: dict[str, Role] = {name: "label" for name in table.column_names if name.startswith(f"{label}_")}
    return {"id": "id", **labels, **others}


def _numbered(prefix: str, numbers: NDArray[np.integer]) -> pa.Array:
    """Return ``prefix`` followed by each number."""
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")


def _with_truth(users: pa.Table, known: Truth) -> pa.Table:
    about = json.dumps({"config": known.config.model_dump(mode="json"), "unit": known.unit}, sort_keys=True)
    return users.replace_schema_metadata({**(users.schema.metadata or {}), _TRUTH: about.encode()})
