"""Writes the packages that coremltools makes and silane does not read: python unsupported_packages.py OUT

Each is valid. packages/coreml/test/unsupported holds them, and its test says that a check calls none of them broken.
Needs what requirements.txt names, and torch.
"""

import pathlib
import shutil
import sys

import coremltools as ct
import coremltools.optimize.coreml as optimize
import torch

SIZE = 32
IOS16, IOS18 = ct.target.iOS16, ct.target.iOS18


class Dense(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = torch.nn.Linear(SIZE, SIZE)

    def forward(self, x):
        return torch.relu(self.dense(x))


class Branches(torch.nn.Module):
    def forward(self, x):
        if bool(x.sum() > 0):
            return x + 1
        return x - 1


def dense(shape=(1, SIZE), target=IOS18, **options):
    torch.manual_seed(0)
    traced = torch.jit.trace(Dense().eval(), torch.zeros(1, SIZE))
    given = ct.TensorType(shape=shape, **{key: options.pop(key) for key in list(options) if key == "default_value"})
    return ct.convert(traced, inputs=[given], minimum_deployment_target=target, **options)


def compressed(function, settings, target=IOS18):
    return function(dense(target=target), optimize.OptimizationConfig(global_config=settings))


def packages():
    yield "flexible-range", dense((ct.RangeDim(1, 8), SIZE))
    yield "flexible-enumerated", dense(ct.EnumeratedShapes([(1, SIZE), (2, SIZE)]))
    yield "default-value", dense(default_value=torch.zeros(1, SIZE).numpy())
    yield "classifier", dense(classifier_config=ct.ClassifierConfig([str(i) for i in range(SIZE)]))
    branches = torch.jit.script(Branches().eval())
    yield "branches", ct.convert(branches, inputs=[ct.TensorType(shape=(3, 8))], minimum_deployment_target=IOS18)
    palette = optimize.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=0)
    yield "palette", compressed(optimize.palettize_weights, palette)
    yield "palette-ios16", compressed(optimize.palettize_weights, palette, IOS16)
    int8 = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", weight_threshold=0)
    yield "int8", compressed(optimize.linear_quantize_weights, int8)
    yield "int8-ios16", compressed(optimize.linear_quantize_weights, int8, IOS16)
    int4 = optimize.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=SIZE, weight_threshold=0
    )
    yield "int4", compressed(optimize.linear_quantize_weights, int4)
    sparse = optimize.OpMagnitudePrunerConfig(target_sparsity=0.5, weight_threshold=0)
    yield "sparse", compressed(optimize.prune_weights, sparse)


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    for name, package in packages():
        path = out / f"{name}.mlpackage"
        shutil.rmtree(path, ignore_errors=True)
        package.save(str(path))
        print(path)
