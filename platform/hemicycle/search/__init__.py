"""Which models a population should have: searches, factorial designs, and what they say."""
