"""Writes what transformers generates under many settings: python generation.py ../../packages/silane/test/fixtures/generation

For a decoder and two encoder-decoders among the fixtures of the plugins, OUT/FAMILY.json:
    {"fixture": "gpt2/text-generation", "convert": [flags],
     "tokens": [{"input_ids", "generation_config", "sequences": new ids of each result, "transformers_4": the same, where it differs}],
     "scores": [{"input_ids", "generation_config", "forced": ids that are taken to have been drawn,
                 "scores": [step -> [[id, score] of all that is not ruled out]]}],
     "drawn_beams": [{"input_ids", "generation_config", "sequences"}]}
"generation_config" is the whole generation_config.json. Scores are what a token is drawn from. In "drawn_beams" the most likely candidates
are taken to have been drawn.

transformers 5 (requirements-v5.txt) writes the files. Run again with transformers 4 (requirements.txt), the script adds what that
generates where it differs, and fails where scores differ. No result is a close call: float64 gives the same ids.
"""
import json, os, pathlib, sys, warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")
import torch, transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig
from make import quiet

PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"
FIXTURES = {"gpt2": "text-generation", "t5": "text2text", "bart": "text2text"}
PROMPTS = ([5, 17, 203, 44, 91, 8, 120, 3], [61, 250, 33, 61, 250, 12], [7])
VERSION = int(transformers.__version__.split(".")[0])
torch.set_num_threads(1)
multinomial = torch.multinomial


def opened(family, dtype=torch.float32):
    folder = PLUGINS / family / "fixtures" / FIXTURES[family]
    config = AutoConfig.from_pretrained(folder)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    return kind.from_pretrained(folder, attn_implementation="eager").to(dtype).eval()


def base(family):
    """The ids that generation_config.json of the fixture has, without an end."""
    file = PLUGINS / family / "fixtures" / FIXTURES[family] / "generation_config.json"
    names = ("bos_token_id", "pad_token_id", "decoder_start_token_id")
    return {name: value for name, value in json.loads(file.read_text()).items() if name in names}


def generate(model, ids, settings, **given):
    model.generation_config = GenerationConfig(**settings)
    with torch.no_grad():
        return model.generate(torch.tensor([ids]), **given)


def new_ids(model, ids, found):
    return [row[1 if model.config.is_encoder_decoder else len(ids):] for row in found.tolist()]


def trimmed(rows, settings):
    """Without what fills a shorter result up behind its end."""
    ends = settings.get("eos_token_id", [])
    ends = ends if isinstance(ends, list) else [ends]
    cut = lambda row: next((at + 1 for at, token in enumerate(row) if token in ends), len(row))
    return [row[: cut(row)] for row in rows]


