"""The elo service: voice models, and the arena in which they meet."""
