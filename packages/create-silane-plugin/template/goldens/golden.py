"""Writes a golden case: a tiny checkpoint with random weights, and what transformers computes with it.

    pip install -r goldens/requirements.txt
    python goldens/golden.py fixtures/base --model BertGenerationEncoder --task feature-extraction \\
        --config '{"hidden_size": 32, "num_hidden_layers": 2}'

The folder is a checkpoint as transformers saves it, with case.json (what to convert, @silane/testkit/case.schema.json) and
golden.<program>.safetensors beside it: tensors "<sample>.in.<input>" and "<sample>.out.<output>". A case is refused that could not tell
a wrong model from a right one: outputs that are constant, that an input does not change, or that padding changes.
"""
import argparse, inspect, json, pathlib, shutil

import torch, transformers
from safetensors.torch import load_file, save_file


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="of the case; its last part is the case's name. What is there is replaced")
    parser.add_argument("--model", required=True, help="class of transformers, such as BertModel")
    parser.add_argument("--task", required=True, help="the plugin's task")
    parser.add_argument("--config", type=json.loads, default={}, help="JSON: arguments of its configuration, so that it becomes tiny")
    parser.add_argument("--from-pretrained", metavar="CHECKPOINT", help="takes weights and configuration from there instead of making some")
    parser.add_argument("--seq", type=int, default=16, help="tokens of a sample")
    parser.add_argument("--inputs", type=pathlib.Path, help="safetensors with tensors <sample>.in.<input>, where the model reads other things than a text or a picture")
    parser.add_argument("--outputs", nargs="+", help="outputs of the model that count; default: all tensors among them")
    parser.add_argument("--program", default="model", help="name of the program that is converted")
    parser.add_argument("--drive", choices=["cached-decoder", "host"], help="how the program is driven; default: one call per sample")
    parser.add_argument("--generate", type=int, metavar="TOKENS", help="of a model that writes text: how many tokens it goes on with, greedily")
    parser.add_argument("--convert", nargs=argparse.REMAINDER, default=[], help="last: flags of silane convert beside --task and --seq")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def make_model(options):
    kind = getattr(transformers, options.model)
    if options.from_pretrained:
        return kind.from_pretrained(options.from_pretrained, attn_implementation="eager", dtype=torch.float32).eval()
    model = kind(kind.config_class(**options.config))
    generator = torch.Generator().manual_seed(options.seed)
    with torch.no_grad():
        # Biases are not zero and norms not one, so that a forgotten bias, a swapped norm or a wrong transpose shows.
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim < 2:
                parameter.copy_(1 + 0.1 * noise if name.endswith("weight") else 0.1 * noise)
            else:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
    return model.eval()