def cases(model, base, ids):
    """Settings that matter for this prompt: they are about tokens that the model writes without them."""
    free = new_ids(model, ids, generate(model, ids, {**base, "max_new_tokens": 12}))[0]
    other = new_ids(model, ids, generate(model, ids, {**base, "max_new_tokens": 12, "bad_words_ids": [[free[0]]]}))[0]
    seen = list(dict.fromkeys(free + other))
    known = 1 if model.config.is_encoder_decoder else len(ids)
    some = lambda at: seen[at % len(seen)]
    end, ends = some(3), list(dict.fromkeys([some(3), some(5), some(7)]))
    short, rare = {"max_new_tokens": 12}, {"max_new_tokens": 12, "eos_token_id": end}
    beams = {**short, "num_beams": 4}
    wide = {**beams, "eos_token_id": end}
    yield from (
        {},
        {"eos_token_id": end},
        {"max_length": known + 7},
        {"max_length": 20 if known < 20 else 40},
        {"max_length": known + 3, "max_new_tokens": 6},
        {**short, "eos_token_id": ends},
        {**rare, "min_new_tokens": 6},
        {**rare, "min_length": known + 5},
        {**rare, "min_length": known + 9, "min_new_tokens": 2},
        {**short, "repetition_penalty": 1.5},
        {**short, "repetition_penalty": 0.7},
        {**short, "no_repeat_ngram_size": 2},
        {**short, "no_repeat_ngram_size": 1},
        {**short, "encoder_repetition_penalty": 2.5},
        {**short, "encoder_repetition_penalty": 0.5},
        {**short, "encoder_no_repeat_ngram_size": 1},
        {**short, "encoder_no_repeat_ngram_size": 2, "encoder_repetition_penalty": 3.0},
        {**short, "bad_words_ids": [[free[0]], [some(2)]]},
        {**short, "bad_words_ids": [[free[0], free[1]], [free[2], free[3], free[4]]]},
        {**rare, "bad_words_ids": [[end], [free[0]]]},
        {**short, "sequence_bias": [[[free[0]], -9.0], [[some(4)], 2.5]]},
        {**short, "sequence_bias": [[[free[0], free[1]], -7.0], [[free[1], free[2]], -7.0], [[some(6)], 1.5]]},
        {**short, "sequence_bias": [[[9, 9, 9, 9, 9, 9, 9, 9, 9, 4], 50.0]]},
        {**rare, "exponential_decay_length_penalty": [2, 1.6]},
        {**short, "eos_token_id": ends, "min_new_tokens": 4, "exponential_decay_length_penalty": [0, 1.2]},
        {**short, "forced_eos_token_id": 7},
        {**short, "forced_eos_token_id": [9, 4]},
        {**short, "forced_bos_token_id": 11},
        {**short, "forced_bos_token_id": 11, "begin_suppress_tokens": seen[:4]},
        {**short, "begin_suppress_tokens": [free[0], other[0]]},
        {**short, "suppress_tokens": seen[:3]},
        {**short, "suppress_tokens": seen[1:3], "remove_invalid_values": True},
        {**short, "renormalize_logits": True, "repetition_penalty": 1.3},
        {**short, "temperature": 0.2, "top_k": 1, "top_p": 0.1, "min_p": 0.9, "typical_p": 0.3},
        {**short, "num_beam_groups": 3, "diversity_penalty": 0.7, "penalty_alpha": 0.6, "top_k": 1},
        {**rare, "prompt_lookup_num_tokens": 2},
        {**short, "no_repeat_ngram_size": 2, "repetition_penalty": 1.2, "bad_words_ids": [[free[0]]], "forced_eos_token_id": 7},
        beams,
        wide,
        {**wide, "num_beams": 2, "length_penalty": 0.0},
        {**wide, "length_penalty": 3.0},
        {**wide, "length_penalty": -1.0},
        {**wide, "early_stopping": True},
        {**wide, "early_stopping": "never", "length_penalty": 2.0},
        {**wide, "early_stopping": "never", "length_penalty": -0.5},
        {**wide, "num_return_sequences": 3},
        {**beams, "eos_token_id": ends, "num_return_sequences": 2, "early_stopping": True},
        {**beams, "eos_token_id": ends, "min_new_tokens": 5},
        {**beams, "no_repeat_ngram_size": 2},
        {**wide, "repetition_penalty": 1.4},
        {**wide, "encoder_repetition_penalty": 2.0, "encoder_no_repeat_ngram_size": 2},
        {**wide, "bad_words_ids": [[free[0]], [some(2), some(3)]]},
        {**wide, "sequence_bias": [[[some(2)], -3.0], [[some(1), some(2)], 4.0]]},
        {**wide, "exponential_decay_length_penalty": [3, 0.7]},
        {**wide, "renormalize_logits": True, "suppress_tokens": seen[:2]},
        {**wide, "forced_eos_token_id": [7]},
        {**beams, "forced_bos_token_id": 11, "begin_suppress_tokens": seen[:3]},
        {**wide, "num_beams": 3, "temperature": 0.2, "top_k": 1, "diversity_penalty": 0.4},
        {"num_beams": 3, "max_length": known + 6, "forced_eos_token_id": 7},
        {"num_beams": 3},
    )
    if model.config.is_encoder_decoder:
        yield {**short, "decoder_start_token_id": [11]}
        yield {**beams, "decoder_start_token_id": 17}
    else:
        yield {**short, "guidance_scale": 1.7}
        yield {**short, "guidance_scale": 0.4, "no_repeat_ngram_size": 2}
        yield {**wide, "guidance_scale": 1.5}


SAMPLING = (
    {"temperature": 0.6},
    {"top_k": 5},
    {"top_k": 0, "top_p": 0.7},
    {"top_k": 0, "min_p": 0.3},
    {"top_k": 0, "typical_p": 0.4},
    {"top_k": 0, "typical_p": 0.9, "temperature": 1.7},
    {"top_k": 0, "epsilon_cutoff": 0.012},
    {"top_k": 0, "eta_cutoff": 0.03},
    {"top_k": 0, "top_h": 0.3},
    {"temperature": 0.5, "top_h": 0.6, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "typical_p": 0.8, "epsilon_cutoff": 0.01, "eta_cutoff": 0.02},
    {"top_k": 12, "renormalize_logits": True},
    {"temperature": 0.8, "top_p": 0.8, "repetition_penalty": 1.4, "encoder_repetition_penalty": 1.5, "no_repeat_ngram_size": 1},
    {"top_k": 8, "suppress_tokens": [3, 4, 5], "sequence_bias": [[[9], 2.0]], "eos_token_id": 60, "min_new_tokens": 3,
     "exponential_decay_length_penalty": [2, 1.5]},
)
BEAM_SAMPLING = (
    {"num_beams": 3, "top_k": 6},
    {"num_beams": 4, "temperature": 0.7, "top_p": 0.6},
    {"num_beams": 3, "top_k": 0, "min_p": 0.5, "num_return_sequences": 2},
    {"num_beams": 2, "top_k": 0, "typical_p": 0.5, "no_repeat_ngram_size": 2},
    {"num_beams": 3, "top_k": 2, "length_penalty": 2.0, "renormalize_logits": True},
)
FORCED = [9, 44, 9, 130]


