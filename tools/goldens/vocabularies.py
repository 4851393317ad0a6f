"""Writes tokenizers as checkpoints carry them that have no tokenizer.json, and what transformers makes of them.

    python vocabularies.py ../../packages/silane/fixtures/tokenizers

`texts.json` holds `texts`, 200 strings, and `pairs`, indexes of two of them each. A folder beside it is a case: vocabulary and settings
as the slow tokenizer's `save_pretrained` or the authors left them, and `golden.json`:

    classes   of transformers, [slow, fast]
    file      the tokenizer.json of the fast one, without vocabulary and merges; null where there is no fast one
    sizes     of vocabulary and merges in that file
    ids       of each text, with special tokens
    bare      of the first texts, without special tokens
    pairs     of each pair, with special tokens
    kept, skipped    what `ids` decode to, special tokens kept and skipped
    spans     ids drawn at random, and their `kept` and `skipped`
    slow      what the slow tokenizer gives otherwise: {"ids" | "bare" | "pairs" | "kept" | "skipped" | "spans": {index: value}}

The values outside `slow` are the fast tokenizer's, which is what `AutoTokenizer` gives. The slow one decodes the fast one's ids. Of a
tokenizer without a fast class they are the slow one's.
"""
import importlib, json, os, pathlib, random, shutil, sys, warnings
from collections import Counter

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
warnings.simplefilter("ignore")

import transformers
from tokenizers import normalizers, pre_tokenizers

transformers.logging.set_verbosity_error()

PLAIN = [
    "", " ", "   ", "\n", "\t", "a", "A", "Hello, world!", "hello world", " hello world", "hello world ", "  hello   world  ",
    "The quick brown fox jumps over the lazy dog.", "UNAFFABLE unaffable Unaffable", "It's John's; they're we've I'm he'll she'd don't",
    "IT'S JOHN'S THEY'RE", "won't can't n't 's 't 're", "don ' t", "a . b , c ? d ! e", "end .", "(parenthesis) [brackets] {braces} <angles>",
    "1234567890", "3.14159 1,000,000 -5 +7 1e-10 50% $9.99 €12", "２０２４年 ①②③ Ⅻ ½ ²³ ₄", "under_score camelCase kebab-case snake_case",
    "https://example.org/a/b?c=d&e=f#g", "me@example.com @user #tag", "a/b\\c|d", "...", "…", "--- *** ___ === ~~~ ``` ^^^", "\"quotes\" 'single' “curly” ‘curly’ «guillemets»",
    "tabs\tand\nnew\r\nlines\rhere", "many          spaces", "trailing spaces    ", "    leading spaces", "\n\n\n", "a\n\nb", " \n ", "\u00a0no-break\u00a0space\u00a0", "em\u2003space thin\u2009space",
    "ideographic\u3000space", "line\u2028separator\u2029paragraph", "zero\u200bwidth\u200djoiner\ufeffbom", "\ufeffleading bom", "soft\u00adhyphen", "null\x00byte", "bell\x07 escape\x1b del\x7f", "vertical\x0btab form\x0cfeed",
    "next\x85line", "\x1c\x1d\x1e\x1f", "replacement \ufffd character", "private \ue000 use", "unassigned \u0378 code point", "bidi \u202eoverride\u202c", "naïve café résumé", "NAÏVE CAFÉ RÉSUMÉ", "nai\u0308ve cafe\u0301 re\u0301sume\u0301",
    "Åse Øyvind Ærø ß ẞ straße STRASSE", "İstanbul ıssız ISPARTA", "ΟΔΥΣΣΕΥΣ Οδυσσεύς ΣΑΣ", "ΣΑΣ. Σ", "Привет, мир! Ёлка ёлка", "Й й и\u0306", "ČŽŠ čžš Łódź Đorđe", "tiếng Việt Nguyễn", "e\u0301\u0302\u0303 z\u0351\u0342\u0323",
    "ﬁ ﬂ ﬃ ligature", "Ǆ ǅ ǆ ŉ ǰ", "K Å Ω", "𝐁𝐨𝐥𝐝 𝒮𝒸𝓇𝒾𝓅𝓉 𝟙𝟚𝟛", "你好，世界！", "中文和English混合 text", "東京タワー ﾊﾝｶｸ ひらがな カタカナ", "日本語のテキスト。", "漢字かな交じり文", "한국어 텍스트 안녕하세요", "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "𠀀𠀁𪜀𫝀 rare ideographs", "a𠀋b\U0002b830c", "㐀㐁 豈更 豈", "〇 々 〆 ㍻", "العربية نص", "שָׁלוֹם עולם", "हिन्दी पाठ क्षि", "ไทย ภาษา", "தமிழ்", "ქართული ᲥᲐᲠᲗᲣᲚᲘ", "Ꭰꭰ ᏸ", "😀 😃😄", "😀text😀", "👩‍👩‍👧‍👦 family", "👍🏽 🇩🇪🇫🇷 1️⃣ ❤️",
    "🫠🫨🪿", "♥♡★☆✓✗", "→ ← ⇒ ∀x∈ℝ: x²≥0", "∑∏∫√∞≈≠≤≥", "© ® ™ § ¶ † ‡ •", "`code` $math$ ~tilde~ ^caret^ |pipe|", "¡Hola! ¿Qué tal?", "a\u0300\u0301", "\u0301combining first", "x" * 101, "x" * 100, "ab" * 60, "supercalifragilisticexpialidocious",
    "[CLS] a [SEP]", "[MASK]", "the [MASK] sat", "the[MASK]sat", " [MASK] ", "[mask] [Mask] [UNK] [PAD]", "<s> a </s>", "<mask>", "the <mask> sat", "the<mask>sat", "the   <mask>   sat", "<pad><unk></s>", "<|endoftext|>", "one<|endoftext|>two", "</s></s>",
    "new_tok", "a new_tok here", "anew_tokhere", "NEW_TOK New_Tok", "<special>", "a <special> b", "a<special>b", "<SPECIAL>", "two words", "Two Words TWO WORDS", "[DEC][ENC] x", "##able ##a", "# # a##b", "Ġhello Ċ ġ", "Ã©", "é", "▁under",
]
POOL = list("abcdefgXYZ  '.,!-_0123 \n\t") + ["é", "E\u0301", "ß", "Ä", "漢", "字", "𠀀", "か", "가", "😀", "\u200d", "\u00a0", "\x01", "Σ", "σ", "İ", "ж", "’", "—", "the", "ing", " un", "able", "<mask>", "[MASK]", "'s", "n't", "##a", "  ", "\u0301", "٣", "…", "<s>", "new_tok"]
TEXTS = list(dict.fromkeys(PLAIN))
_draw = random.Random(5)
while len(TEXTS) < 200:
    text = "".join(_draw.choice(POOL) for _ in range(_draw.randint(2, 24)))
    if text not in TEXTS:
        TEXTS.append(text)
