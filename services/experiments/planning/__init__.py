"""Creating experiments and running them."""
