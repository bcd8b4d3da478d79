"""Trials on their way: from the first request to the verdict, and whoever watches."""
