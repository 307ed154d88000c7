"""Attention of groups to topics: from tables or texts, and the scale on which it is analysed."""
