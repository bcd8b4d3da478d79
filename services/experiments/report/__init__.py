"""A report about a completed experiment: one HTML file with verdict, measurements and audio."""
