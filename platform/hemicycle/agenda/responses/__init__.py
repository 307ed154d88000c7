"""Panel vector autoregressions: impulse responses, bands, decompositions, who follows whom."""
