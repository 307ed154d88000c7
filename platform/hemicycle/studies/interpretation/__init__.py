"""Steps that ask a population of models what it knows, beside the probes."""
