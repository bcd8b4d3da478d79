"""Audio as bytes and as numbers. It imports the standard library, numpy and, to resample, soxr."""
