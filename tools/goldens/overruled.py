"""Writes tokenizers whose settings say something else than the tokenizer.json beside them, and what transformers makes of both.

    python overruled.py ../../packages/silane/fixtures/overruled

A folder is a case: config.json, tokenizer.json, the files beside it, and `golden.json`:

    texts     indexes of texts.json (see vocabularies.py) that are tokenized: some that the settings change, and some that they do not
    ids       of each, with special tokens, by `AutoTokenizer`; of a case with sentence_bert_config.json by sentence-transformers' step
    skipped   what these decode to without special tokens
    file      ids of each by tokenizer.json alone, where these differ

    python overruled.py ../../packages/silane/fixtures/overruled --version-5

reads the cases with transformers 5 and prints how many rows it gives otherwise.
"""
import json, os, pathlib, shutil, sys, warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.simplefilter("ignore")

import transformers
from tokenizers import Tokenizer, normalizers
from transformers import AutoTokenizer
from vocabularies import BART, TEXTS, token, write_bert, write_bytes, write_json

transformers.logging.set_verbosity_error()

KEPT = 12
GPT2 = ["<|endoftext|>"]
MASKED = BART + ["<mask>"]


def pieces(lower=True, **normalizer):
    """tokenizer.json of word pieces, with these settings of its normalizer."""
    def made(folder):
        write_bert(folder, lower)
        file = saved(transformers.BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), do_lower_case=lower))
        file["normalizer"] |= normalizer
        (folder / "vocab.txt").unlink()
        return file
    return made


