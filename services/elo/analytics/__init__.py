"""Sums up public battles, and correlates metrics with each other and with votes."""
