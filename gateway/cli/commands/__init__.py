"""The commands of `arena`, by topic."""
