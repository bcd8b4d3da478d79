"""Blind votes on battles, and the live ratings that they move."""
