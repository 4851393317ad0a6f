"""Saves checkpoints of other fixtures again, as transformers 5 writes them:

    python resave.py ../../plugins [--only FAMILY[/CASE] ...] [--to OUT]

plugins/FAMILY/fixtures/CASE becomes plugins/FAMILY/fixtures/CASE-v5: the files of save_pretrained of the model and of its processor, and
the golden files with the same inputs and what transformers 5 computes of them. Refused where that is not what the golden of CASE says,
to 110 dB and id by id. With --to the folders go to OUT/FAMILY; --only takes any fixture, such as one whose copy the repository does
without. Runs in an environment of its own, requirements-v5.txt.
"""
import argparse, json, os, pathlib, shutil, tempfile, warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")
import torch, transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoImageProcessor, Blip2Processor, BlipProcessor, DynamicCache, EncoderDecoderCache, PerceiverTokenizer, PreTrainedTokenizerFast,
    SamProcessor,
)
from goldens import prepare, source, write_golden
from make import quiet
from programs import RESOLUTION, calm, decibels, dump, opened
import vision

CASES = ("sam/windows", "perceiver/text-classification", "perceiver/image-classification-channels", "blip/image-to-text",
         "blip/visual-question-answering", "blip2/opt-post-norm", "blip2/flan-t5", "bert/base", "bert/fill-mask", "bert/next-sentence",
         "distilbert/fill-mask", "roberta/fill-mask", "roberta/codebert", "roberta/xlm-roberta", "graphcodebert/plain", "albert/sop",
         "gpt2/text-generation", "opt/text-generation", "opt/wide-untied", "bart/text2text", "t5/text2text", "t5/encoder", "t5/mt5", "t5/umt5",
         "rag/token", "rag/token-t5", "rag/context-encoder", "rag/reader", "decision-transformer/gym")

SUFFIX = "-v5"

# What the programs of text models call otherwise than the original.
OUTPUTS = {"logits": ("logits", "prediction_logits")}


def called(model, names):
    """The model's own call, for those of its outputs."""
    def run(inputs):
        results = model(**inputs)
        return {name: next(results[own] for own in OUTPUTS.get(name, (name,)) if own in results) for name in names}
    return run


def pair(model):
    """Encoder and decoder of a model that has both."""
    return dict(
        encoder=lambda inputs: {"last_hidden_state": model.get_encoder()(**inputs).last_hidden_state},
        decoder=lambda inputs: {"logits": model(
            input_ids=inputs["encoder_input_ids"], attention_mask=inputs["encoder_attention_mask"], decoder_input_ids=inputs["input_ids"],
            use_cache=False).logits})


def rag(model):
    inside = getattr(model, "rag", model)
    found = pair(inside.generator) | dict(question_encoder=lambda inputs: {"pooler_output": inside.question_encoder(**inputs).pooler_output})
    if type(model).__name__ == "RagTokenForGeneration":
        found |= dict(marginalize=lambda inputs: {"log_probs": model.marginalize(inputs["seq_logits"], inputs["doc_scores"])})
    if type(model).__name__ == "RagSequenceForGeneration":
        found |= dict(marginalize=lambda inputs: {
            name: model.get_nll(inputs["seq_logits"], inputs["doc_scores"], inputs["target"], exclude_bos_score=without)
            for name, without in (("nll", False), ("nll_without_bos", True))})
    return found


def programs_of(model, outputs):
    """{name of a program: inputs -> outputs}. outputs: those of the programs, by name."""
    kind = type(model).__name__
    if kind.startswith("Rag"):
        return rag(model)
    if outputs.keys() == {"encoder", "decoder"}:
        return pair(model)
    if outputs.keys() == {"decoder"}:
        return dict(decoder=called(model, outputs["decoder"]))
    if kind == "SamModel":
        return dict(vision_encoder=vision.image_embedder(model), prompt_encoder_mask_decoder=vision.mask_decoder(model))
    if kind == "PerceiverForSequenceClassification":
        return dict(model=vision.byte_reader(model))
    if kind.startswith("PerceiverForImageClassification"):
        return dict(model=vision.logits(model))
    if outputs.keys() == {"model"}:
        return dict(model=called(model, outputs["model"]))
    looking = dict(vision_encoder=vision.image_encoder(model))
    if kind == "BlipForConditionalGeneration":
        return looking | dict(decoder=vision.logits(model))
    if kind == "BlipForQuestionAnswering":
        return looking | dict(text_encoder=vision.question_reader(model), decoder=vision.answerer(model))
    looking |= dict(qformer=vision.conditioned(model), embed_tokens=vision.embedder(model))
    if model.config.use_decoder_only_language_model:
        return looking | dict(decoder=vision.vector_decoder(model))
    return looking | dict(encoder=vision.vector_encoder(model), decoder=vision.answer_decoder(model))


