"""The stores of the elo service over PostgreSQL."""
