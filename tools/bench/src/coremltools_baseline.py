"""What coremltools needs for the same work: load the checkpoint, trace, convert to fp16, save. baseline.py CHECKPOINT OUT SEQ"""
import sys
import numpy as np
import torch
import coremltools as ct
from transformers import AutoModel

folder, out, seq = sys.argv[1], sys.argv[2], int(sys.argv[3])
model = AutoModel.from_pretrained(folder, attn_implementation="eager", torchscript=True).eval()


class Inputs(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)[0]


names = ("input_ids", "attention_mask", "token_type_ids")
example = tuple(torch.ones(1, seq, dtype=torch.int64) for _ in names)
with torch.no_grad():
    traced = torch.jit.trace(Inputs(model), example)
converted = ct.convert(
    traced,
    inputs=[ct.TensorType(name=name, shape=(1, seq), dtype=np.int32) for name in names],
    minimum_deployment_target=ct.target.iOS18,
    compute_precision=ct.precision.FLOAT16,
    skip_model_load=True,
)
converted.save(out)
