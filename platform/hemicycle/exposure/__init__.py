"""Who is shown what: users x sources."""
