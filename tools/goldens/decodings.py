"""What RAG answers from given documents: `python decodings.py ../../plugins/rag`.

Writes test/fixtures/decodings.json, a list of cases over the plugin's own fixtures, each decoded by transformers' RagTokenForGeneration or
RagSequenceForGeneration, which read the same checkpoints:

fixture, decoding     the checkpoint; "token" or "sequence"
context_input_ids, context_attention_mask, doc_scores    what was retrieved for one question
settings              what is given to generate, by its names; everything else is the checkpoint's
tokens, score         the answer without the start token, the end as its last one where it was reached. score: ln p(answer) of "sequence";
                      of "token" what beams compete by, or the sum of the scores that were the largest
candidates            of "sequence": every answer that was scored, with its score
"""
import json, pathlib, sys
import torch
from transformers import RagSequenceForGeneration, RagTokenForGeneration
from programs import doubled, eager, random
from retrieval import contexts

SEQ = 20  # what the fixtures are converted for
KINDS = {"token": RagTokenForGeneration, "sequence": RagSequenceForGeneration}
# The ends beside are such that some answers meet one before their last token.
FIXTURES = {"token": [2, 35, 29], "sequence": [2, 123, 106], "token-t5": [1, 98, 120, 26]}


def settings(ends, start):
    yield {}
    yield dict(num_beams=1, max_length=9)
    yield dict(num_beams=1, max_length=12, eos_token_id=ends, min_length=4, repetition_penalty=1.3)
    yield dict(num_beams=2, max_length=9)
    yield dict(num_beams=4, max_length=11, eos_token_id=ends)
    yield dict(num_beams=4, max_length=11, eos_token_id=ends, length_penalty=2.0, no_repeat_ngram_size=2, min_length=5)
    yield dict(num_beams=3, max_length=10, eos_token_id=ends, early_stopping=True, forced_eos_token_id=ends[0])
    yield dict(num_beams=3, max_length=10, eos_token_id=ends, forced_bos_token_id=start)


def cut(row, ends):
    """The new ids: all behind the start, up to the first end."""
    ids = row.tolist()[1:]
    return ids[:next((at + 1 for at, token in enumerate(ids) if token in ends), len(ids))]


def loaded(kind, folder):
    return kind.from_pretrained(folder, config=eager(kind.config_class.from_pretrained(folder)), dtype=torch.float32).eval()


def by_token(model, given, options):
    result = model.generate(**given, **options, return_dict_in_generate=True, output_scores=True)
    row = result.sequences[0]
    ends = options.get("eos_token_id", model.generation_config.eos_token_id)
    tokens = cut(row, ends if isinstance(ends, list) else [ends])
    if "sequences_scores" in result:
        return dict(tokens=tokens, score=float(result.sequences_scores[0]))
    return dict(tokens=tokens, score=sum(float(scores[0, token]) for scores, token in zip(result.scores, tokens)))


def by_sequence(model, given, options):
    scored, forward = [], model.forward

    def call(*args, **more):
        outputs = forward(*args, **more)
        scored.append((more["labels"], outputs["loss"]))
        return outputs
    model.forward = call
    try:
        row = model.generate(**given, **options)[0]
    finally:
        model.forward = forward
    ends = options.get("eos_token_id", model.generator.generation_config.eos_token_id)
    ends = ends if isinstance(ends, list) else [ends]
    labels, losses = scored[0]
    candidates = [dict(tokens=cut(label, ends), score=-float(loss)) for label, loss in zip(labels, losses)]
    tokens = cut(row, ends)
    return dict(tokens=tokens, score=next(each["score"] for each in candidates if each["tokens"] == tokens), candidates=candidates)


def told(answer):
    """What must not depend on the last digits of a sum."""
    return answer["tokens"], [each["tokens"] for each in answer.get("candidates", [])]


def decoding(folder, name):
    model = loaded(KINDS[name], folder)
    run = {"token": by_token, "sequence": by_sequence}[name]
    start = model.config.generator.bos_token_id
    choices = [*settings(FIXTURES[folder.name], 7 if start is None else start)]
    if name == "sequence":
        choices.append(dict(num_beams=2, max_length=9, do_deduplication=False))
    for index, options in enumerate(choices):
        for attempt in range(20):
            seed = 7000 + 100 * index + 2 * attempt
            batch = contexts(model.config, SEQ, seed)[attempt % 2]
            scores = 2 * random(seed).normal(1, model.config.n_docs)
            given = dict(context_input_ids=batch["input_ids"], context_attention_mask=batch["attention_mask"], doc_scores=scores)
            answer = run(model, given, options)
            with doubled(model):
                fine = run(model, given | dict(doc_scores=scores.double()), options)
            if told(fine) == told(answer):
                break
        else:
            raise AssertionError(f"{folder.name} {options}: every answer is a close call")
        yield dict(fixture=folder.name, decoding=name, context_input_ids=batch["input_ids"].tolist(),
                   context_attention_mask=batch["attention_mask"].tolist(), doc_scores=scores[0].tolist(), settings=options, **answer)


def main(plugin):
    with torch.no_grad():
        found = [case for fixture in FIXTURES for name in KINDS for case in decoding(plugin / "fixtures" / fixture, name)]
    lines = ",\n".join(json.dumps(case) for case in found)
    (plugin / "test" / "fixtures" / "decodings.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
