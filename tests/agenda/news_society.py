"""A small society that reads news, and a recommender trained on its clicks."""

from functools import cache

from hemicycle.agenda.simulated.influence import AgendaSimulation, Influence
from hemicycle.agenda.simulated.newsfeed import FeedOptions, newsfeed
from hemicycle.data.society_options import SyntheticConfig
from hemicycle.data.synthetic import society
from hemicycle.exposure.mediator import Mediator
from hemicycle.exposure.retraining import retrained
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.ease import EASE
from hemicycle.recommenders.mf import MF
from hemicycle.training.options import TrainingOptions

DAYS = 60
NEWS = {"per_user": 40, "days": DAYS, "topics": 4, "affinity": 0.0, "taste": 2.0}


@cache
def dataset():
    """120 users of two parties, 900 items on four topics."""
    config = SyntheticConfig(
        users=120, follows={"per_user": 0}, interactions={"total": 0}, items={"number": 900, "texts": True}, news=NEWS
    )
    return society(config)


@cache
def feed():
    """Its news day by day."""
    return newsfeed(dataset(), FeedOptions())


@cache
def mediator(closed_form=False):
    """A model of who clicked what."""
    graph = InteractionGraph.from_relation(dataset().relations["clicks"], 120, 900)
    kind = EASE if closed_form else MF
    recommender = kind(kind.Config(model="ease") if closed_form else kind.Config(model="mf", dim=8))
    training = TrainingOptions(epochs=15, batch=1000, lr=0.05)
    return Mediator(recommender, retrained(recommender, graph, training, 0), graph, training, 0)


AGENDA = AgendaSimulation(
    groups=("media", "left", "right"),
    topics=4,
    days=DAYS,
    influence=(Influence(leader="media", follower="left", strength=0.2),),
    posts=500,
)
