"""Writes tokenizer.json files in many variants, and what the tokenizers library makes of them.

    python tokenizer_files.py ../../packages/silane/fixtures/tokenizer-files

`texts.json` holds `texts`, each of which is encoded alone, and `seconds`, indexes of those that are encoded behind the text before them.
`bases.json` holds small tokenizer.json files. `variants.json` holds, by names, what is put into one of them, and what is different then:

    base      the file
    put       values by their paths in it: {"model.fuse_unk": true}
    ids       {index: ids of the text}, where they are not those of the base
    pairs     {index: [ids, segments]} of the pair, likewise

A base is a variant of itself, `base` null, with all ids and pairs. What the library refuses has `refused`, and no ids.
"""
import base64, json, math, pathlib, sys, tempfile, unicodedata
from collections import Counter

import sentencepiece
from tokenizers import Tokenizer, pre_tokenizers
from vocabularies import CORPUS, common, joined

SPECIALS = ["<pad>", "<unk>", "<s>", "</s>", "[MASK]"]

TEXTS = [
    "", " ", "   ", "\n", "hello world", "  hello   world  ", "Hello, World! It's 3.14 o'clock...", "don't can't I'M we'LL 'ſ", "café CAFÉ cafe\u0301", "İstanbul ß ẞ ſ ŉ", "ΣΑΣ Σας ς",
    "ﬁne ﬂow ½ ² ① Ⅷ １２３ ㍍", "日本語テスト中文 ｶﾞ が", "한국어 각 \u1112\u1161\u11ab", "tab\tnew\nline\r\nx \n\n y", "a\u00a0b\u2003c\u3000d\u0085e\ufefff\u200bg\u200dh\u200ci", "emoji 😀👍🏽 👨‍👩‍👧 x", "\u0000\u0001\u007f\u00ad\ue000 q",
    "a_b-c.d,e;f:g!?$+^ a__b", "12345 1,234.5 ١٢٣ ௧௨ ²³ ⅷ", "<s> hello </s> [MASK] mask", "hello[MASK]world  [MASK]  x[MASK]y", "[mask] [MASK ] <unk>日", "x<extra>y  <extra>  <extra>", "Foo foo FOO foobar barfoo foo_ éfoo foo.", "foo bar hello",
    "▁ ▁▁ a▁b _a", "##ing playing ##", "हिन्दी क्षि ไทยก", "a\u0301\u0301b \u0301c e\u0301\u0323", "𝒳 𝔘 𐐀 ﷺ ㎏ ㌀", "ab" * 60, "http://x.y/z?a=1&b=2#c", "Ǆ ǅ ǆ ΐ \u0390", "ａｂｃ　ＤＥ～～", "“quote” ‘x’ – — …", "`$^+=<>|~ €£¥ ©®", "\u2028x\u000b\u000cy\u001cz", "i̇ I ı İ",
    "日 本 語 日本 ☃☃ ☃", "  function(x) {\n\treturn x;  \n}", "the quick brown fox jumps over the lazy dog",
]
SECONDS = [5, 7, 20, 24, 25, 41]


def corpus(steps, lower=False):
    return Counter(word for text in CORPUS for word, _ in steps.pre_tokenize_str(text.lower() if lower else text))


def merge(words, specials, size, alphabet=None, prefix="", suffix=""):
    """The parts of a BPE model. Rare characters are left out."""
    spelled = {tuple((prefix if at else "") + letter + (suffix if at == len(word) - 1 else "") for at, letter in enumerate(word)): count for word, count in words.items()}
    letters = Counter()
    for word, count in spelled.items():
        for letter in word:
            letters[letter] += count
    vocabulary, merges = [*specials, *(alphabet or sorted(letter for letter, _ in common(letters)[:120]))], []
    while len(vocabulary) < size:
        pairs = Counter()
        for word, count in spelled.items():
            for left, right in zip(word, word[1:]):
                if left in vocabulary and right in vocabulary and left + right[len(prefix):] not in vocabulary:
                    pairs[left, right] += count
        best, _ = common(pairs)[0]
        merges.append(list(best))
        vocabulary.append(best[0] + best[1][len(prefix):])
        made = Counter()
        for word, count in spelled.items():
            made[tuple(shortened(joined(word, best), best, prefix))] += count
        spelled = made
    return {token: index for index, token in enumerate(vocabulary)}, merges


