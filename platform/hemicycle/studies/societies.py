"""Societies of simulations: synthetic users, users placed like real people or a survey's parties, or the data's own.

A society is kept as a data set: users with their opinions as labels, the relation ``follows``, and items at their
leanings. :func:`society_of` reads it for a run.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.attitudes.ches import party_table, table_path
from hemicycle.attitudes.parties import PartyPositions
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset, with_role
from hemicycle.data.society_configurations import Party
from hemicycle.data.society_people import draw_positions
from hemicycle.data.synthetic import Synthetic, SyntheticConfig, society
from hemicycle.opinions.base import Opinions
from hemicycle.simulations.config import SimulationConfig
from hemicycle.simulations.society import Society
from hemicycle.simulations.zealots import with_zealots
from hemicycle.studies.models import graph_of
from hemicycle.studies.own_users import own_society
from hemicycle.studies.simulated import SocietyConfig, SurveyPositions
from hemicycle.studies.steps import Work

FOLLOWS = "follows"


def society_step(work: Work) -> None:
    """Make the users, their follows and what else the society has."""
    config: SocietyConfig = work.options
    data = Dataset.read(work.inputs["data"]) if needs_data(config) else None
    society_data(config, data).write(work.out)


def needs_data(config: SocietyConfig) -> bool:
    """Tell whether a society is made from the study's data."""
    return config.from_data or bool(config.positions_from)


def society_data(config: SocietyConfig, data: Dataset | None) -> Dataset:
    """Make a society as a data set.

    Args:
        config: its options.
        data: the study's data; None where nothing of it is needed.

    Raises:
        InputError: the data or the survey do not hold what is asked for.
    """
    config = placed(config)
    if config.from_data:
        assert data is not None
        return own_society(config, data)
    synthetic = SyntheticConfig(**{name: getattr(config, name) for name in SyntheticConfig.model_fields})
    if not config.positions_from:
        return Synthetic(synthetic).read()
    assert data is not None
    positions, groups = _drawn(config, data.users)
    return society(synthetic.replace(dimensions=positions.shape[1], parties="uniform"), positions, groups)


