"""Political ground truth: attitudes from follows, votes, texts and party surveys, one method per file."""
