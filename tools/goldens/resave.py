"""Saves checkpoints of other fixtures again, as transformers 5 writes them: python resave.py ../../plugins [--only FAMILY[/CASE] ...]

plugins/FAMILY/fixtures/CASE becomes plugins/FAMILY/fixtures/CASE-v5: the files of save_pretrained of the model and of its processor, and
the golden files with the same inputs and what transformers 5 computes of them. Refused where that is not what the golden of CASE says,
to 110 dB and id by id. Runs in an environment of its own, requirements-v5.txt.
"""
import argparse, json, os, pathlib, shutil, tempfile, warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")
import torch, transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoImageProcessor, Blip2Processor, BlipProcessor, PerceiverTokenizer, PreTrainedTokenizerFast, SamProcessor
from goldens import prepare, source, write_golden
from make import quiet
from programs import RESOLUTION, calm, decibels, dump, opened
import vision

CASES = ("sam/windows", "perceiver/text-classification", "perceiver/image-classification-channels", "blip/image-to-text",
         "blip/visual-question-answering", "blip2/opt-post-norm", "blip2/flan-t5")


def programs_of(model):
    """{name of a program: inputs -> outputs}"""
    kind = type(model).__name__
    if kind == "SamModel":
        return dict(vision_encoder=vision.image_embedder(model), prompt_encoder_mask_decoder=vision.mask_decoder(model))
    if kind == "PerceiverForSequenceClassification":
        return dict(model=vision.byte_reader(model))
    if kind.startswith("PerceiverForImageClassification"):
        return dict(model=vision.logits(model))
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
    else:
        (images or PerceiverTokenizer()).save_pretrained(out)


def agrees(program, name, expected, found):
    assert expected.shape == found.shape, f"{program}: {name} has another shape"
    ratio = decibels(expected, found)
    assert ratio >= RESOLUTION, f"{program}: {name} has {ratio:.0f} dB to the golden"
    return ratio


def write(root, folder):
    case = json.loads((folder / "case.json").read_text())
    kind = getattr(transformers, case["architecture"])
    out = prepare(root, case["family"], case["case"] + "-v5")
    kind.from_pretrained(folder).save_pretrained(out)  # in the types of the file
    model, worst = opened(kind, out), float("inf")
    save_processor(model, folder, out)
    runs = programs_of(model)
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
    options = parser.parse_args()
    quiet()
    assert transformers.__version__.startswith("5."), "transformers 5 is what this is about"
    for name in CASES:
        family, case = name.split("/")
        if options.only and not {name, family} & set(options.only):
            continue
        fixtures = options.plugins / family / "fixtures"
        with tempfile.TemporaryDirectory() as aside:
            made = write(aside, fixtures / case)
            target = fixtures / made.name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(made, target)


if __name__ == "__main__":
    main()
