"""People who judge trials, blind: links, listeners, pairs, clips and votes."""
