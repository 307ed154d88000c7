"""Opinion models by short name."""

from hemicycle.core.config import Chosen

OPINIONS = {
    "attraction_repulsion": "hemicycle.opinions.attraction_repulsion:AttractionRepulsion",
    "baumann": "hemicycle.opinions.baumann:Baumann",
    "biased_assimilation": "hemicycle.opinions.biased_assimilation:BiasedAssimilation",
    "axelrod": "hemicycle.opinions.axelrod:Axelrod",
    "bounded_confidence": "hemicycle.opinions.bounded_confidence:BoundedConfidence",
    "deffuant": "hemicycle.opinions.deffuant:Deffuant",
    "degroot": "hemicycle.opinions.degroot:DeGroot",
    "friedkin_johnsen": "hemicycle.opinions.friedkin_johnsen:FriedkinJohnsen",
    "sasahara": "hemicycle.opinions.sasahara:Sasahara",
    "majority_rule": "hemicycle.opinions.majority_rule:MajorityRule",
    "noisy_voter": "hemicycle.opinions.noisy_voter:NoisyVoter",
    "q_voter": "hemicycle.opinions.q_voter:QVoter",
    "voter": "hemicycle.opinions.voter:Voter",
}
OPINION = Chosen("opinion model", "opinion", OPINIONS)
