"""Mechanisms of opinion change by short name."""

from hemicycle.core.config import Chosen

MECHANISMS = {
    "anchored": "hemicycle.estimation.anchored:Anchored",
    "assimilation": "hemicycle.estimation.assimilation:Assimilation",
    "attraction_repulsion": "hemicycle.estimation.attraction_repulsion:AttractionRepulsion",
    "bounded_confidence": "hemicycle.estimation.bounded_confidence:BoundedConfidence",
    "distance_decay": "hemicycle.estimation.distance_decay:DistanceDecay",
    "friedkin_johnsen": "hemicycle.estimation.friedkin_johnsen:FriedkinJohnsen",
    "none": "hemicycle.estimation.none:Nothing",
    "regression": "hemicycle.estimation.regression:Regression",
}
MECHANISM = Chosen("mechanism", "mechanism", MECHANISMS)