def shortened(word, pair, prefix):
    """A word whose joined pair is spelled as a token: without the prefix of its second half."""
    return (pair[0] + pair[1][len(prefix):] if part == "".join(pair) else part for part in word)


def byte_pair_model(vocabulary, merges, **settings):
    return {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, **settings, "vocab": vocabulary, "merges": merges}


def unigram_model(words, size):
    pieces, letters = Counter(), Counter()
    for word, count in words.items():
        letters.update({letter: word.count(letter) * count for letter in word})
        for start in range(min(len(word), 10)):
            for end in range(start + 2, min(len(word), 10) + 1):
                pieces[word[start:end]] += count
    found = [*common(letters)[:110], *common(pieces)[:size - 110 - len(SPECIALS)]]
    total = sum(count for _, count in found)
    return {"type": "Unigram", "unk_id": 1, "vocab": [*([token, 0.0] for token in SPECIALS), *([piece, round(math.log(count / total), 3)] for piece, count in found)], "byte_fallback": False}


def piece_model(words, size):
    pieces, letters = Counter(), Counter()
    for word, count in words.items():
        for at, letter in enumerate(word):
            letters[letter if at == 0 else f"##{letter}"] += count
        for start in range(min(len(word), 8)):
            for end in range(start + 2, min(len(word), 8) + 1):
                pieces[word[start:end] if start == 0 else f"##{word[start:end]}"] += count
    found = [*common(letters)[:160], *common(pieces)[:size - 160 - len(SPECIALS)]]
    return {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {token: index for index, token in enumerate([*SPECIALS, *(piece for piece, _ in found)])}}


def charsmap():
    """SentencePiece's table for the characters of the texts: NFKC, spaces, and letters with their accents."""
    composed = {sequence: unicodedata.normalize("NFKC", sequence) for sequence in ("e\u0301", "ｶﾞ", "か\u3099", "\u1112\u1161\u11ab", "a\u0301")}
    single = {letter: unicodedata.normalize("NFKC", letter) for text in TEXTS for letter in text if letter not in "\u0000\n"}
    spaces = {letter: " " for letter in "\t\r\n\u00a0\u2003\u3000\u200b\u2028\ufeff"} | {letter: "" for letter in "\u0001\u007f\u001c"}
    rules = {source: target for source, target in {**single, **composed, **spaces}.items() if source != target}
    points = lambda text: " ".join(f"{ord(letter):X}" for letter in text)
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder, "rules.tsv")
        table.write_text("".join(f"{points(source)}\t{points(target)}\n" for source, target in sorted(rules.items())), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["ab ba", "abab"]), model_prefix=f"{folder}/m", vocab_size=6, normalization_rule_tsv=str(table), hard_vocab_limit=False, minloglevel=2)
        from sentencepiece import sentencepiece_model_pb2
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString(pathlib.Path(folder, "m.model").read_bytes())
    return base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()


def bases():
    P = pre_tokenizers
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    word_bytes = corpus(P.ByteLevel(add_prefix_space=False))
    words = corpus(P.Whitespace())
    file = lambda model, pre, normalizer=None, decoder=None: {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special_tokens(), "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": None, "decoder": decoder, "model": model}
    return {
        "bytes": file(byte_pair_model(*merge(word_bytes, SPECIALS, 400, sorted(P.ByteLevel.alphabet())), unk_token=None), byte_level, None, byte_level),
        "characters": file(byte_pair_model(*merge(words, SPECIALS, 260)), {"type": "Whitespace"}),
        "suffix": file(byte_pair_model(*merge(corpus(P.BertPreTokenizer(), True), SPECIALS, 300, suffix="</w>"), end_of_word_suffix="</w>"), {"type": "BertPreTokenizer"}, {"type": "Lowercase"}),
        "prefix": file(byte_pair_model(*merge(words, SPECIALS, 300, prefix="##"), continuing_subword_prefix="##"), {"type": "Whitespace"}),
        "pieces": file(piece_model(corpus(P.BertPreTokenizer(), True), 400), {"type": "BertPreTokenizer"}, bert),
        "words": file({"type": "WordLevel", "unk_token": "<unk>", "vocab": {token: index for index, token in enumerate([*SPECIALS, *(word for word, _ in common(words)[:150])])}}, {"type": "Whitespace"}, {"type": "Lowercase"}),
        "unigram": file(unigram_model(corpus(P.Metaspace()), 330), metaspace, {"type": "NFKC"}),
    }


