"""What RAG and REALM answer to questions from documents, from text to text: `python answers.py ../../plugins`.

Writes plugins/rag/test/fixtures/ask and plugins/realm/test/fixtures/ask, over the plugins' own fixtures:

question_encoder_tokenizer, generator_tokenizer, generator_tokenizer_t5, tokenizer    tokenizers of a few words, as transformers saves them
answers.json    documents       id, title, text; vectors are the context encoder's of title and text (REALM: its embedder's of the text)
                cases           fixture, decoding and beams (RAG); question; sources: ids with the inner products, the best first;
                                answer, tokens, score; candidates of RAG-sequence; passage: the id of where REALM read the answer

RAG runs whole: RagTokenForGeneration.generate or RagSequenceForGeneration.generate from the ids of the question, with transformers'
RagRetriever over an index that searches exactly; REALM is RealmForOpenQA with its RealmRetriever, whose block_emb is made with its embedder.
"""
import itertools, json, pathlib, random, shutil, sys, tempfile
import numpy as np, torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BartTokenizerFast, BertTokenizerFast, DPRContextEncoder, RagConfig, RagRetriever, RagSequenceForGeneration, RagTokenForGeneration,
    T5TokenizerFast,
)
from transformers.models.deprecated.realm import RealmConfig, RealmForOpenQA, RealmRetriever, RealmTokenizerFast
from transformers.models.rag import retrieval_rag
from decodings import by_sequence, by_token, loaded, told
from programs import doubled, eager

LENGTH = 40  # of a context, of a document and of what REALM reads; some documents are longer
KINDS = {"token": RagTokenForGeneration, "sequence": RagSequenceForGeneration}
RAG_CASES = [(fixture, decoding, beams) for fixture in ("token", "sequence", "token-t5") for decoding in KINDS for beams in (1, 3)]
WORDS = ("what where who is are the of in on and a river mountain sea bird fish tree house ship long high deep old new red green blue white"
         " north south east west runs stands lives sleeps sings near under over between two three seven many few water stone wood snow rain"
         " wind light night day king queen").split()


def documents(count, seed):
    draw = random.Random(seed)
    titles = ["Long River", "The Old King", "Blue Sea", "High Mountain", "Two Birds", "A Ship", "Green Tree", "Rain and Wind", "White House"]
    text = lambda length: " ".join(draw.choice(WORDS) for _ in range(length)) + "."
    return [dict(id=f"d{at}", title=title, text=text(draw.choice([6, 9, 14, 60]))) for at, title in enumerate(titles[:count])]


def questions(seed):
    draw = random.Random(seed)
    while True:
        yield f"{draw.choice(['What', 'Where', 'Who'])} {' '.join(draw.choice(WORDS) for _ in range(draw.choice([2, 3, 5])))}?"


def wordpiece(folder, kind, size):
    letters = "abcdefghijklmnopqrstuvwxyz"
    # Few of the letters are pieces of their own: other words are unknown.
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "?", ".", *WORDS, *[f"##{letter}" for letter in "snrteg"], *letters]
    vocab = list(dict.fromkeys(vocab))
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(vocab[:size]) + "\n")
    saved(kind(str(folder / "vocab.txt")), folder)


