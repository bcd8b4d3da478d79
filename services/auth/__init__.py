"""Developers, their API keys, and the identity that a call carries through the mesh."""
