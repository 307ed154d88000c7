"""Who leads whom: Granger causality, transfer entropy, cross-correlation, events; networks of leads."""