def generated(model, folder, given):
    """The new ids that follow what an entry of "generate" in case.json says."""
    if "context_input_ids" in given:
        batch = {name: torch.tensor(given[name]) for name in ("context_input_ids", "context_attention_mask")}
        return model.generate(**batch, doc_scores=torch.tensor([given["doc_scores"]]), max_length=given["max_new_tokens"] + 1, num_beams=1,
                              do_sample=False)[0, 1:].tolist()
    if "pixel_values" not in given:
        ids = torch.tensor([given.get("input_ids") or given["encoder_input_ids"]])
        known = ids.shape[1] if "input_ids" in given else 1
        # Some versions count a cache's layers by the encoder's.
        cache = {} if "input_ids" in given else dict(past_key_values=EncoderDecoderCache(DynamicCache(), DynamicCache()))
        return model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=given["max_new_tokens"], do_sample=False,
                              **cache)[0, known:].tolist()
    file, tensor = given["pixel_values"].split("#")
    pixels, count = load_file(folder / file)[tensor], given["max_new_tokens"]
    ids = torch.tensor([given.get("input_ids") or given["encoder_input_ids"]])
    if type(model).__name__ == "BlipForConditionalGeneration":
        return vision.caption(model, pixels, ids, count)
    if type(model).__name__ == "BlipForQuestionAnswering":
        return vision.answer_ids(model, pixels, ids, count)
    known = ids.shape[1] if model.config.use_decoder_only_language_model else 1
    return model.generate(pixels, ids, max_new_tokens=count, do_sample=False, num_beams=1)[0, known:].tolist()


def tokenizer(size):
    """One word for every id, so that a processor has what it wants."""
    words = Tokenizer(models.WordLevel({f"w{number}": number for number in range(size)}, unk_token="w3"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w3", pad_token="w0")


def save_processor(model, folder, out):
    """As a user of transformers 5 does: the whole processor where the family has one."""
    family = folder.parent.parent.name
    images = AutoImageProcessor.from_pretrained(folder) if (folder / "preprocessor_config.json").exists() else None
    if family == "sam":
        SamProcessor(images).save_pretrained(out)
    elif family == "blip":
        BlipProcessor(images, tokenizer(model.config.text_config.vocab_size)).save_pretrained(out)
    elif family == "blip2":
        words = tokenizer(model.config.text_config.vocab_size)
        words.image_token = words.convert_ids_to_tokens(model.config.image_token_index)
        Blip2Processor(images, words, num_query_tokens=model.config.num_query_tokens).save_pretrained(out)
    elif family == "perceiver":
        (images or PerceiverTokenizer()).save_pretrained(out)
    elif hasattr(model.config, "vocab_size") and family not in ("rag", "decision-transformer"):
        tokenizer(model.config.vocab_size).save_pretrained(out)


def agrees(program, name, expected, found):
    assert expected.shape == found.shape, f"{program}: {name} has another shape"
    ratio = decibels(expected, found)
    assert ratio >= RESOLUTION, f"{program}: {name} has {ratio:.0f} dB to the golden"
    return ratio


def write(root, folder):
    case = json.loads((folder / "case.json").read_text())
    kind = getattr(transformers, case["architecture"])
    out = prepare(root, case["family"], case["case"] + SUFFIX)
    kind.from_pretrained(folder).save_pretrained(out)  # in the types of the file
    model, worst = opened(kind, out), float("inf")
    save_processor(model, folder, out)
    runs = programs_of(model, {program: entry["outputs"] for program, entry in case["programs"].items()})
    assert runs.keys() == case["programs"].keys()
    for program, entry in case["programs"].items():
        golden, samples = load_file(folder / f"golden.{program}.safetensors"), []
        for index in range(entry["samples"]):
            side = lambda start: {name[len(start):]: value for name, value in golden.items() if name.startswith(start)}
            given, expected = side(f"{index}.in."), side(f"{index}.out.")
            inputs = {name: value.long() if value.dtype == torch.int32 else value for name, value in given.items()}
            outputs = calm(runs[program])({name: inputs[name] for name in entry["inputs"]})
            assert outputs.keys() == expected.keys()
            masks = entry.get("valid", {})
            for name, value in expected.items():
                rows = inputs[masks[name]].bool() if name in masks else ...
                worst = min(worst, agrees(program, name, value[rows], outputs[name][rows]))
            samples.append(({name: inputs[name] for name in entry["inputs"]}, outputs,
                            {name: value for name, value in inputs.items() if name not in entry["inputs"]}))
        fresh = write_golden(out, program, samples)
        assert fresh == {name: value for name, value in entry.items() if name in fresh}, program
    for given in case.get("generate", []):
        with torch.no_grad():
            assert generated(model, folder, given) == given["tokens"], "other ids are generated"
    implementation = case["source"].split(";")[0]
    dump(out / "case.json", case | {"case": out.name, "source": source(implementation)})
    print(f"{case['family']}/{out.name:40} {worst:5.0f} dB to {folder.name}")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plugins", type=pathlib.Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="FAMILY[/CASE]")
    parser.add_argument("--to", type=pathlib.Path, metavar="OUT")
    options = parser.parse_args()
    quiet()
    assert transformers.__version__.startswith("5."), "transformers 5 is what this is about"
    others = [name for name in options.only if "/" in name and name not in CASES]
    for name in [*CASES, *others]:
        family, case = name.split("/")
        if options.only and not {name, family} & set(options.only):
            continue
        fixtures = options.plugins / family / "fixtures"
        with tempfile.TemporaryDirectory() as aside:
            made = write(aside, fixtures / case)
            target = (options.to / family if options.to else fixtures) / made.name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(made, target)


if __name__ == "__main__":
    main()
