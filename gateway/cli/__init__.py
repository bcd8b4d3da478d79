"""`arena`, the command line. It is a client of the public API and uses nothing else."""