PAIRS = [[7, 12], [5, 6], [7, 0], [0, 7], [0, 0], [11, 10], [74, 90], [60, 61], [101, 102], [103, 9]] + [[_draw.randrange(200), _draw.randrange(200)] for _ in range(10)]
BARE = 20

CORPUS = [text for text in PLAIN if not any(mark in text for mark in "[<")] + [
    "the unaffable fox is jumping over the able dog, unable to see the cat that sat on the mat.",
    "natural language processing with transformers: tokens, words, sentences and paragraphs.",
    "where who what when why how is was were be been being have has had do does did",
] * 3


def word_pieces(lower, size=420):
    """A vocab.txt of WordPiece, special tokens first. Rare characters of the corpus are left out, so that there are unknown ones."""
    steps = [normalizers.BertNormalizer(lowercase=lower), pre_tokenizers.BertPreTokenizer()]
    words = Counter(word for text in CORPUS for word, _ in steps[1].pre_tokenize_str(steps[0].normalize_str(text)))
    letters, pieces = Counter(), Counter()
    for word, count in words.items():
        for at, letter in enumerate(word):
            letters[letter if at == 0 else f"##{letter}"] += count
        for start in range(min(len(word), 12)):
            for end in range(start + 2, min(len(word), 12) + 1):
                pieces[word[start:end] if start == 0 else f"##{word[start:end]}"] += count
    found = [piece for counted, most in ((letters, 260), (pieces, size)) for piece, _ in common(counted)[:most]]
    return [*["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], *found][:size]


def byte_pairs(specials, size=500, without=()):
    """vocab.json and the lines of merges.txt. The specials come first; `without` are bytes, as they are spelled, that no token has."""
    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = Counter(tuple(word) for text in CORPUS for word, _ in split.pre_tokenize_str(text))
    vocabulary, merges = [*specials, *sorted(pre_tokenizers.ByteLevel.alphabet())], []
    while len(vocabulary) < size:
        pairs = Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        best, _ = common(pairs)[0]
        merges.append(best)
        vocabulary.append("".join(best))
        words = Counter({joined(word, best): count for word, count in words.items()})
    lost = lambda token: any(character in token for character in without)
    kept = [token for token in vocabulary if not lost(token)]
    return {token: index for index, token in enumerate(kept)}, [" ".join(pair) for pair in merges if not lost("".join(pair))]


def joined(word, pair):
    """A word of byte pair encoding after a merge."""
    made, rest = [], list(word)
    while rest:
        step = 2 if tuple(rest[:2]) == pair else 1
        made.append("".join(rest[:step]))
        rest = rest[step:]
    return tuple(made)


def common(counted):
    """The most common first, equal ones by their names."""
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_bert(folder, lower=True, config=None, **files):
    (folder / "vocab.txt").write_text("\n".join(word_pieces(lower)) + "\n", encoding="utf-8")
    write_settings(folder, config, **files)


def write_bytes(folder, specials=(), config=None, without=(), **files):
    vocabulary, merges = byte_pairs(specials, without=without)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    write_settings(folder, config, **files)


def write_settings(folder, config, **files):
    for name, value in {"tokenizer_config": config, **files}.items():
        if value is not None:
            write_json(folder / f"{name}.json", value)


def token(content, **settings):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, **settings}


BART = ["<s>", "<pad>", "</s>", "<unk>"]
OPT = {"errors": "replace", "unk_token": {"__type": "AddedToken", **token("</s>", normalized=True)}, "bos_token": {"__type": "AddedToken", **token("</s>", normalized=True)}, "eos_token": {"__type": "AddedToken", **token("</s>", normalized=True)}, "pad_token": {"__type": "AddedToken", **token("<pad>", normalized=True)}, "add_prefix_space": False, "add_bos_token": True, "tokenizer_class": "GPT2Tokenizer"}
BERT = ("models.bert", "BertTokenizer", "BertTokenizerFast")
GPT2 = ("models.gpt2", "GPT2Tokenizer", "GPT2TokenizerFast")
ROBERTA = ("models.roberta", "RobertaTokenizer", "RobertaTokenizerFast")

# {case: (classes, writer)}
CASES = {
    "bert-uncased": (BERT, lambda folder: write_bert(folder)),
    "bert-cased": (BERT, lambda folder: write_bert(folder, False, {"do_lower_case": False, "model_max_length": 512})),
    "bert-accents": (BERT, lambda folder: write_bert(folder, False, {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False, "tokenizer_class": "BertTokenizer"})),
    "bert-added": (BERT, lambda folder: write_bert(folder, False, {"do_lower_case": False, "strip_accents": True, "clean_up_tokenization_spaces": False},
        added_tokens={"new_tok": 420, "[DEC]": 421, "Two Words": 422, "<special>": 423},
        special_tokens_map={"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": token("[MASK]"), "bos_token": "[DEC]", "additional_special_tokens": ["[ENC]", token("<special>")]})),
    "distilbert": (("models.distilbert", "DistilBertTokenizer", "DistilBertTokenizerFast"), lambda folder: write_bert(folder, True, {"do_lower_case": True, "tokenizer_class": "DistilBertTokenizer",
        "added_tokens_decoder": {**{str(index): token(content, special=True) for index, content in [(0, "[PAD]"), (2, "[UNK]"), (3, "[CLS]"), (4, "[SEP]"), (5, "[MASK]")]}, "420": token("New_Tok", normalized=True, special=False), "421": token("<special>", lstrip=True, rstrip=True, special=True)},
        "additional_special_tokens": ["<special>"], "cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]", "sep_token": "[SEP]", "unk_token": "[UNK]"})),
    "realm": (("models.deprecated.realm", "RealmTokenizer", "RealmTokenizerFast"), lambda folder: write_bert(folder, True, {"do_lower_case": True, "tokenizer_class": "RealmTokenizer"}, special_tokens_map={"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"})),
    "rag/question_encoder_tokenizer": (("models.dpr", "DPRQuestionEncoderTokenizer", "DPRQuestionEncoderTokenizerFast"), lambda folder: write_bert(folder, True, {"do_lower_case": True, "tokenizer_class": "DPRQuestionEncoderTokenizer"})),
    "rag/generator_tokenizer": (("models.bart", "BartTokenizer", "BartTokenizerFast"), lambda folder: write_bytes(folder, BART + ["<mask>"], {"add_prefix_space": False, "tokenizer_class": "BartTokenizer", "mask_token": {"__type": "AddedToken", **token("<mask>", lstrip=True, normalized=True)}})),
    "gpt2": (GPT2, lambda folder: write_bytes(folder, ["<|endoftext|>"])),
    "gpt2-prefix": (GPT2, lambda folder: write_bytes(folder, ["<|endoftext|>"], {"add_prefix_space": True, "clean_up_tokenization_spaces": True}, added_tokens={"new_tok": 500, "<special>": 501}, special_tokens_map={"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<special>"})),
    "gpt2-unknown": (GPT2, lambda folder: write_bytes(folder, ["<|endoftext|>"], without="Ãð*")),
    "roberta": (ROBERTA, lambda folder: write_bytes(folder, BART)),
    "roberta-prefix": (ROBERTA, lambda folder: write_bytes(folder, BART, {"add_prefix_space": True, "trim_offsets": False}, special_tokens_map={"mask_token": token("<mask>", lstrip=True), "cls_token": "<s>", "sep_token": "</s>"})),
    "bart": (("models.bart", "BartTokenizer", "BartTokenizerFast"), lambda folder: write_bytes(folder, BART)),
    "opt": (GPT2, lambda folder: write_bytes(folder, BART, OPT, special_tokens_map={name: OPT[name]["content"] for name in ("bos_token", "eos_token", "unk_token", "pad_token")})),
    "perceiver": (("models.perceiver", "PerceiverTokenizer", None), lambda folder: write_settings(folder, {"model_max_length": 2048, "tokenizer_class": "PerceiverTokenizer"}, special_tokens_map={"bos_token": "[BOS]", "eos_token": "[EOS]", "pad_token": "[PAD]", "mask_token": "[MASK]", "cls_token": "[CLS]", "sep_token": "[SEP]"})),
}


def answers(made, spans, decoded=None):
    """What a tokenizer gives. `decoded` are ids to decode, its own where they are missing."""
    ids = [made(text).input_ids for text in TEXTS]
    show = lambda rows, skip: [made.decode(row, skip_special_tokens=skip) for row in rows]
    return {
        "ids": ids,
        "bare": [made(text, add_special_tokens=False).input_ids for text in TEXTS[:BARE]],
        "pairs": [made(TEXTS[a], TEXTS[b]).input_ids for a, b in PAIRS],
        "kept": show(decoded or ids, False),
        "skipped": show(decoded or ids, True),
        "spans": [[row, *shown] for row, *shown in zip(spans, show(spans, False), show(spans, True))],
    }


def write_case(folder, classes, write):
    folder.mkdir(parents=True)
    write(folder)
    module, slow_name, fast_name = classes
    module = importlib.import_module(f"transformers.{module}")
    slow = getattr(module, slow_name).from_pretrained(str(folder))
    draw = random.Random(len(slow))
    spans = [[draw.randrange(len(slow)) for _ in range(draw.randint(1, 16))] for _ in range(20)]
    golden = {"classes": [slow_name, fast_name], "file": None}
    if fast_name is None:
        golden |= answers(slow, spans)
    else:
        fast = getattr(module, fast_name).from_pretrained(str(folder))
        file = json.loads(fast.backend_tokenizer.to_str())
        vocabulary, merges = file["model"].pop("vocab"), file["model"].pop("merges", [])
        golden |= {"file": file, "sizes": [len(vocabulary), len(merges)]}
        golden |= (given := answers(fast, spans))
        other = answers(slow, spans, given["ids"])
        differs = {name: {index: b for index, (a, b) in enumerate(zip(given[name], other[name])) if a != b} for name in given}
        golden["slow"] = {name: found for name, found in differs.items() if found}
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}" for name, value in golden.items()]
    (folder / "golden.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return golden


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "texts.json", {"texts": TEXTS, "pairs": PAIRS})
    for name in {name.split("/")[0] for name in CASES}:
        shutil.rmtree(out / name, ignore_errors=True)
    for name, (classes, write) in CASES.items():
        golden = write_case(out / name, classes, write)
        size = sum(path.stat().st_size for path in (out / name).rglob("*") if path.is_file())
        print(f"{name:34} {size / 1024:5.0f} KB  slow differs: {({key: len(found) for key, found in golden.get('slow', {}).items()})}", flush=True)


if __name__ == "__main__":
    main()
