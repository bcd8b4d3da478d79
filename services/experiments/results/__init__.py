"""Reads experiments, their trials and their results."""
