"""Random weights of UTMOS under the names of the published checkpoint."""

from __future__ import annotations

import torch

KERNELS = (10, 3, 3, 3, 3, 2, 2)


def checkpoint(
    hidden: int = 64, conv: int = 16, layers: int = 2, position: int = 16, blstm: int = 32
) -> dict[str, torch.Tensor]:
    """Returns random weights. The published ones have the sizes 768, 512, 12, 128 and 512."""
    embedded = 8
    shapes: dict[str, tuple[int, ...]] = {
        "domain_emb": (1, embedded),
        "judge_emb": (1, embedded),
        "wav2vec2.mask_emb": (hidden,),
        "wav2vec2.feature_extractor.conv_layers.0.2.weight": (conv,),
        "wav2vec2.feature_extractor.conv_layers.0.2.bias": (conv,),
        "wav2vec2.layer_norm.weight": (conv,),
        "wav2vec2.layer_norm.bias": (conv,),
        "wav2vec2.post_extract_proj.weight": (hidden, conv),
        "wav2vec2.post_extract_proj.bias": (hidden,),
        "wav2vec2.encoder.pos_conv.0.bias": (hidden,),
        "wav2vec2.encoder.pos_conv.0.weight_g": (1, 1, position),
        "wav2vec2.encoder.pos_conv.0.weight_v": (hidden, hidden // 16, position),
        "wav2vec2.encoder.layer_norm.weight": (hidden,),
        "wav2vec2.encoder.layer_norm.bias": (hidden,),
        "projection.0.weight": (2 * blstm, 2 * blstm),
        "projection.0.bias": (2 * blstm,),
        "projection.2.weight": (1, 2 * blstm),
        "projection.2.bias": (1,),
    }
    for index, kernel in enumerate(KERNELS):
        name = f"wav2vec2.feature_extractor.conv_layers.{index}.0.weight"
        shapes[name] = (conv, conv if index else 1, kernel)
    for index in range(layers):
        layer = f"wav2vec2.encoder.layers.{index}"
        for part in ("self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj"):
            shapes |= {f"{layer}.{part}.weight": (hidden, hidden), f"{layer}.{part}.bias": (hidden,)}
        shapes |= {f"{layer}.fc1.weight": (4 * hidden, hidden), f"{layer}.fc1.bias": (4 * hidden,)}
        shapes |= {f"{layer}.fc2.weight": (hidden, 4 * hidden), f"{layer}.fc2.bias": (hidden,)}
        for part in ("self_attn_layer_norm", "final_layer_norm"):
            shapes |= {f"{layer}.{part}.weight": (hidden,), f"{layer}.{part}.bias": (hidden,)}
    for direction in ("", "_reverse"):
        shapes[f"blstm.weight_ih_l0{direction}"] = (4 * blstm, hidden + 2 * embedded)
        shapes[f"blstm.weight_hh_l0{direction}"] = (4 * blstm, blstm)
        shapes |= {f"blstm.bias_ih_l0{direction}": (4 * blstm,), f"blstm.bias_hh_l0{direction}": (4 * blstm,)}
    torch.manual_seed(0)
    # Of a size that keeps scores apart, whatever the size of the network.
    return {name: torch.randn(shape) * 0.3 * (64 / hidden) ** 0.5 for name, shape in shapes.items()}
