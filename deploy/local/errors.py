"""What ends a mesh on one machine."""


class MeshError(Exception):
    """The mesh can't start or go on; the message is for whoever started it and says what to do."""