def bytes_of(kind, specials, prefix=False):
    def made(folder):
        write_bytes(folder, specials)
        file = saved(kind(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"), add_prefix_space=prefix))
        for name in ("vocab.json", "merges.txt"):
            (folder / name).unlink()
        return file
    return made


saved = lambda fast: json.loads(fast.backend_tokenizer.to_str())
gpt2 = lambda **more: bytes_of(transformers.GPT2TokenizerFast, GPT2, **more)
roberta = lambda **more: bytes_of(transformers.RobertaTokenizerFast, MASKED, **more)
bart = lambda **more: bytes_of(transformers.BartTokenizerFast, MASKED, **more)


def without_spaces(make):
    """With a mask that does not take the spaces before it."""
    def made(folder):
        file = make(folder)
        for each in file["added_tokens"]:
            each["lstrip"] = False
        return file
    return made


BERT = {"tokenizer_class": "BertTokenizer"}
DECODER = {"0": token("[PAD]", special=True), "2": token("[UNK]", special=True), "3": token("[CLS]", special=True), "4": token("[SEP]", special=True), "5": token("[MASK]", special=True)}
BYTES = {"0": token("<s>", normalized=True, special=True), "4": token("<mask>", lstrip=True, rstrip=True, special=True)}

# {case: (model_type, tokenizer.json, tokenizer_config.json or None, other files)}
CASES = {
    "same-bert": ("bert", pieces(), {**BERT, "do_lower_case": True, "added_tokens_decoder": DECODER}, {}),
    "same-bert-cased": ("bert", pieces(False, strip_accents=False), {**BERT, "do_lower_case": False}, {}),
    "same-gpt2": ("gpt2", gpt2(), {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False}, {}),
    "same-roberta": ("roberta", roberta(), None, {}),
    "bert-lower": ("bert", pieces(False), {**BERT, "do_lower_case": True}, {}),
    "bert-default": ("bert", pieces(False), None, {}),
    "bert-cased": ("bert", pieces(), {**BERT, "do_lower_case": False, "strip_accents": True}, {}),
    "bert-accents": ("bert", pieces(), {**BERT, "tokenize_chinese_chars": False, "strip_accents": False}, {}),
    "distilbert-lower": ("distilbert", pieces(False), {"tokenizer_class": "DistilBertTokenizer"}, {}),
    "bert-decoder": ("bert", pieces(), {**BERT, "added_tokens_decoder": {**DECODER, "420": token("<special>", special=True), "430": token("new_tok", special=False)}, "additional_special_tokens": ["<special>", "##able"]}, {}),
    "bert-files": ("bert", pieces(), BERT, {"special_tokens_map": {"bos_token": "the", "additional_special_tokens": [token("<special>")]}, "added_tokens": {"new_tok": 420}}),
    "gpt2-prefix": ("gpt2", gpt2(), {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True, "unk_token": "!"}, {}),
    "gpt2-no-prefix": ("gpt2", gpt2(prefix=True), {"tokenizer_class": "GPT2Tokenizer"}, {}),
    "gpt2-generic": ("gpt2", gpt2(prefix=True), {"tokenizer_class": "PreTrainedTokenizerFast", "additional_special_tokens": ["new_tok"]}, {}),
    "roberta-prefix": ("roberta", roberta(), {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True, "added_tokens_decoder": {**BYTES, "500": token("<special>", special=True)}}, {}),
    "roberta-mask": ("roberta", without_spaces(roberta()), None, {}),
    "bart-tokens": ("bart", bart(), {"tokenizer_class": "BartTokenizer", "additional_special_tokens": [{"__type": "AddedToken", **token("<special>", lstrip=True)}, {"__type": "AddedToken", **token("<s>", rstrip=True)}], "extra_special_tokens": {"new_token": "new_tok"}}, {}),
    "generic-bert": ("bert", pieces(False), {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": True}, {}),
    "sentence-bert": ("bert", pieces(False), {**BERT, "do_lower_case": False}, {"sentence_bert_config": {"do_lower_case": True}}),
    "sentence-roberta": ("roberta", roberta(), None, {"sentence_bert_config": {"do_lower_case": True}}),
}


def class_of(folder):
    made = AutoTokenizer.from_pretrained(str(folder))
    if (folder / "sentence_bert_config.json").exists():
        own = made.backend_tokenizer.normalizer
        if not getattr(own, "lowercase", False):
            made.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase()] + ([] if own is None else [own]))
    return made


def write_case(folder, kind, make, config, files):
    folder.mkdir(parents=True)
    file = make(folder)
    for name, value in {"config": {"model_type": kind}, "tokenizer": file, "tokenizer_config": config, **files}.items():
        if value is not None:
            (folder / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")
    # What is lower-cased in a step of its own is of Latin: other scripts are not what is asked here.
    latin = lambda text: all(character < "\u0250" for character in text) and text.isprintable()
    texts = [(index, text) for index, text in enumerate(TEXTS) if latin(text) or "sentence_bert_config" not in files]
    alone, made = Tokenizer.from_file(str(folder / "tokenizer.json")), class_of(folder)
    rows = [(index, made(text).input_ids, alone.encode(text).ids) for index, text in texts]
    differ = [row for row in rows if row[1] != row[2]]
    assert bool(differ) != (folder.name.startswith("same") or folder.name == "generic-bert"), (folder.name, len(differ))
    kept = sorted(differ[:: max(1, len(differ) // 30)] + [row for row in rows if row[1] == row[2]][::KEPT])
    golden = {
        "texts": [index for index, _, _ in kept],
        "ids": [ids for _, ids, _ in kept],
        "skipped": [made.decode(ids, skip_special_tokens=True) for _, ids, _ in kept],
        "file": {str(index): ids for index, other, ids in kept if ids != other},
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}" for name, value in golden.items()]
    (folder / "golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder.name:20} {type(made).__name__:26} {len(differ):4} of {len(rows)} differ {size / 1024:5.0f} KB")


def main():
    out = pathlib.Path(sys.argv[1])
    if "--version-5" in sys.argv:
        for folder in sorted(out.iterdir()):
            golden = json.loads((folder / "golden.json").read_text())
            try:
                made = class_of(folder)
            except Exception as error:
                print(f"{folder.name:20} refused: {type(error).__name__} {str(error)[:80]}")
                continue
            other = [index for index, ids in zip(golden["texts"], golden["ids"]) if made(TEXTS[index]).input_ids != ids]
            alone = [index for index in other if made(TEXTS[index]).input_ids == golden["file"].get(str(index))]
            print(f"{folder.name:20} {type(made).__name__:20} {len(other):3} of {len(golden['ids'])} differ, {len(alone)} are those of the file")
        return
    shutil.rmtree(out, ignore_errors=True)
    for name, case in CASES.items():
        write_case(out / name, *case)


if __name__ == "__main__":
    main()
