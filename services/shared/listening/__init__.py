"""Blind comparisons: listeners hear two clips without knowing whose they are, and say which is better.

A service that has something to compare implements `subject.Subject`, creates the tables with `migration`, and opens a
test with `store.ListeningStore`. Listeners then join, hear pairs and vote with `comparing.Comparing`, and `clips.Clips`
makes what they hear.
"""
