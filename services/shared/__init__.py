"""Code that knows the domain and that more than one service uses."""
