"""The evaluation of a recording: seventeen steps, from the file to numbers."""
