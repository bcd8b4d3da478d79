"""Runs experiments: from the first synthesis request to the verdict. Also streams their progress to watchers."""
