"""The catalogue of voice models, and their ratings."""
