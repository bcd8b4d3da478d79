"""The attacks, a file for each subject."""
