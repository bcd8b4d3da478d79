"""The scoring service: it measures in recordings what a listener would notice."""