def saved(tokenizer, folder):
    tokenizer.save_pretrained(folder)
    for name in ("vocab.txt", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json"):
        (folder / name).unlink(missing_ok=True)


def byte_pairs(folder, size):
    """All letters, the signs that join a document and a question, and pairs of letters that are frequent."""
    vocab = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyzLKBSTMAHGRW?./Ġ"]
    pairs, text = [], [list("Ġ" + word) for word in WORDS]
    while len(vocab) < size - 1:
        counts = {}
        for word in text:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        pairs.append(best)
        vocab.append("".join(best))
        text = [merged(word, best) for word in text]
    vocab.append("<mask>")
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({token: at for at, token in enumerate(vocab)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs))
    saved(BartTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt")), folder)


def merged(word, pair):
    out = []
    for piece in word:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return out


def unigram(folder, size):
    letters = "abcdefghijklmnopqrstuvwxyzLKBSTMAHGRW?./"
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0), *[("▁" + word, -4.0 - 0.01 * at) for at, word in enumerate(WORDS)],
              *[(letter, -6.0 - 0.01 * at) for at, letter in enumerate(letters)]]
    pairs = dict.fromkeys(word[at:at + 2] for word in WORDS for at in range(1, len(word) - 1))
    pieces += [(pair, -5.0 - 0.01 * at) for at, pair in enumerate(pairs)][:size - len(pieces)]
    assert len(pieces) == size
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    saved(T5TokenizerFast(tokenizer_object=tokenizer, extra_ids=0, eos_token="</s>", unk_token="<unk>", pad_token="<pad>"), folder)


class Exact(retrieval_rag.Index):
    """All documents, by the products of their vectors with the question's."""

    def __init__(self, found, vectors):
        self.found, self.vectors = found, vectors

    def get_top_docs(self, question_hidden_states, n_docs=5):
        scores = question_hidden_states.astype(np.float64) @ self.vectors.T.astype(np.float64)
        self.order = np.argsort(-scores, axis=1)
        self.scores = np.take_along_axis(scores, self.order, 1)
        ids = self.order[:, :n_docs]
        return ids, self.vectors[ids]

    def get_doc_dicts(self, doc_ids):
        return [{key: [self.found[at][key] for at in row] for key in ("title", "text")} for row in doc_ids]

    def is_initialized(self):
        return True

    def init_index(self):
        pass


def sources(found, order, scores, count):
    """The best of them, none of which may be a close call."""
    gaps = -np.diff(scores[:count + 1])
    if gaps.min() < 1e-2:
        return None
    return [dict(id=found[at]["id"], score=float(score)) for at, score in zip(order[:count], scores)]


def context_encoder(plugin, width):
    name = "context-encoder" if width == 32 else "context-encoder-projection"
    return name, loaded(DPRContextEncoder, plugin / "fixtures" / name)


def rag(plugin):
    folder = plugin / "test" / "fixtures" / "ask"
    shutil.rmtree(folder, ignore_errors=True)
    wordpiece(folder / "question_encoder_tokenizer", BertTokenizerFast, 101)
    byte_pairs(folder / "generator_tokenizer", 131)
    unigram(folder / "generator_tokenizer_t5", 131)
    asks = BertTokenizerFast.from_pretrained(folder / "question_encoder_tokenizer")
    found = documents(9, 1)
    retrieval_rag.requires_backends = lambda *_: None  # faiss and datasets, which a retriever with an index does not use
    cases = []
    for fixture, decoding, beams in RAG_CASES:
        config = RagConfig.from_pretrained(plugin / "fixtures" / fixture)
        config.max_combined_length = LENGTH
        width = config.question_encoder.projection_dim or config.question_encoder.hidden_size
        name, encoder = context_encoder(plugin, width)
        ids = [asks(each["title"], each["text"], truncation="only_second", max_length=LENGTH).input_ids for each in found]
        vectors = np.concatenate([encoder(torch.tensor([row])).pooler_output.numpy() for row in ids])
        t5 = config.generator.model_type == "t5"
        writes = (T5TokenizerFast if t5 else BartTokenizerFast).from_pretrained(folder / ("generator_tokenizer_t5" if t5 else "generator_tokenizer"))
        index = Exact(found, vectors)
        model = loaded(KINDS[decoding], plugin / "fixtures" / fixture)
        model.config.max_combined_length = LENGTH
        model.rag.retriever = RagRetriever(model.config, asks, writes, index=index, init_retrieval=False)
        model.config.n_docs = config.n_docs
        run = {"token": by_token, "sequence": by_sequence}[decoding]
        # Random weights write much the same whatever they read; the score tells what was read.
        seen = []
        for question in itertools.islice(questions(7), 20):
            given = dict(asks([question], return_tensors="pt"))
            given.pop("token_type_ids")
            answer = run(model, given, dict(num_beams=beams))
            listed = sources(found, index.order[0], index.scores[0], config.n_docs)
            with doubled(model):
                fine = run(model, given, dict(num_beams=beams))
            text = writes.decode(answer["tokens"], skip_special_tokens=True)
            if listed is None or told(fine) != told(answer) or any(abs(answer["score"] - score) < 1e-3 for score in seen):
                continue
            seen.append(answer["score"])
            for candidate in answer.get("candidates", []):
                candidate["text"] = writes.decode(candidate["tokens"], skip_special_tokens=True)
            cases.append(dict(fixture=fixture, context_encoder=name, decoding=decoding, beams=beams, question=question, sources=listed,
                              answer=text, **answer))
            if len(seen) == 2:
                break
        assert len(seen) == 2, (fixture, decoding, beams)
    write(folder / "answers.json", found, cases)


