"""Trials and results as files: tables are data (`tables`), and each kind of file is a writer of any table."""
