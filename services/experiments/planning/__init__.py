"""Creates, runs, cancels, retries, clones and deletes experiments."""
