"""The elo service: the catalogue of voice models."""
