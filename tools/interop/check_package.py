"""Reads Core ML packages with coremltools: python check_package.py PACKAGE.mlpackage ...

Of every package: coremltools takes the folder and parses the specification; its program loader, which infers the type of every value anew
and reads every weight, accepts each function; the interface description says what the functions' inputs, outputs and states are.

Prints one line of JSON per package: {"path", "ok", "functions": {name: number of ops}, "ops", "problems"}. Exits 1 when there are problems.
"""

import contextlib
import json
import logging
import pathlib
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
with contextlib.redirect_stdout(sys.stderr):
    import coremltools as ct
    from coremltools import libmodelpackage
    from coremltools.converters.mil.frontend.milproto.load import load as load_program
    from coremltools.converters.mil.mil import types
    from coremltools.proto import FeatureTypes_pb2, MIL_pb2


def reason(error):
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


class Tensor:
    """The type of a value: a dtype and sizes. A size is a number, None where it is unknown, or (low, high). Sizes may be unknown as a whole."""

    def __init__(self, kind, dtype, sizes):
        self.kind, self.dtype, self.sizes = kind, dtype, sizes

    def __str__(self):
        if self.sizes is None:
            sizes = "any shape"
        else:
            size = lambda s: "?" if s is None else "..".join(map(str, s)) if isinstance(s, tuple) else str(s)
            sizes = f"[{', '.join(map(size, self.sizes))}]"
        return f"{self.kind + ' ' if self.kind != 'tensor' else ''}{self.dtype} {sizes}"


def of_description(feature):
    """The type that the interface description gives to a feature."""
    kind = feature.type.WhichOneof("Type")
    if kind == "multiArrayType":
        array, name = feature.type.multiArrayType, "tensor"
    elif kind == "stateType":
        array, name = feature.type.stateType.arrayType, "state"
    else:
        return Tensor(kind or "untyped", "", None)
    dtype = FeatureTypes_pb2.ArrayFeatureType.ArrayDataType.Name(array.dataType)
    sizes = list(array.shape) or None
    flexible = array.WhichOneof("ShapeFlexibility")
    if flexible == "shapeRange":
        bounds = [(r.lowerBound, r.upperBound) for r in array.shapeRange.sizeRanges]
        sizes = [low if low == high else (low, high) for low, high in bounds]
    elif flexible == "enumeratedShapes":
        columns = zip(*(shape.shape for shape in array.enumeratedShapes.shapes))
        sizes = [column[0] if len(set(column)) == 1 else (min(column), max(column)) for column in columns]
    return Tensor(name, dtype, sizes)


def of_program(value_type):
    """The type that the program declares for a value."""
    kind = value_type.WhichOneof("type")
    if kind == "stateType":
        inner = of_program(value_type.stateType.wrappedType)
        return Tensor("state", inner.dtype, inner.sizes)
    if kind != "tensorType":
        return Tensor(kind or "untyped", "", None)
    tensor = value_type.tensorType
    fixed = lambda d: d.constant.size if d.WhichOneof("dimension") == "constant" else None
    return Tensor("tensor", MIL_pb2.DataType.Name(tensor.dataType), [fixed(d) for d in tensor.dimensions])


DTYPES = {
    types.fp16: "FLOAT16",
    types.fp32: "FLOAT32",
    types.int8: "INT8",
    types.int32: "INT32",
    types.bool: "BOOL",
}


def of_inference(var):
    """The type that coremltools infers for a value."""
    fixed = lambda size: int(size) if isinstance(size, int) or getattr(size, "is_Integer", False) else None
    return Tensor("tensor", DTYPES.get(var.dtype, types.builtin_to_string(var.dtype)), [fixed(s) for s in var.shape])


def agree(described, declared, output=False):
    if (described.kind, described.dtype) != (declared.kind, declared.dtype):
        return False
    if described.sizes is None or declared.sizes is None:
        # An output of a size that is not fixed is described without its shape, and so is a scalar.
        return output and declared.sizes is not None and (not declared.sizes or None in declared.sizes)
    if len(described.sizes) != len(declared.sizes):
        return False
    return all(isinstance(a, tuple) if b is None else a == b for a, b in zip(described.sizes, declared.sizes))


