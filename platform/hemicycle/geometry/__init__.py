"""The shape of representations: how alike models are, how many dimensions they use, how they move in training."""
