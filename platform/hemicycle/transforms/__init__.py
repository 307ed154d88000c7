"""Better recommenders made of others: one transform of scores or lists per file."""
