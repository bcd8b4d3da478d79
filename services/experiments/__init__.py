"""Experiments: their trials, their results, and the work that leads from one to the other."""
