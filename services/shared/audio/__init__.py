"""Audio as numbers."""
