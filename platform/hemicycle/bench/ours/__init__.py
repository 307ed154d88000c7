"""What of ours is measured. Each task prepares outside of the clock and returns what is to be timed."""
