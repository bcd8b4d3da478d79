"""Battles: what they are, and how they are stored, read and watched."""
