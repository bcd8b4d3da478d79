"""Backends of the size `listening`: small models that need no torch, no token and no download at run time.

Each is a class with the code and version that it puts on every value (`backend`). Importing a module is cheap; creating
a backend loads its model and raises BackendMissing if the package is not installed.
"""
