"""Evaluates recordings outside the process that answers calls: in worker processes, which start when needed."""
