"""Messages to endpoints of developers about what has happened, after Standard Webhooks 1.0.0."""
