"""One step of a run: what is refreshed, what is shown, what users do about it, how opinions move."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of
from hemicycle.exposure.base import Mediated, Scene, due, mixed
from hemicycle.exposure.edge_log import Changes, applied
from hemicycle.exposure.mediator import Mediator, Occasion
from hemicycle.opinions.base import OpinionModel, Sources
from hemicycle.simulations.knowledge import knowledge_rows
from hemicycle.simulations.setting import Setting
from hemicycle.simulations.situation import Shown
from hemicycle.simulations.state import State


def advance(setting: Setting, model: OpinionModel, state: State) -> tuple[State, Shown]:
    """Return the state after one more step, and what was shown in it; nothing is measured here.

    Within a step: the mediator and its lists are refreshed where the exposure redraws; users are shown their sources;
    they click, follow and unfollow, which the next step will show; opinions move by what was shown.

    Args:
        setting: the run.
        model: its opinion model, bound to the users.
        state: after ``state.step`` steps.
    """
    state, sources = exposed(setting, state)
    shown = Shown(sources, state.drawn.proposals, state.opinions, state.graph)
    state = acted(setting, state)
    after = model.step(shown.opinions, setting.innate, sources, key_of("opinion", setting.seed, state.step))
    fixed = setting.society.fixed
    if fixed is not None and fixed.any():
        after = np.where(fixed[:, None], shown.opinions, after)
    return replace(state, step=state.step + 1, opinions=after), shown


# -- what is shown -----------------------------------------------------------------------------------------------------


def exposed(setting: Setting, state: State) -> tuple[State, Sources]:
    """Return the state with all refreshed that this step redraws, and what each user is shown at present opinions."""
    if setting.exposure.redraws(state.step):
        state = _redrawn(setting, state)
    if state.drawn.sources is None:
        sources = _sources(setting, state)
        state = replace(state, drawn=replace(state.drawn, sources=sources))
    assert state.drawn.sources is not None
    return state, state.drawn.sources.at(state.opinions)


def scene_of(setting: Setting, state: State) -> Scene:
    """The scene as it is now."""
    drawn = state.drawn
    return replace(setting.scene, graph=state.graph, lists=drawn.lists, scores=drawn.scores)


def _redrawn(setting: Setting, state: State) -> State:
    """Refresh the mediator, its lists, what is known of it, and the proposals, each where it is due."""
    options = setting.listing
    lists = setting.lists if state.step == 0 else state.drawn.lists
    state = replace(state, drawn=replace(state.drawn, step=state.step, lists=lists, sources=None))
    if state.mediator is not None and options is not None and due(state.step, options.refresh):
        state = _refreshed(setting, state, state.mediator)
    return _proposed(setting, state)


def _refreshed(setting: Setting, state: State, mediator: Mediator) -> State:
    """Bring the mediator up to date, ask what it knows and let it list, each only where anybody looks."""
    options, seen = setting.listing, _is_seen(setting)
    if not seen and setting.knowledge is None:
        return state
    occasion = Occasion(scene_of(setting, state), state.opinions, setting.innate, state.step, state.log.clicks())
    mediator, records = mediator.refreshed(occasion, options), state.records
    if setting.knowledge is not None:
        rows = knowledge_rows(mediator, occasion, setting.knowledge)
        records = replace(records, knowledge=records.knowledge.plus(rows))
    lists, scores = mediator.lists(occasion.scene, options.k, options) if seen else (None, None)
    return replace(state, mediator=mediator, records=records, drawn=replace(state.drawn, lists=lists, scores=scores))


def _is_seen(setting: Setting) -> bool:
    """Tell whether proposals have any weight."""
    exposure = setting.exposure
    return not isinstance(exposure, Mediated) or exposure.config.strength > 0


def _proposed(setting: Setting, state: State) -> State:
    """Draw proposals as of the last refresh."""
    exposure = setting.exposure
    if not isinstance(exposure, Mediated) or not _is_seen(setting):
        return state
    found = exposure.proposals(scene_of(setting, state), state.drawn.step, state.opinions)
    return replace(state, drawn=replace(state.drawn, proposals=np.asarray(found, np.int32), sources=None))


def _sources(setting: Setting, state: State) -> Sources:
    """Put together what users are shown from whom they follow and what they are proposed."""
    exposure, scene = setting.exposure, scene_of(setting, state)
    if not isinstance(exposure, Mediated):
        return exposure.shown(scene, state.drawn.step, state.opinions)
    followed = exposure.followed(scene, state.opinions)
    if state.drawn.proposals is None or not exposure.config.heard:
        return followed
    return mixed(followed, state.drawn.proposals, exposure.config.strength)


# -- what users do -----------------------------------------------------------------------------------------------------


def acted(setting: Setting, state: State) -> State:
    """Return the state after what users do in a step, at the opinions they had when they were shown their sources."""
    if setting.conduct is None:
        return state
    scene, sources = scene_of(setting, state), state.drawn.sources
    if sources is not None and len(sources.positions) > len(state.opinions):
        scene = replace(scene, items=sources.positions[len(state.opinions) :])
    changes = setting.conduct.changes(scene, state.drawn.proposals, state.opinions, state.step, state.log)
    state.log.append(state.step + 1, changes)
    if not changes.rewires:
        return state
    graph = applied(state.graph, changes)
    state = replace(state, graph=graph, drawn=replace(state.drawn, sources=None))
    return _relisted(setting, state, changes)


def _relisted(setting: Setting, state: State, changes: Changes) -> State:
    """List anew for users whose follows changed, unless the next step refreshes all lists anyway."""
    drawn, mediator, options = state.drawn, state.mediator, setting.listing
    if mediator is None or drawn.lists is None or drawn.scores is None or due(state.step + 1, options.refresh):
        return state
    users = changes.users
    ids, scores = mediator.lists(scene_of(setting, state), options.k, options, users)
    lists = (_put(drawn.lists, users, ids), _put(drawn.scores, users, scores))
    return _proposed(setting, replace(state, drawn=replace(drawn, lists=lists[0], scores=lists[1])))


def _put(array: NDArray[Any], rows: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy with some rows replaced."""
    out = array.copy()
    out[rows] = values
    return out
