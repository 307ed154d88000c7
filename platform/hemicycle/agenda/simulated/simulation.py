"""Simulated agendas of all models."""

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.simulated.capacity import Floats
from hemicycle.agenda.simulated.generators import course, measured
from hemicycle.agenda.simulated.influence import AgendaSimulation
from hemicycle.agenda.simulated.posting import posted_agenda
from hemicycle.core.errors import InputError


def simulate_agenda(options: AgendaSimulation, seed: int, exposure: Floats | None = None) -> Attention:
    """Simulate an agenda and measure it from posts.

    Numbers depend on the seed, the names of groups and topics and the day alone: another group, a later end or
    another strength of influence leaves all noise and shocks as they are, so that arms of an experiment are paired.

    Args:
        options: the agenda.
        seed: key of all that is random.
        exposure: what a mediator adds to attractiveness, shape (days, groups, topics); see
            :mod:`hemicycle.agenda.simulated.mediated`. None and 0 everywhere are the same to the last bit.

    Raises:
        InputError: the exposure does not fit the agenda.
    """
    if options.model == "hawkes":
        if exposure is not None:
            raise InputError("Hawkes events are not mediated", remedy="choose the model capacity or panel var")
        return posted_agenda(options, seed)
    return measured(options, course(options, seed, exposure).shares, seed)
