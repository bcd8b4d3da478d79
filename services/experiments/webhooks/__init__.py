"""Webhooks: messages to developers' endpoints about ended experiments, after Standard Webhooks 1.0.0."""