def compare(where, role, described, declared, output=False):
    """Problems between what the description lists in a role, and what the program has there. Both: name -> Tensor."""
    for name in described.keys() - declared.keys():
        yield f"{where}: {role} {name} is described, the program has none of that name"
    for name in declared.keys() - described.keys():
        yield f"{where}: {role} {name} of the program is not described"
    for name in described.keys() & declared.keys():
        if not agree(described[name], declared[name], output):
            yield f"{where}: {role} {name} is described as {described[name]}, the program has {declared[name]}"


def unique(where, role, names):
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{where}: {role} {name} occurs more than once"


def interfaces(spec):
    """{function name: what describes it}; problems with the list as a whole."""
    description = spec.description
    if not description.functions:
        return {"main": description}, []
    names = [function.name for function in description.functions]
    problems = list(unique("description", "function", names))
    if description.defaultFunctionName not in names:
        problems.append(f"description: the default function {description.defaultFunctionName!r} is not in the list")
    if description.input or description.output or description.state:
        problems.append("description: features beside the functions that have their own")
    return {function.name: function for function in description.functions}, problems


def check_function(name, described, function, loaded):
    """Problems of one function: its description against the program, and against what coremltools infers."""
    block = function.block_specializations[function.opset]
    inputs = {i.name: of_program(i.type) for i in function.inputs}
    states = {n: t for n, t in inputs.items() if t.kind == "state"}
    declared = {output.name: of_program(output.type) for op in block.operations for output in op.outputs}
    outputs = {n: declared.get(n) or inputs.get(n) for n in block.outputs}
    for missing in [n for n, t in outputs.items() if t is None]:
        yield f"{name}: output {missing} is not computed"
        del outputs[missing]
    features = lambda listed: {f.name: of_description(f) for f in listed}
    for role, listed in (("input", described.input), ("output", described.output), ("state", described.state)):
        yield from unique(name, role, [f.name for f in listed])
    yield from compare(name, "input", features(described.input), {n: t for n, t in inputs.items() if n not in states})
    yield from compare(name, "state", features(described.state), states)
    yield from compare(name, "output", features(described.output), outputs, output=True)
    if loaded is not None:
        inferred = {var.name: of_inference(var) for var in loaded.outputs if var.name in outputs}
        listed = {n: t for n, t in features(described.output).items() if n in inferred}
        yield from compare(name, "inferred output", listed, {n: inferred[n] for n in listed}, output=True)


def operations(block):
    return sum(1 + sum(operations(inner) for inner in op.blocks) for op in block.operations)


def check(path):
    functions, problems = {}, []

    def report():
        return {
            "path": str(path),
            "ok": not problems,
            "functions": functions,
            "ops": sum(functions.values()),
            "problems": problems,
        }

    try:
        if not libmodelpackage.ModelPackage.isValid(str(path)):
            problems.append("coremltools does not take the folder for a model package")
            return report()
        spec = ct.utils.load_spec(str(path))
    except Exception as error:
        problems.append(f"specification: {reason(error)}")
        return report()
    if spec.WhichOneof("Type") != "mlProgram":
        problems.append(f"the model is a {spec.WhichOneof('Type')}, not an mlProgram")
        return report()
    program = spec.mlProgram
    for name, function in sorted(program.functions.items()):
        if function.opset in function.block_specializations:
            functions[name] = operations(function.block_specializations[function.opset])
        else:
            problems.append(f"{name}: no block for the opset {function.opset}")
    described, listed = interfaces(spec)
    problems += listed
    problems += [f"{n}: described, but not in the program" for n in sorted(described.keys() - program.functions.keys())]
    problems += [f"{n}: in the program, but not described" for n in sorted(program.functions.keys() - described.keys())]

    loaded = None
    try:
        weights = pathlib.Path(path) / "Data" / "com.apple.CoreML" / "weights"
        loaded = load_program(spec, spec.specificationVersion, file_weights_dir=str(weights))
        loaded.validate()
        loaded._check_early_error_out_for_invalid_program()
        problems += [f"{n}: not loaded" for n in sorted(program.functions.keys() - loaded.functions.keys())]
    except Exception as error:
        problems.append(f"program: {reason(error)}")
    for name in sorted(functions.keys() & described.keys()):
        problems.extend(check_function(name, described[name], program.functions[name], loaded and loaded.functions.get(name)))
    return report()


def main(paths):
    if not paths:
        sys.exit(__doc__)
    good = True
    for path in paths:
        with contextlib.redirect_stdout(sys.stderr):
            result = check(path)
        good &= result["ok"]
        print(json.dumps(result), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
