"""Code that all services share. It does not depend on the domain."""
