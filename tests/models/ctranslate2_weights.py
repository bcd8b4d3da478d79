"""Reads Whisper weights in CTranslate2's format, and writes them as a checkpoint that openai-whisper loads.

The format is little-endian: version u32, name of the specification, revision u32. Then a count u32 of variables, each
with name, rank u8, that many dimensions u32, type u8, length in bytes u32, and the bytes. Then a count u32 of aliases,
each with its name and the name of a variable. A name is its length u16 with the final zero, and its bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
Variables = Mapping[str, NDArray[Any]]


def convert(source: Path, target: Path) -> None:
    """Writes the checkpoint of a `model.bin`. Raises ValueError if it is quantised or of another format."""
    torch.save(checkpoint(read_variables(source)), target)


def read_variables(path: Path) -> Variables:
    """Returns all variables of a file by name."""
    data, at = path.read_bytes(), 0

    def take(code: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + code, data, at)
        at += struct.calcsize("<" + code)
        return value

    def name() -> str:
        nonlocal at
        length = take("H")
        at += length
        return data[at - length : at - 1].decode()

    version, specification, _revision = take("I"), name(), take("I")
    if version != 6 or specification != "WhisperSpec":
        raise ValueError(f"{path} has format {version} of {specification}, not 6 of WhisperSpec")
    variables: dict[str, NDArray[Any]] = {}
    for _ in range(take("I")):
        key, shape = name(), tuple(take("I") for _ in range(take("B")))
        kind, size = TYPES[take("B")], take("I")
        variables[key] = np.frombuffer(data, kind, size // np.dtype(kind).itemsize, at).reshape(shape)
        at += size
    for _ in range(take("I")):
        alias, key = name(), name()
        variables[alias] = variables[key]
    return variables


def checkpoint(variables: Variables) -> dict[str, Any]:
    """Returns what openai-whisper stores: dimensions and weights. CTranslate2 joins queries, keys and values."""
    state: dict[str, torch.Tensor] = {}

    def put(name: str, array: NDArray[Any]) -> None:
        if array.dtype not in (np.float16, np.float32):
            raise ValueError(f"{name} is {array.dtype}, and quantised weights cannot be turned back")
        state[name] = torch.from_numpy(array.copy())

    def norm(ours: str, theirs: str) -> None:
        put(f"{ours}.weight", variables[f"{theirs}/gamma"])
        put(f"{ours}.bias", variables[f"{theirs}/beta"])

    def linear(theirs: str, *ours: str) -> None:
        weights = np.split(variables[f"{theirs}/weight"], len(ours))
        biases = np.split(variables[f"{theirs}/bias"], len(ours))
        for name, weight, bias in zip(ours, weights, biases, strict=True):
            put(f"{name}.weight", weight)
            if not name.endswith(".key"):  # Whisper's keys have no bias. CTranslate2 fills in zeros.
                put(f"{name}.bias", bias)

    def layers(side: str) -> int:
        prefix = f"{side}/layer_"
        return len({name.split("/")[1] for name in variables if name.startswith(prefix) and name.count("/") > 2})

    for side in ("encoder", "decoder"):
        for index in range(layers(side)):
            ours, theirs = f"{side}.blocks.{index}", f"{side}/layer_{index}"
            linear(f"{theirs}/self_attention/linear_0", *(f"{ours}.attn.{part}" for part in ("query", "key", "value")))
            linear(f"{theirs}/self_attention/linear_1", f"{ours}.attn.out")
            norm(f"{ours}.attn_ln", f"{theirs}/self_attention/layer_norm")
            if side == "decoder":
                linear(f"{theirs}/attention/linear_0", f"{ours}.cross_attn.query")
                linear(f"{theirs}/attention/linear_1", f"{ours}.cross_attn.key", f"{ours}.cross_attn.value")
                linear(f"{theirs}/attention/linear_2", f"{ours}.cross_attn.out")
                norm(f"{ours}.cross_attn_ln", f"{theirs}/attention/layer_norm")
            linear(f"{theirs}/ffn/linear_0", f"{ours}.mlp.0")
            linear(f"{theirs}/ffn/linear_1", f"{ours}.mlp.2")
            norm(f"{ours}.mlp_ln", f"{theirs}/ffn/layer_norm")
    for conv in ("conv1", "conv2"):
        put(f"encoder.{conv}.weight", variables[f"encoder/{conv}/weight"])
        put(f"encoder.{conv}.bias", variables[f"encoder/{conv}/bias"])
    put("encoder.positional_embedding", variables["encoder/position_encodings/encodings"])
    put("decoder.positional_embedding", variables["decoder/position_encodings/encodings"])
    put("decoder.token_embedding.weight", variables["decoder/embeddings/weight"])
    norm("encoder.ln_post", "encoder/layer_norm")
    norm("decoder.ln", "decoder/layer_norm")

    audio, words = state["encoder.positional_embedding"].shape, state["decoder.token_embedding.weight"].shape
    text = state["decoder.positional_embedding"].shape
    dims = {
        "n_mels": state["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": audio[0],
        "n_audio_state": audio[1],
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": layers("encoder"),
        "n_vocab": words[0],
        "n_text_ctx": text[0],
        "n_text_state": text[1],
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": layers("decoder"),
    }
    return {"dims": dims, "model_state_dict": state}