def realm(plugin):
    folder = plugin / "test" / "fixtures" / "ask"
    shutil.rmtree(folder, ignore_errors=True)
    wordpiece(folder / "tokenizer", RealmTokenizerFast, 211)
    tokenizer = RealmTokenizerFast.from_pretrained(folder / "tokenizer")
    found = [{key: each[key] for key in ("id", "text")} for each in documents(9, 2)]
    checkpoint = plugin / "fixtures" / "open-qa"
    config = eager(RealmConfig.from_pretrained(checkpoint))
    config.reader_seq_len = LENGTH
    model = RealmForOpenQA.from_pretrained(checkpoint, config=config).eval()
    vector = lambda text: model.embedder(**tokenizer([text], truncation=True, max_length=LENGTH, return_tensors="pt")).projected_score
    model.block_emb = torch.cat([vector(each["text"]) for each in found])
    model.retriever = RealmRetriever(np.array([each["text"].encode() for each in found], dtype=object), tokenizer)
    spans = []
    model.reader.qa_outputs.register_forward_hook(lambda module, inputs, outputs: spans.append(outputs[0]))
    cases, seen = [], set()
    # One is so long that it is cut as well as the passage.
    draw = random.Random(3)
    long = [f"What {' '.join(draw.choice(WORDS) for _ in range(30))}?" for _ in range(50)]
    for question in itertools.chain(long, itertools.islice(questions(11), 200)):
        if question in long and cases:
            continue
        given = tokenizer([question], return_tensors="pt")
        output = model(**given)
        scores = (model.block_emb @ vector(question)[0]).double().numpy()
        order = np.argsort(-scores)
        listed = sources(found, order, scores[order], config.reader_beam_size)
        best = spans[-1].flatten().sort(descending=True).values
        if listed is None or best[0] - best[1] < 1e-2:
            continue
        at = int(output.reader_output.block_idx)
        text = tokenizer.decode(output.predicted_answer_ids, skip_special_tokens=True)
        if text in seen or len(output.predicted_answer_ids) < 2 and len(seen) < 3:
            continue
        seen.add(text)
        cases.append(dict(question=question, sources=listed, answer=text, tokens=output.predicted_answer_ids.tolist(),
                          score=float(spans[-1][at, int(output.reader_output.candidate)]), passage=listed[at]["id"]))
        if len(cases) == 6:
            break
    assert len(cases) == 6 and cases[0]["question"] in long
    write(folder / "answers.json", found, cases)


def write(file, found, cases):
    lines = lambda rows: ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_text(f'{{"documents": [\n{lines(found)}\n],\n"cases": [\n{lines(cases)}\n]}}\n')


if __name__ == "__main__":
    plugins = pathlib.Path(sys.argv[1])
    with torch.no_grad():
        rag(plugins / "rag")
        realm(plugins / "realm")
