"""Speech from any provider, measured and kept."""
