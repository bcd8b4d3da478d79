"""What knows the domain and more than one service uses."""
