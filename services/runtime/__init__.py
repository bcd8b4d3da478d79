"""What every service shares and that knows no domain."""
