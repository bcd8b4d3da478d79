"""Measures the large models on a GPU, through the queues of the service: `make bench-gpu`."""
