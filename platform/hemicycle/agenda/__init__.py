"""Agenda setting: attention of groups to issues, who leads whom, and simulations that know the answer."""
