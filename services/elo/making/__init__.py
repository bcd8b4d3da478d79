"""Makes battles: the matchmaker, the pool, and the steps until people can vote."""