def text_samples(model, options):
    """A full sample and one with padding on the right."""
    config = model.config.get_text_config()
    known = inspect.signature(model.forward).parameters
    generator = torch.Generator().manual_seed(options.seed)
    pad = config.pad_token_id or 0
    for length in (options.seq, options.seq * 5 // 8):
        ids = torch.randint(1, config.vocab_size, (1, options.seq), generator=generator)
        ids[ids == pad] = (pad + 1) % config.vocab_size
        mask = (torch.arange(options.seq)[None] < length).long()
        sample = {"input_ids": ids.masked_fill(mask == 0, pad), "attention_mask": mask}
        if "token_type_ids" in known and getattr(config, "type_vocab_size", 0) > 1:
            sample["token_type_ids"] = ((torch.arange(options.seq)[None] >= length // 2) & (mask == 1)).long()
        yield sample


def decoder_samples(model, options):
    """Texts without padding: a decoder over a cache is given one token after the other."""
    for sample in text_samples(model, options):
        yield {"input_ids": sample["input_ids"][:, : int(sample["attention_mask"].sum())]}


def picture_samples(model, options):
    config, generator = model.config, torch.Generator().manual_seed(options.seed)
    size = config.image_size if isinstance(config.image_size, (list, tuple)) else [config.image_size] * 2
    for _ in range(2):
        yield {"pixel_values": torch.randn(1, config.num_channels, *size, generator=generator)}


def make_samples(model, options):
    if options.inputs:
        return given_samples(options.inputs)
    if options.drive == "cached-decoder":
        return list(decoder_samples(model, options))
    if model.main_input_name == "pixel_values" and hasattr(model.config, "image_size"):
        return list(picture_samples(model, options))
    if model.main_input_name == "input_ids" and not model.config.is_encoder_decoder:
        return list(text_samples(model, options))
    raise SystemExit(f"{options.model} reads other things than a text or a picture: give --inputs")


def given_samples(path):
    samples = {}
    for name, tensor in sorted(load_file(path).items()):
        index, side, key = name.split(".", 2)
        assert side == "in", f"{name} is no input: <sample>.in.<input>"
        samples.setdefault(int(index), {})[key] = tensor
    return [samples[index] for index in sorted(samples)]


def runner(model, wanted):
    def run(sample):
        with torch.no_grad():
            results = model(**{name: value.long() if not value.is_floating_point() else value for name, value in sample.items()}, return_dict=True)
        found = {name: value for name, value in results.items() if isinstance(value, torch.Tensor) and name in (wanted or results)}
        missing = set(wanted or []) - set(found)
        assert not missing, f"the model gives {', '.join(results)}, and not {', '.join(missing)}"
        return found
    return run


def changed(name, value):
    value = value.clone()
    if value.is_floating_point():
        return value * 1.5 + 0.1
    row = value.view(-1)
    if "mask" in name:
        row[torch.nonzero(row)[-1]] = 0
    elif name == "token_type_ids":
        row[0] = 1 - row[0]
    else:
        row[0] = row[1:][row[1:] != row[0]][0]
    return value


def check(run, sample, outputs, valid):
    """Asserts what makes a golden worth comparing with."""
    same = lambda a, b, near: (a - b).abs().max() <= near * max(1.0, b.abs().max().item())
    shown = lambda values, name: values[name][sample[valid[name]].bool()] if name in valid else values[name]
    again = run(sample)
    for name, value in outputs.items():
        assert torch.equal(value, again[name]), f"{name} differs between two runs"
        assert torch.isfinite(value).all(), f"{name} is not finite"
        assert value.numel() == 1 or shown(outputs, name).float().std() > 1e-3, f"{name} is nearly constant"
    for key, value in sample.items():
        other = run({**sample, key: changed(key, value)})
        for name in outputs:
            assert not same(shown(other, name), shown(outputs, name), 1e-4), f"{name} does not depend on {key}"
    mask = sample.get("attention_mask")
    if mask is not None and (mask == 0).any() and "input_ids" in sample:
        ids = sample["input_ids"].clone()
        ids[mask == 0] = ids[0, 0]
        other = run({**sample, "input_ids": ids})
        for name in outputs:
            assert same(shown(other, name), shown(outputs, name), 1e-5), f"{name} depends on what stands in the padding"


def continuation(model, ids, count):
    written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, num_beams=1)
    tokens = written[0, ids.shape[1]:].tolist()
    assert len(set(tokens)) > 1, f'it writes {tokens}: another --seed, or "tie_word_embeddings": false in --config, tells more'
    return {"input_ids": ids[0].tolist(), "max_new_tokens": count, "tokens": tokens}


def plain(tensor):
    tensor = tensor.detach().contiguous()
    return tensor.float().clone() if tensor.is_floating_point() else tensor.to(torch.int32)


def main():
    options = arguments()
    transformers.logging.set_verbosity_error()
    made = make_model(options)
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    made.save_pretrained(options.folder, safe_serialization=True)
    # What counts is what the files hold.
    model = type(made).from_pretrained(options.folder, attn_implementation="eager", dtype=torch.float32).eval()
    run = runner(model, options.outputs)
    samples = make_samples(model, options)
    tensors, valid = {}, {}
    for index, sample in enumerate(samples):
        outputs = run(sample)
        mask = sample.get("attention_mask")
        valid = {name: "attention_mask" for name, value in outputs.items() if mask is not None and value.shape[:2] == mask.shape}
        check(run, sample, outputs, valid)
        tensors |= {f"{index}.in.{name}": plain(value) for name, value in sample.items()}
        tensors |= {f"{index}.out.{name}": plain(value) for name, value in outputs.items()}
    save_file(tensors, options.folder / f"golden.{options.program}.safetensors")
    describe = lambda side: {name.split(".", 2)[2]: {"dtype": str(value.dtype).removeprefix("torch."), "shape": list(value.shape)}
                             for name, value in tensors.items() if name.startswith(f"0.{side}.")}
    program = {"inputs": describe("in"), "outputs": describe("out"), "samples": len(samples)}
    case = {
        "$schema": "../../node_modules/@silane/testkit/case.schema.json",
        "source": f"transformers {options.model}; transformers {transformers.__version__}, torch {torch.__version__}, CPU, float32, eager attention",
        "architecture": options.model,
        "task": options.task,
        "convert": [*(["--seq", str(options.seq)] if "attention_mask" in samples[0] else []), *options.convert],
        "programs": {options.program: program | ({"valid": valid} if valid else {}) | ({"drive": options.drive} if options.drive else {})},
        "seed": options.seed,
    }
    if options.generate:
        case["generate"] = [continuation(model, sample["input_ids"], options.generate) for sample in samples]
    (options.folder / "case.json").write_text(json.dumps(case, indent=2) + "\n")
    print(f"{options.folder}: {sum(file.stat().st_size for file in options.folder.iterdir()) // 1024} kB")


if __name__ == "__main__":
    main()
