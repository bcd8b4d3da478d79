"""Webhooks: messages to developers' endpoints about ended experiments and evaluations (Standard Webhooks 1.0.0)."""
