"""Renders: a scenario spoken by a voice model, or uploaded for it. The sides of battles are renders."""
