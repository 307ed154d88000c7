"""What an analysis of attention is made of: data, issues, questions to them, and simulations that know the answer."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.agenda.attention.scale import ScaleOptions
from hemicycle.agenda.hawkes.events_file import EventsConfig
from hemicycle.agenda.hawkes.hawkes import HawkesOptions
from hemicycle.agenda.leads.options import EventOptions, LeadOptions
from hemicycle.agenda.responses.var_options import VarOptions
from hemicycle.agenda.simulated.discoveries import DiscoveryOptions
from hemicycle.agenda.simulated.influence import AgendaSimulation
from hemicycle.agenda.simulated.mediated import MediationOptions
from hemicycle.agenda.simulated.newsfeed import FeedOptions
from hemicycle.agenda.simulated.power import PowerOptions
from hemicycle.agenda.simulated.recovery import RecoveryOptions
from hemicycle.core.config import Options

Issues = Literal["all", "category", "topic"]


class HawkesAnalysis(Options):
    """Events whose excitation is estimated."""

    events: EventsConfig
    """Where they are."""
    model: HawkesOptions = HawkesOptions()
    """Kernels, exogenous part, estimator."""


class Recovery(RecoveryOptions):
    """Whether estimators find what is planted."""

    replications: int = Field(100, ge=2)
    """Simulated agendas."""


class Discoveries(DiscoveryOptions):
    """How many leads are false where the leaders are known."""

    replications: int = Field(200, ge=2)
    """Simulated agendas."""


class AgendaMediation(Options):
    """Members of the population between the news and the groups."""

    members: tuple[str, ...] = ()
    """Members whose records mediate, every seed of each; empty: all that are trained."""
    simulation: AgendaSimulation = AgendaSimulation(model="capacity")
    """The agenda; its topics are those of the news."""
    feed: FeedOptions = FeedOptions()
    """Which columns of the data say topic, time and group."""
    mediation: MediationOptions = MediationOptions()
    """Arms, weight, lists."""
    replications: int = Field(20, ge=2)
    """Simulated agendas of each record; arms are paired."""

    @model_validator(mode="after")
    def _topics_compete(self) -> Self:
        if self.simulation.model != "capacity":
            raise ValueError(f"a mediated agenda of the model {self.simulation.model!r}; choose capacity")
        return self


class AgendaConfig(Options):
    """One analysis of attention; every part may be left out."""

    attention: AttentionConfig | None = None
    """Attention of groups to topics over time, or texts from which it is made."""
    simulated: AgendaSimulation | None = None
    """Attention that is simulated instead, from known influence."""
    issues: tuple[Issues, ...] = Field(("all",), min_length=1)
    """What is analysed together: ``all`` topics, those of a ``category``, or each ``topic`` by itself."""
    var: dict[str, VarOptions] = Field(default_factory=dict)
    """Name -> panel vector autoregression with its impulse responses, e.g. ``panel`` and ``stacked``."""
    leads: LeadOptions | None = None
    """Who leads whom, by several measures."""
    shocks: EventOptions | None = None
    """What follows, in every group, when attention to a topic rises."""
    stationarity: ScaleOptions | None = None
    """Tests of every series for a unit root, on this scale."""
    hawkes: HawkesAnalysis | None = None
    """Which source's events set off which others'."""
    recovery: Recovery | None = None
    """Simulated agendas of known influence, to see whether estimators find it."""
    discoveries: Discoveries | None = None
    """Simulated agendas of known leaders, to count false ones."""
    power: PowerOptions | None = None
    """How many days and topics are needed to see an effect."""
    mediation: AgendaMediation | None = None
    """What recommenders of the population do to the agenda."""
    fewest_topics: int = Field(1, ge=1)
    """Categories with fewer topics are not analysed by themselves."""
    seed: int = 0
    """Key of everything that is drawn."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        asked = {"var": self.var, "leads": self.leads, "shocks": self.shocks, "stationarity": self.stationarity}
        needing = [name for name, given in asked.items() if given]
        if self.attention is not None and self.simulated is not None:
            raise ValueError("give attention or simulated, not both")
        if needing and self.attention is None and self.simulated is None:
            raise ValueError(f"{needing[0]} needs attention: say under 'attention' where it comes from")
        alone = (
            self.attention,
            self.simulated,
            self.hawkes,
            self.recovery,
            self.discoveries,
            self.power,
            self.mediation,
        )
        if not any(part is not None for part in alone):
            raise ValueError(
                "the analysis does nothing: give attention, hawkes, recovery, discoveries, power, mediation"
            )
        return self


Agendas = dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")], AgendaConfig]
"""Name -> analysis."""
