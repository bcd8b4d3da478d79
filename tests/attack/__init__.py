"""Attacks on a running mesh over its gateway; each tests a promise of docs/security.md. `make attack` runs them."""
