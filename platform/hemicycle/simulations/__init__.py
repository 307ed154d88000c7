"""Opinions under exposure over time, in paired arms."""
