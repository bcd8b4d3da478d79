"""The error of a mesh on one machine."""


class MeshError(Exception):
    """The mesh can't start or go on. The message is for the user and says what to do."""
