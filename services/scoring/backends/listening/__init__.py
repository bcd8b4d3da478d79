"""Backends of the size `listening`: about 200 MB over onnxruntime, from packages that contain their weights."""
