"""Opinion models by short name."""

from hemicycle.core.config import Chosen

OPINIONS = {
    "bounded_confidence": "hemicycle.opinions.bounded_confidence:BoundedConfidence",
    "friedkin_johnsen": "hemicycle.opinions.friedkin_johnsen:FriedkinJohnsen",
}
OPINION = Chosen("opinion model", "opinion", OPINIONS)