def _drawn(config: SocietyConfig, people: pa.Table) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Draw positions like those of real people, within their groups."""
    labels = np.column_stack([people[name].to_pandas().to_numpy(float) for name in config.positions_from])
    known = np.isfinite(labels).all(axis=1)
    column = config.groups_from or next(iter(with_role(people, "group")), "")
    groups = people[column].to_pandas().to_numpy().astype(str) if column else np.full(len(labels), "all")
    source = rng("society positions", config.seed_of("opinion"))
    positions, drawn = draw_positions(labels[known], groups[known], config.users, source, config.bandwidth)
    return np.clip(positions, labels[known].min(axis=0), labels[known].max(axis=0)), drawn


# -- a run reads it --------------------------------------------------------------------------------------------------


def society_of(dataset: Dataset, config: SocietyConfig) -> Society:
    """Return the society that a data set of :func:`society_data` holds.

    Args:
        dataset: users whose labels are their opinions, and the relation ``follows``.
        config: of which its sources beside users are taken.
    """
    users = dataset.users
    columns = {name: users[name].to_numpy().astype(np.float64) for name in users.column_names if _numeric(users, name)}
    group = next(iter(with_role(users, "group")), "")
    return Society(
        graph=graph_of(dataset, FOLLOWS),
        opinions=_labels(users),
        groups=users[group].to_pandas().to_numpy().astype(str) if group else None,
        columns=columns,
        items=source_positions(dataset, config.sources),
        public=dataset.public or not config.from_data,
    )


def starting(society: Society, simulation: SimulationConfig, seed: int) -> Society:
    """Return the society as a simulation begins: with its zealots, and opinions on its discrete states.

    Args:
        society: as it was made.
        simulation: which zealots and states.
        seed: of the opinions.

    Raises:
        InputError: zealots of an unknown group or of other dimensions.
    """
    society = with_zealots(society, simulation.zealots, seed)
    if simulation.states is None or simulation.bounds is None:
        return society
    return replace(society, opinions=on_states(society.opinions, simulation.states, simulation.bounds))


def on_states(opinions: Opinions, states: int, bounds: tuple[float, float]) -> Opinions:
    """Put opinions on evenly spaced states by equal slices of the bounds; what is outside stays, to be refused."""
    low, high = bounds
    slices = np.floor((opinions.astype(np.float64) - low) / (high - low) * states)
    inside = (opinions >= low) & (opinions <= high)
    place = np.where(inside, np.minimum(slices, states - 1), 0).astype(np.int64)
    return np.where(inside, np.linspace(low, high, states)[place], opinions).astype(opinions.dtype)


def source_positions(dataset: Dataset, sources: str) -> Opinions | None:
    """Where items or outlets stand, shape (n, n_dims); outlets in the order of their names, at the mean of their items.

    Raises:
        InputError: items without a group have no outlets.
    """
    if sources == "none" or dataset.items is None:
        return None
    positions = _labels(dataset.items)
    if sources == "items":
        return positions
    group = next(iter(with_role(dataset.items, "group")), "")
    if not group:
        raise InputError("the items have no group, so there are no outlets", "society.sources", "choose items")
    table = pd.DataFrame(positions.astype(np.float64)).groupby(dataset.items[group].to_pandas().to_numpy()).mean()
    return table.to_numpy(np.float32)


def _labels(table: pa.Table) -> NDArray[np.float32]:
    return np.column_stack([table[name].to_numpy() for name in with_role(table, "label")]).astype(np.float32)


def _numeric(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


# -- parties of a survey ---------------------------------------------------------------------------------------------


def placed(config: SocietyConfig) -> SocietyConfig:
    """Return the society with its starting configuration spelt out as parties.

    Raises:
        InputError: the survey does not have what is asked for.
    """
    if config.positions is None:
        return config
    if not isinstance(config.positions, SurveyPositions):
        return config.replace(positions=None, parties=config.positions)
    parties, dimensions = survey_parties(config.positions), len(config.positions.attitudes)
    if config.dimensions not in {1, dimensions}:
        what = f"{dimensions} attitudes of a survey in a society of {config.dimensions} dimensions"
        raise InputError(what, "society.positions", f"drop dimensions, or set it to {dimensions}")
    return config.replace(positions=None, parties=parties, dimensions=dimensions)


def survey_parties(config: SurveyPositions) -> tuple[Party, ...]:
    """Return the parties of a survey on [-1, 1]^D, with their shares and the spread of their members.

    Raises:
        InputError: the survey, a party, a country or an attitude is unknown, or a scale is not known.
    """
    return _survey_parties(config.model_dump_json(), table_path(config.survey).stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _survey_parties(text: str, changed: int) -> tuple[Party, ...]:
    """Read once for all cells of a design, while the file does not change."""
    del changed
    config = SurveyPositions.model_validate_json(text)
    table = _chosen(config, party_table(config.survey, config.attitudes, config.columns))
    scales = np.array([config.scale or _scale(table, name) for name in config.attitudes])
    places = 2 * (table.means - scales[:, 0]) / (scales[:, 1] - scales[:, 0]) - 1
    sizes = _sizes(config, table)
    several = len(set(table.names)) < len(table)
    names = [
        f"{name} ({country})" if several else name for name, country in zip(table.names, table.countries, strict=True)
    ]
    return tuple(
        Party(name=name, share=size, position=tuple(place), spread=config.spread)
        for name, size, place in zip(names, sizes, np.clip(places, -1, 1).tolist(), strict=True)
    )


def _chosen(config: SurveyPositions, table: PartyPositions) -> PartyPositions:
    """Parties that are asked for and have all positions."""
    where, known = "society.positions", [{i, n} for i, n in zip(table.ids, table.names, strict=True)]
    if lost := [name for name in config.parties if not any(name in both for both in known)]:
        raise InputError(f"the survey has no party {lost[0]!r}", f"{where}.parties", "write it as the survey does")
    if gone := sorted(set(config.countries) - set(table.countries)):
        there = ", ".join(sorted(set(table.countries) - {""})) or "none"
        raise InputError(f"the survey has no country {gone[0]!r}", f"{where}.countries", f"there are: {there}")
    wanted = [not config.parties or bool(both & set(config.parties)) for both in known]
    at_home = [not config.countries or country in config.countries for country in table.countries]
    rows = np.flatnonzero(np.array(wanted) & np.array(at_home) & np.isfinite(table.means).all(axis=1))
    if not len(rows):
        raise InputError("no party is left that has all positions", where, "name other parties, countries or attitudes")
    return table.rows(rows)


def _scale(table: PartyPositions, attitude: str) -> tuple[float, float]:
    if attitude not in table.scales:
        raise InputError(f"the ends of the scale of {attitude!r} are not known", "society.positions.scale", "give them")
    return table.scales[attitude]


def _sizes(config: SurveyPositions, table: PartyPositions) -> list[float]:
    """Shares of the parties, which sum to 1."""
    if not config.shares:
        return [1 / len(table)] * len(table)
    both = list(zip(table.ids, table.names, strict=True))
    if missing := [name for ident, name in both if not {ident, name} & config.shares.keys()]:
        what = f"{len(missing)} parties have no share, e.g. {missing[0]!r}"
        raise InputError(what, "society.positions.shares", "give one of each, or name the parties")
    sizes = [config.shares.get(ident, config.shares.get(name, 0.0)) for ident, name in both]
    return [size / sum(sizes) for size in sizes]
