"""The models that listen to recordings, each as one class behind one interface.

There are two sizes. `listening` has small models that need no torch, no token and no download at run time. `models` has
the large ones, over torch. `choice` says which of them an installation uses. Importing a module is cheap; creating a
backend loads its model.
"""
