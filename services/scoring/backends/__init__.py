"""The models that listen to recordings, each as one class behind one interface.

`listening` has small models that need no torch, no token and no download at run time. `choice` says which backend does
what. Importing a module is cheap; creating a backend loads its model.
"""
