"""Telling endpoints of developers that their experiments have ended, after Standard Webhooks 1.0.0."""
