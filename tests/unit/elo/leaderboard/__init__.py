"""Published boards: rules without a database."""
