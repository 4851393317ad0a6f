"""Counts the nodes of what torch.onnx.export writes for the encoders' fixtures: python torch_onnx_nodes.py [FIXTURE ...]

A fixture is exported as transformers builds it from its config.json, eager attention, float32, with the shapes of its case.json and dynamo=False.
The counts go to ../torch-onnx-nodes.json, by fixture and operator, constants left out: the file that silane's own are held to.
"""

import io
import json
import sys
import warnings
from pathlib import Path

import onnx
import torch
import transformers

OPSET = 20
FAMILIES = ["albert", "bert", "distilbert", "roberta"]
ROOT = Path(__file__).resolve().parents[3]
OUT = ROOT / "tools" / "bench" / "torch-onnx-nodes.json"


class Outputs(torch.nn.Module):
    """A model that takes named inputs in order and gives the outputs that the case compares."""

    def __init__(self, model, inputs, outputs):
        super().__init__()
        self.model, self.inputs, self.outputs = model, inputs, outputs

    def forward(self, *values):
        found = self.model(**dict(zip(self.inputs, values)), return_dict=True)
        return tuple(found[name] for name in self.outputs)


def fixtures():
    """Those that are one program of a class of transformers, by name; what was computed after the class is not in its export."""
    for family in FAMILIES:
        for file in sorted((ROOT / "plugins" / family / "fixtures").glob("*/case.json")):
            case = json.loads(file.read_text())
            if case["source"].startswith(f"transformers {case['architecture']};"):
                yield f"{family}/{file.parent.name}", case


def export(name, case):
    family, fixture = name.split("/")
    folder = ROOT / "plugins" / family / "fixtures" / fixture
    # Nodes do not depend on elements, and not every file is one that from_pretrained takes.
    config = transformers.AutoConfig.from_pretrained(folder)
    model = getattr(transformers, case["architecture"])._from_config(config, attn_implementation="eager", torch_dtype=torch.float32)
    # Equal ones, such as biases of zeros, would be exported once and named by an Identity.
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    (program,) = case["programs"].values()
    inputs = {key: torch.ones(port["shape"], dtype=torch.int64) for key, port in program["inputs"].items()}
    known = model(**inputs, return_dict=True)
    outputs = [key for key in known.keys() if key in program["outputs"]]
    if not outputs:
        raise SystemExit(f"{name}: none of {list(program['outputs'])} is among {list(known.keys())}")
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Outputs(model.eval(), list(inputs), outputs),
            tuple(inputs.values()),
            file,
            input_names=list(inputs),
            output_names=outputs,
            opset_version=OPSET,
            dynamo=False,
        )
    counts = {}
    for node in onnx.load_from_string(file.getvalue()).graph.node:
        if node.op_type != "Constant":
            counts[node.op_type] = counts.get(node.op_type, 0) + 1
    return dict(sorted(counts.items()))


def main(wanted):
    found = {name: export(name, case) for name, case in fixtures() if not wanted or name in wanted}
    record = {
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "onnx": onnx.__version__,
        "opset": OPSET,
        "nodes": found,
    }
    text = json.dumps(record, indent=2) + "\n"
    if wanted:
        print(text, end="")
    else:
        OUT.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