def sampled_scores(model, ids, settings):
    """Per step what is drawn from, while FORCED comes out."""
    left = iter(FORCED)
    torch.multinomial = lambda probabilities, num_samples: torch.tensor([[next(left)]])
    try:
        found = generate(model, ids, settings, output_scores=True, return_dict_in_generate=True)
    finally:
        torch.multinomial = multinomial
    return [[[at, score] for at, score in enumerate(step[0].tolist()) if score > float("-inf")] for step in found.scores]


def drawn_beams(model, ids, settings):
    torch.multinomial = lambda probabilities, num_samples: torch.topk(probabilities, num_samples).indices
    try:
        return trimmed(new_ids(model, ids, generate(model, ids, settings)), settings)
    finally:
        torch.multinomial = multinomial


def made(family):
    model, exact = opened(family), opened(family, torch.float64)
    own = base(family)
    result = {"fixture": f"{family}/{FIXTURES[family]}", "tokens": [], "scores": [], "drawn_beams": []}
    for at, ids in enumerate(PROMPTS):
        for number, settings in enumerate(list(cases(model, own, ids))):
            # Every setting with the first prompt, a third of them with the others.
            if at > 0 and number % 3 != at:
                continue
            settings = {**own, **settings}
            run = lambda of: trimmed(new_ids(of, ids, generate(of, ids, settings)), settings)
            tokens = run(model)
            if run(exact) != tokens:
                print(f"{family}: a close call is left out: {settings}")
                continue
            result["tokens"].append({"input_ids": ids, "generation_config": settings, "sequences": tokens})
    for settings in SAMPLING:
        settings = {**own, "do_sample": True, "max_new_tokens": len(FORCED), **settings}
        scores = sampled_scores(model, PROMPTS[0], settings)
        near = [[at for at, _ in step] for step in sampled_scores(exact, PROMPTS[0], settings)]
        assert near == [[at for at, _ in step] for step in scores], f"a close call: {settings}"
        rounded = [[[at, round(score, 5)] for at, score in step] for step in scores]
        result["scores"].append({"input_ids": PROMPTS[0], "generation_config": settings, "forced": FORCED, "scores": rounded})
    for settings in BEAM_SAMPLING:
        settings = {**own, "do_sample": True, "max_new_tokens": 8, **settings}
        found = drawn_beams(model, PROMPTS[0], settings)
        assert found == drawn_beams(exact, PROMPTS[0], settings), f"a close call: {settings}"
        result["drawn_beams"].append({"input_ids": PROMPTS[0], "generation_config": settings, "sequences": found})
    return result


def checked(family, result):
    """What transformers 4 makes of the entries, beside them where it differs."""
    model = opened(family)
    for entry in result["tokens"]:
        ids, settings = entry["input_ids"], entry["generation_config"]
        found = trimmed(new_ids(model, ids, generate(model, ids, settings)), settings)
        entry.pop("transformers_4", None)
        if found != entry["sequences"]:
            entry["transformers_4"] = found
            print(f"{family}: transformers 4 differs: {settings}")
    for entry in result["scores"]:
        if "top_h" in entry["generation_config"] and not hasattr(GenerationConfig(), "top_h"):
            continue
        found = sampled_scores(model, entry["input_ids"], entry["generation_config"])
        for ours, theirs in zip(found, entry["scores"], strict=True):
            assert [at for at, _ in ours] == [at for at, _ in theirs], entry["generation_config"]
            assert all(abs(a - b) < 1e-4 for (_, a), (_, b) in zip(ours, theirs)), entry["generation_config"]
    for entry in result["drawn_beams"]:
        assert drawn_beams(model, entry["input_ids"], entry["generation_config"]) == entry["sequences"], entry["generation_config"]
    return result


def dump(result):
    lines = lambda entries: ",\n".join("    " + json.dumps(entry, separators=(", ", ": ")) for entry in entries)
    parts = [f'  "fixture": {json.dumps(result["fixture"])}']
    parts += [f'  "{name}": [\n{lines(result[name])}\n  ]' for name in ("tokens", "scores", "drawn_beams")]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    quiet()
    for family in FIXTURES:
        file = out / f"{family}.json"
        result = made(family) if VERSION > 4 else checked(family, json.loads(file.read_text()))
        file.write_text(dump(result))
        count = [len(result[name]) for name in ("tokens", "scores", "drawn_beams")]
        print(f"{family}: {count[0]} generations, {count[1]} of sampled scores, {count[2]} of drawn beams, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
