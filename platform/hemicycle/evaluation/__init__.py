"""How good lists are, and what they are like beside being right."""
