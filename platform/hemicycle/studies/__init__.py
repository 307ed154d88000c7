"""From a question to a plan of fingerprinted steps to tables."""
