"""Tests of the large models with real weights: `make test-models`."""
