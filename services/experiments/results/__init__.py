"""Reading experiments, their trials and their results."""
