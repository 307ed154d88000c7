"""What a store holds: its studies, questions to all of them, comparisons, archives, and what may go."""
