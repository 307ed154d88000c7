"""Benchmarks: ours, other people's packages and the machine's own limits, side by side in one run."""
