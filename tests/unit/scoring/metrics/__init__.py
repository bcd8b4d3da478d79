"""Tests of the metrics that scoring computes."""
