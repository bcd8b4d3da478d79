"""Listening tests of experiments: people join through listening links, hear pairs of clips, and vote blind."""
