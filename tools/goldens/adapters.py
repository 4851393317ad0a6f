"""Golden cases of adapters: python adapters.py OUT [--only FAMILY/CASE ...]

A tiny base model, an adapter of peft that was never merged, and what the model computes with it, in every layout in which people have
the two: the adapter's files beside those of the base, or the wrapped model saved whole. Before a golden is written, peft's own merge
must give the same to 110 dB. Runs in an environment of its own, requirements-adapters.txt.
"""
import argparse, copy, json, os, warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")
import peft, torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import BertForMaskedLM, BertForSequenceClassification, BertModel, GPT2ForSequenceClassification, GPT2Model, T5EncoderModel
from goldens import prepare, randomize, round_to, save_checkpoint, source, text_inputs, write_case
from make import quiet, write_into
from programs import RESOLUTION, decibels, record

BERT = dict(vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=24)
GPT2 = dict(vocab_size=96, n_embd=32, n_layer=2, n_head=4, n_positions=24, bos_token_id=95, eos_token_id=95, pad_token_id=95)
T5 = dict(vocab_size=96, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, pad_token_id=0, eos_token_id=1)
SEQ = 16
CASES = {}


def train(model, seed):
    """Random values for all that an adapter has: matrices, magnitudes, biases, copies of modules."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if "lora_magnitude_vector" in name:
                parameter.mul_(1 + 0.2 * noise)
            elif "lora_" in name:
                parameter.copy_(0.1 * noise)
            elif parameter.requires_grad:
                parameter.add_(0.1 * noise)
    return model.eval()


def write(root, name, model, task, config, lora, seed, layout="beside", storage="safetensors", dtype=None, adapter="safetensors",
          adapter_dtype=None, notes=None, outputs=("last_hidden_state",), settings=True, expect=None):
    """layout   beside (the adapter's two files beside the base), wrapped (the model as peft wraps it, saved whole), or
                bare (likewise without peft's prefix and base_layer, as before version 0.6)
    storage, dtype           of the base, and of the wrapped model
    adapter, adapter_dtype   of adapter_model.safetensors or .bin
    settings                 whether adapter_config.json is there
    expect                   of case.json
    """
    family, case = name.split("/")
    folder = prepare(root, family, case)
    shape = model.config_class(**config)
    shape._attn_implementation = "eager"
    base = randomize(model(shape), seed)
    if dtype:
        round_to(base, dtype)
    save_checkpoint(base, folder, storage, dtype)
    lora = LoraConfig(**dict(r=4, lora_alpha=10) | lora)
    wrapped = train(get_peft_model(base, lora), seed + 1)
    if adapter_dtype:
        for part, parameter in wrapped.named_parameters():
            if "lora_" in part:
                parameter.data = parameter.data.to(adapter_dtype).float()
    wrapped.peft_config["default"].base_model_name_or_path = "tiny/base"
    if layout == "beside":
        if adapter_dtype:
            low = copy.deepcopy(wrapped)
            for part, parameter in low.named_parameters():
                parameter.data = parameter.data.to(adapter_dtype) if "lora_" in part else parameter.data
            low.save_pretrained(folder, safe_serialization=adapter == "safetensors")
        else:
            wrapped.save_pretrained(folder, safe_serialization=adapter == "safetensors")
        (folder / "README.md").unlink(missing_ok=True)
    else:
        tensors = {part: tensor.detach().contiguous().clone() for part, tensor in wrapped.state_dict().items()}
        if layout == "bare":
            tensors = {part.removeprefix("base_model.model.").replace(".base_layer", ""): tensor for part, tensor in tensors.items()}
        if dtype:
            tensors = {part: tensor if "lora_" in part else tensor.to(dtype) for part, tensor in tensors.items()}
        for file in folder.iterdir():
            if file.name not in ("config.json", "generation_config.json"):
                file.unlink()
        if storage == "safetensors":
            save_file(tensors, str(folder / "model.safetensors"), {"format": "pt"})
        elif storage == "bin":
            torch.save(tensors, folder / "pytorch_model.bin")
        else:
            names = sorted(tensors)
            files = {f"model-0000{i + 1}-of-00003.safetensors": names[i::3] for i in range(3)}
            for file, held in files.items():
                save_file({part: tensors[part] for part in held}, str(folder / file), {"format": "pt"})
            index = {"metadata": {}, "weight_map": {part: file for file, held in files.items() for part in held}}
            (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
        wrapped.peft_config["default"].save_pretrained(folder)
    settings_file = folder / "adapter_config.json"
    if settings:
        settings_file.write_text(json.dumps(json.loads(settings_file.read_text()), indent=2, sort_keys=True) + "\n")
    else:
        settings_file.unlink()

    call = lambda inputs: {output: getattr(wrapped(**inputs), output) for output in outputs}
    inputs = text_inputs(shape.vocab_size, SEQ, (SEQ, 11), seed, pad=shape.pad_token_id, segments=family == "bert",
                         avoid={shape.pad_token_id})
    valid = {output: "attention_mask" for output in outputs if output != "logits" or task == "fill-mask"}
    program = record(folder, "model", wrapped, call, inputs, valid=valid, double=False)
    adapted = call(inputs[0])
    with wrapped.disable_adapter():
        for output, value in call(inputs[0]).items():
            ratio = decibels(value, adapted[output])
            assert ratio < 35, f"{name}: the base alone is only {ratio:.0f} dB away"
    merged = copy.deepcopy(wrapped).merge_and_unload().eval()
    for batch in inputs:
        for output, value in call(batch).items():
            rows = batch["attention_mask"].bool() if output in valid else ...
            ratio = decibels(getattr(merged(**batch), output)[rows], value[rows])
            assert ratio > RESOLUTION, f"{name}: {ratio:.0f} dB between peft's merge and the wrapped model"
    write_case(folder, source=source(f"peft {peft.__version__} over transformers {model.__name__}, not merged"), architecture=model.__name__,
               task=task, convert=["--seq", str(SEQ)], programs={"model": program}, seed=seed, **({"notes": notes} if notes else {}),
               **({"expect": expect} if expect else {}))
    return folder


def add(name, model, task, config, lora, seed, **options):
    CASES[name] = lambda root: write(root, name, model, task, config, lora, seed, **options)


ATTENTION = ["query", "value"]
add("bert/lora", BertModel, "feature-extraction", BERT, dict(target_modules=[*ATTENTION, "intermediate.dense"], rank_pattern={"intermediate.dense": 2, r"layer\.1\.attention\.self\.value": 3},
    alpha_pattern={"layer.0.attention.self.query": 3}), 901, notes="ranks and alphas of single modules")
add("bert/lora-classifier", BertForSequenceClassification, "text-classification", BERT | dict(num_labels=3),
    dict(task_type="SEQ_CLS", target_modules=[*ATTENTION, "word_embeddings"], use_rslora=True, bias="all"), 902, adapter="bin", storage="bin",
    outputs=("logits",), notes="embeddings, rsLoRA, all biases, the classifier whole")
add("bert/lora-wrapped", BertForSequenceClassification, "text-classification", BERT | dict(num_labels=3),
    dict(task_type="SEQ_CLS", target_modules=[*ATTENTION, "dense"]), 903, layout="wrapped", storage="safetensors-sharded", outputs=("logits",),
    notes="the wrapped model in shards, the classifier as modules_to_save")
add("bert/lora-bare", BertModel, "feature-extraction", BERT, dict(target_modules=ATTENTION, lora_bias=True), 904, layout="bare", storage="bin",
    notes="names as peft before 0.6 had them, biases of the matrices")
add("bert/lora-bf16", BertModel, "feature-extraction", BERT, dict(target_modules=ATTENTION), 905, storage="safetensors-sharded", dtype=torch.bfloat16,
    notes="a base in bfloat16 in shards, an adapter in float32")
add("bert/lora-fp16", BertModel, "feature-extraction", BERT, dict(target_modules=ATTENTION), 906, dtype=torch.float16, adapter_dtype=torch.float16)
add("bert/dora", BertModel, "feature-extraction", BERT, dict(target_modules=[*ATTENTION, "word_embeddings"], use_dora=True), 907)
add("bert/lora-masked", BertForMaskedLM, "fill-mask", BERT, dict(target_modules=[*ATTENTION, "transform.dense"], bias="lora_only"), 908, outputs=("logits",))
add("bert/lora-beside-weights", BertModel, "feature-extraction", BERT | dict(vocab_size=120, max_position_embeddings=40),
    dict(target_modules=ATTENTION, lora_alpha=32), 5, layout="bare", settings=False, expect={"exit": 2},
    notes="A state dict with LoRA matrices (lora_A, lora_B; rank 4, alpha 32) that were not merged, beside the plain names, as peft before "
          "0.6 stored them, and no adapter_config.json. The golden outputs are the adapted model's. Refusing the folder is right too; "
          "converting it as if the matrices were not there is not.")
CONV1D = ["c_attn", "c_proj", "c_fc"]
add("gpt2/lora", GPT2Model, "feature-extraction", GPT2, dict(target_modules=CONV1D), 911, notes="Conv1D: weights are stored [in, out], some are square")
add("gpt2/lora-classifier", GPT2ForSequenceClassification, "text-classification", GPT2 | dict(num_labels=3),
    dict(task_type="SEQ_CLS", target_modules=["attn.c_proj"]), 912, layout="wrapped", outputs=("logits",), notes="square weights of Conv1D alone, the scores as modules_to_save")
add("gpt2/dora", GPT2Model, "feature-extraction", GPT2, dict(target_modules=CONV1D, use_dora=True), 913, layout="wrapped", storage="bin")
add("t5/lora", T5EncoderModel, "feature-extraction", T5, dict(target_modules=["q", "v", "wi", "wo"], lora_alpha=6), 921, adapter="bin")
add("t5/lora-wrapped", T5EncoderModel, "feature-extraction", T5, dict(target_modules=["q", "v"], use_rslora=True), 922, layout="wrapped")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--only", nargs="+", default=[], metavar="FAMILY/CASE")
    options = parser.parse_args()
    quiet()
    for name, writer in CASES.items():
        if not options.only or name in options.only:
            folder, size = write_into(options.out, writer)
            print(f"{name:40} {size / 1024:7.0f} KB", flush=True)


if __name__ == "__main__":
    main()
