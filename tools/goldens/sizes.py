"""Checkpoints of real size with random weights, to see what a conversion costs: `python sizes.py KIND FOLDER`.

KIND is one of the table below. What comes out computes nothing of use; its shapes are the published model's.
"""
import math, sys
import torch
from transformers import (
    PerceiverConfig, PerceiverForImageClassificationConvProcessing, PerceiverForImageClassificationFourier,
    PerceiverForImageClassificationLearned, PerceiverForMaskedLM, PerceiverForOpticalFlow, SamConfig, SamModel, SamVisionConfig,
)

VISION = dict(num_latents=512, d_latents=1024, num_blocks=8, num_self_attends_per_block=6, num_self_attention_heads=8,
              num_cross_attention_heads=1, num_labels=1000, image_size=224)


def sam(**vision):
    return lambda: SamModel(SamConfig(vision_config=SamVisionConfig(**vision).to_dict()))


def perceiver(kind, **config):
    return lambda: kind(PerceiverConfig(**config))


KINDS = {
    "sam-vit-base": sam(),
    "sam-vit-huge": sam(hidden_size=1280, num_hidden_layers=32, num_attention_heads=16, global_attn_indexes=[7, 15, 23, 31]),
    "language-perceiver": perceiver(PerceiverForMaskedLM, qk_channels=256, v_channels=1280),
    "vision-perceiver-learned": perceiver(PerceiverForImageClassificationLearned, **VISION),
    "vision-perceiver-fourier": perceiver(PerceiverForImageClassificationFourier, **VISION),
    "vision-perceiver-conv": perceiver(PerceiverForImageClassificationConvProcessing, **VISION),
    "optical-flow-perceiver": perceiver(PerceiverForOpticalFlow, num_latents=2048, d_latents=512, num_blocks=1, num_self_attends_per_block=24,
                                        num_self_attention_heads=16, num_cross_attention_heads=1),
}


def randomize(model, seed=7):
    """Matrices by their fan-in, so that what they give is of size 1; tables of positions and tokens beside it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                tensor.fill_(1)
            elif tensor.dim() == 1:
                tensor.copy_(0.1 * noise)
            elif "embed" in name and "conv" not in name and "projection" not in name or "token.weight" in name or "tokens.weight" in name:
                tensor.copy_(0.5 * noise)
            elif "rel_pos" in name:
                tensor.copy_(0.1 * noise)
            else:
                tensor.copy_(noise / math.sqrt(tensor[0].numel()))
    return model


if __name__ == "__main__":
    kind, folder = sys.argv[1:]
    randomize(KINDS[kind]()).save_pretrained(folder)
