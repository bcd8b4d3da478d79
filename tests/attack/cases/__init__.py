"""The attacks, one file per subject."""
