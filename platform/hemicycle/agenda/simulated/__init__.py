"""Agendas of known influence, mediated by recommenders or not; recovery of what was planted, and power."""
