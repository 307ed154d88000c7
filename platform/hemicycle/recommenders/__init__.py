"""One recommender per file, with losses, propagation and ranking metrics."""
