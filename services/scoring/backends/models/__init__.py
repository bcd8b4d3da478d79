"""Backends of the size `models`: over torch, with weights from MODEL_DIR or downloaded at first use."""
