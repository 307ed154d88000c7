"""Many trained models as one table with lazy embeddings."""