def added(content, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False, **flags}


def special_tokens():
    return [{"id": index, **added(content, special=True)} for index, content in enumerate(SPECIALS)]


def regex(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def literal(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": {"String": pattern}, "behavior": behavior, "invert": invert}


def sequence(*parts, key="pretokenizers"):
    return {"type": "Sequence", key: list(parts)}


def normalizers(*parts):
    return sequence(*parts, key="normalizers")


def replace(pattern, content):
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


def replaced(pattern, content):
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def byte_level(prefix=False, use_regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": use_regex}


def metaspace(scheme="always", split=True, replacement="▁"):
    return {"type": "Metaspace", "replacement": replacement, "prepend_scheme": scheme, "split": split}


def bert(**flags):
    return {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True, **flags}


def template(single, pair, **tokens):
    """Parts as "A:0" and "<s>:1"; `tokens` by names that Python allows, each its content and ids."""
    named = {content: {"id": content, "ids": ids, "tokens": [content] * len(ids)} for content, ids in tokens.values()}
    part = lambda text, kind=None: (lambda name, segment: {"Sequence" if name in "AB" else "SpecialToken": {"id": name, "type_id": int(segment)}})(*text.rsplit(":", 1))
    return {"type": "TemplateProcessing", "single": [part(each) for each in single.split()], "pair": [part(each) for each in pair.split()], "special_tokens": named}


def processing(kind, **settings):
    return {"type": f"{kind}Processing", "sep": ["</s>", 3], "cls": ["<s>", 2], **settings}


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = GPT4.replace("{1,3}", "")
GPT4O = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"

NORMALIZERS = {
    "nfc": {"type": "NFC"}, "nfd": {"type": "NFD"}, "nfkc": {"type": "NFKC"}, "nfkd": {"type": "NFKD"}, "lower": {"type": "Lowercase"}, "nmt": {"type": "Nmt"},
    "strip-accents": normalizers({"type": "NFD"}, {"type": "StripAccents"}), "accents-alone": {"type": "StripAccents"},
    "strip": {"type": "Strip", "strip_left": True, "strip_right": True}, "strip-left": {"type": "Strip", "strip_left": True, "strip_right": False}, "strip-right": {"type": "Strip", "strip_left": False, "strip_right": True},
    "replace": replace("o", "0$&$$"), "prepend": {"type": "Prepend", "prepend": "▁"}, "strip-prepend": normalizers({"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Prepend", "prepend": "x"}),
    "bert-nfc": normalizers(bert(), {"type": "NFC"}), "nfkc-lower": normalizers({"type": "NFKC"}, {"type": "Lowercase"}), "bert-cased": bert(lowercase=False), "bert-raw": bert(clean_text=False, strip_accents=False), "bert-bare": bert(strip_accents=True, lowercase=False), "bert-latin": bert(handle_chinese_chars=False),
    "xlnet": normalizers(replace("``", '"'), replace("''", '"'), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}),
    "spaces": replaced(r"\s+", " "), "two-spaces": replaced(" {2,}", "▁"), "marks": replaced(r"\p{M}", ""), "end": replaced(r"[\r\n]+$", "X"), "ignore-case": replaced("(?i)foo", "bar"), "word": replaced(r"\w+", "w"), "bounds": replaced(r"\bfoo\b", "bar"), "nested": normalizers(normalizers({"type": "Lowercase"}), {"type": "NFC"}),
}
PRE_TOKENIZERS = {
    "whitespace-split": {"type": "WhitespaceSplit"}, "bert": {"type": "BertPreTokenizer"}, "digits": {"type": "Digits", "individual_digits": False}, "each-digit": {"type": "Digits", "individual_digits": True},
    **{f"punctuation-{behavior}": {"type": "Punctuation", "behavior": behavior} for behavior in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext")},
    **{f"regex-{behavior}": regex(r"\d{1,3}|o", behavior) for behavior in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext")},
    **{f"inverted-{behavior}": regex(r"\w+|[^\w\s]+", behavior, True) for behavior in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext")},
    **{f"space-{behavior}": literal(" ", behavior) for behavior in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext")},
    "dot": literal(".", "Isolated"), "not-dot": literal(".", "Removed", True), "scripts": {"type": "UnicodeScripts"}, "delimiter": {"type": "CharDelimiterSplit", "delimiter": "a"}, "fixed": {"type": "FixedLength", "length": 3},
    "metaspace": metaspace(), "metaspace-first": metaspace("first"), "metaspace-never": metaspace("never"), "metaspace-whole": metaspace(split=False), "metaspace-under": metaspace(replacement="_"), "metaspace-dash": metaspace(replacement="-"),
    "sequence": sequence({"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True}, {"type": "Punctuation", "behavior": "Isolated"}), "split-first": sequence({"type": "WhitespaceSplit"}, metaspace("first")), "nested": sequence(sequence({"type": "Whitespace"}), {"type": "Digits", "individual_digits": True}),
    "none": None, "bounds": regex(r"\b"), "lookbehind": regex(r"(?<=[a-z])(?=[A-Z0-9])"),
}
BYTE_PRE_TOKENIZERS = {
    "prefix": byte_level(True), "no-regex": byte_level(False, False), "prefix-no-regex": byte_level(True, False), "sequence": sequence(byte_level()), "digits": sequence({"type": "Digits", "individual_digits": True}, byte_level()), "digits-prefix": sequence({"type": "Digits", "individual_digits": True}, byte_level(True)),
    **{name: sequence(regex(pattern), byte_level(False, False)) for name, pattern in {"gpt2": GPT2, "gpt4": GPT4, "qwen2": QWEN2, "gpt4o": GPT4O}.items()},
    "clip": sequence(regex(CLIP, "Removed", True), byte_level()), "bloom": sequence(regex(BLOOM, "Isolated"), byte_level(False, False)), "falcon": sequence({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(), {"type": "Digits", "individual_digits": False}, regex("[0-9][0-9][0-9]")),
    "deepseek": sequence(regex(r"\p{N}{1,3}"), regex("[一-龥぀-ゟ゠-ヿ]+"), regex(r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""), byte_level(False, False)),
}
TEMPLATES = {
    "bert": processing("Bert"), "roberta": processing("Roberta", trim_offsets=True, add_prefix_space=False), "bytes": byte_level(),
    "swapped": template("<s>:0 A:0 </s>:0 </s>:0", "<s>:0 B:1 </s>:0 A:0 </s>:0", s=("<s>", [2]), e=("</s>", [3])), "segments": template("A:0 </s>:0", "A:0 </s>:0 B:3 </s>:3", e=("</s>", [3])), "t5": template("A:0 </s>:0", "A:0 </s>:0 B:0 </s>:0", e=("</s>", [3])),
    "several": template("X:0 A:0", "A:0 X:1 B:0", x=("X", [2, 3])), "other-id": template("<s>:0 A:0 new:0", "<s>:0 A:0 B:1", s=("<s>", [7]), n=("new", [9])), "twice": template("A:0 </s>:0 A:1", "A:0 B:1 A:0", e=("</s>", [3])), "absent": template("<s>:0", "A:0 B:1", s=("<s>", [2])),
    "sequence": sequence(byte_level(), template("<s>:0 A:0", "<s>:0 A:0 B:1", s=("<s>", [2])), key="processors"), "sequence-bytes": sequence(processing("Roberta", trim_offsets=True, add_prefix_space=False), byte_level(), key="processors"), "sequence-only-bytes": sequence(byte_level(), key="processors"),
}
ADDED = {
    "plain": [added("foo")], "normalized": [added("Foo", normalized=True)], "single": [added("foo", single_word=True)], "single-normalized": [added("FOO", single_word=True, normalized=True)], "stripping": [added("<extra>", lstrip=True), added("hello", rstrip=True)], "normalized-stripping": [added("<extra>", lstrip=True, rstrip=True, normalized=True)],
    "longest": [added("<extra>", rstrip=True), added("<extra>y"), added("world", normalized=True), added("world  ")], "special": [added("hello world", special=True), added("hello", special=True)], "known": [added("the"), added("a", single_word=True)], "accents": [added("CAFÉ", normalized=True), added("Σας", normalized=True)], "blank": [added("  "), added("\n", normalized=True)], "both": [added("foo", normalized=True), added("Foo", special=True, normalized=True)],
}


def byte_vocabulary(vocabulary, least=-20.0):
    names = [f"<0x{byte:02X}>" for byte in range(256)]
    if isinstance(vocabulary, list):
        return [*vocabulary, *([name, least] for name in names)]
    return {**vocabulary, **{name: len(vocabulary) + index for index, name in enumerate(names)}}


def variants(files):
    """(name, base, what is put into it)"""
    table = charsmap()
    compiled = {"type": "Precompiled", "precompiled_charsmap": table}
    for base in files:
        for name, value in NORMALIZERS.items():
            if base == "characters" or name in ("lower", "nfc", "bert-raw") and base in ("bytes", "words", "unigram"):
                yield f"{base}/normalizer-{name}", base, {"normalizer": value}
        for name, tokens in ADDED.items():
            if base in ("characters", "pieces", "unigram", "bytes"):
                ids = [{"id": 9000 + index, **token} for index, token in enumerate(tokens)]
                yield f"{base}/added-{name}", base, {"added_tokens": [*special_tokens(), *ids]}
    for name, value in PRE_TOKENIZERS.items():
        yield f"characters/pre-{name}", "characters", {"pre_tokenizer": value}
    for name, value in BYTE_PRE_TOKENIZERS.items():
        yield f"bytes/pre-{name}", "bytes", {"pre_tokenizer": value}
    for name, value in TEMPLATES.items():
        yield f"pieces/post-{name}", "pieces", {"post_processor": value}
    fallback = byte_vocabulary(files["characters"]["model"]["vocab"])
    for name, put in {
        "fuse": {"fuse_unk": True}, "no-unknown": {"unk_token": None}, "ignore-merges": {"ignore_merges": True}, "dropout": {"dropout": 0.0}, "all-dropped": {"dropout": 1.0}, "bytes": {"vocab": fallback, "byte_fallback": True}, "bytes-fuse": {"vocab": fallback, "byte_fallback": True, "fuse_unk": True},
        "some-bytes": {"vocab": {token: index for token, index in fallback.items() if token != "<0x98>"}, "byte_fallback": True, "fuse_unk": True}, "lines": {"merges": [" ".join(pair) for pair in files["characters"]["model"]["merges"]]}, "lost-merge": {"merges": [["q", "q"]]},
    }.items():
        yield f"characters/model-{name}", "characters", {f"model.{key}": value for key, value in put.items()}
    yield "prefix/model-fuse", "prefix", {"model.fuse_unk": True}
    yield "suffix/model-bytes", "suffix", {"model.vocab": byte_vocabulary(files["suffix"]["model"]["vocab"]), "model.byte_fallback": True}
    yield "bytes/model-ignore-merges", "bytes", {"model.ignore_merges": True, "pre_tokenizer": byte_level(True)}
    yield "pieces/model-short", "pieces", {"model.max_input_chars_per_word": 5}
    yield "words/model-no-unknown", "words", {"model.unk_token": "<none>"}
    scores = files["unigram"]["model"]["vocab"]
    crossing = [*scores, ["o▁w", -3.0], ["▁a▁b", -3.0], ["d▁", -4.0]]
    for name, put in {
        "bytes": {"model.vocab": byte_vocabulary(scores), "model.byte_fallback": True}, "whole": {"pre_tokenizer": metaspace(split=False), "model.vocab": crossing}, "split": {"model.vocab": crossing}, "first": {"pre_tokenizer": metaspace("first")}, "first-raw": {"normalizer": None, "pre_tokenizer": metaspace("first", False)}, "never": {"pre_tokenizer": metaspace("never")}, "first-strip": {"normalizer": NORMALIZERS["strip-left"], "pre_tokenizer": metaspace("first", False)}, "first-bert": {"normalizer": bert(), "pre_tokenizer": metaspace("first")}, "first-accents": {"normalizer": NORMALIZERS["strip-accents"], "pre_tokenizer": metaspace("first")}, "bert": {"pre_tokenizer": {"type": "BertPreTokenizer"}},
        "first-precompiled": {"normalizer": compiled, "pre_tokenizer": metaspace("first")}, "t5": {"normalizer": compiled, "post_processor": TEMPLATES["t5"]}, "xlm-roberta": {"normalizer": compiled, "pre_tokenizer": sequence({"type": "WhitespaceSplit"}, metaspace()), "post_processor": template("<s>:0 A:0 </s>:0", "<s>:0 A:0 </s>:0 </s>:0 B:0 </s>:0", s=("<s>", [2]), e=("</s>", [3]))},
        "albert": {"normalizer": normalizers(replace("``", '"'), replace("''", '"'), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, compiled, replaced(" {2,}", " "))}, "t5-new": {"normalizer": normalizers(compiled, {"type": "Strip", "strip_left": False, "strip_right": True}, replaced(" {2,}", "▁")), "pre_tokenizer": metaspace()},
    }.items():
        yield f"unigram/model-{name}", "unigram", put
    yield "characters/new-setting", "characters", {"pre_tokenizer": {"type": "Whitespace", "new": 1}}
    yield "characters/precompiled", "characters", {"normalizer": compiled}
    marked = {token.replace("Ġ", "▁"): index for token, index in files["bytes"]["model"]["vocab"].items()}
    spaced = {"vocab": byte_vocabulary(marked), "merges": [[part.replace("Ġ", "▁") for part in pair] for pair in files["bytes"]["model"]["merges"]], "unk_token": "<unk>", "byte_fallback": True, "fuse_unk": True}
    for name, put in {"llama": {"normalizer": normalizers({"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")), "pre_tokenizer": None}, "gemma": {"normalizer": replace(" ", "▁"), "pre_tokenizer": literal(" ", "MergedWithPrevious")}, "llama-new": {"pre_tokenizer": metaspace("first", False)}}.items():
        yield f"bytes/{name}", "bytes", {**{f"model.{key}": value for key, value in spaced.items()}, **put}
    yield "suffix/clip", "suffix", {"normalizer": normalizers({"type": "NFC"}, replaced(r"\s+", " "), {"type": "Lowercase"}), "pre_tokenizer": sequence(regex(CLIP, "Removed", True), byte_level()), "post_processor": TEMPLATES["roberta"]}
    yield "suffix/openai-gpt", "suffix", {"normalizer": bert()}


def patched(file, put):
    made = json.loads(json.dumps(file))
    for path, value in put.items():
        *way, last = path.split(".")
        target = made
        for key in way:
            target = target[key]
        target[last] = value
    return made


def answers(file):
    """Ids of the texts, and of the pairs with their segments; None where the library refuses."""
    try:
        made = Tokenizer.from_str(json.dumps(file))
        ids = [made.encode(text).ids for text in TEXTS]
        pairs = [(pair.ids, pair.type_ids) for pair in (made.encode(TEXTS[at - 1], TEXTS[at]) for at in SECONDS)]
    except Exception as problem:
        return str(problem)
    return ids, pairs


def rows(values, known=None):
    return {str(index): value for index, value in enumerate(values) if known is None or value != known[index]}


def write(path, entries):
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}" for name, value in entries.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    files = bases()
    given = {base: answers(file) for base, file in files.items()}
    made = {base: {"base": None, "put": {}, "ids": rows(ids), "pairs": rows(pairs)} for base, (ids, pairs) in given.items()}
    for name, base, put in variants(files):
        found = answers(patched(files[base], put))
        if isinstance(found, str):
            made[name] = {"base": base, "put": put, "refused": found}
        else:
            made[name] = {"base": base, "put": put, "ids": rows(found[0], given[base][0]), "pairs": rows(found[1], given[base][1])}
    write(out / "texts.json", {"texts": TEXTS, "seconds": SECONDS})
    write(out / "bases.json", files)
    write(out / "variants.json", made)
    print(f"{len(made)} variants, {sum(path.stat().st_size for path in out.iterdir()) / 1024:.0f} KB; refused: {[name for name, value in made.items() if 'refused' in value]}")


if __name__ == "__main__":
    main()
