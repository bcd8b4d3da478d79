"""Exports trials, results, pairs and votes as CSV, JSON Lines or Parquet files."""
