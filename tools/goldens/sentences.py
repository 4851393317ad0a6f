"""Folders of sentence-transformers, and what it computes of them: python sentences.py OUT [--only FAMILY[/CASE] ...] [--sweep]

A case is written to OUT/FAMILY/CASE in the form that goldens.py describes. sentence-transformers itself opens the folder, runs its modules
over ids and masks, and cuts the vector to truncate_dim. With --sweep every set of pooling modes is a case, which is more than a plugin
wants as fixtures. Runs in an environment of its own, requirements-sentences.txt.

PyLate is not needed: its folders are written as it documents them, and MultiVectorEncoder of sentence-transformers reads them.
"""
import argparse, itertools, json, os, pathlib, shutil, warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")
import sentence_transformers, torch, transformers
from safetensors.torch import save_file
from sentence_transformers import MultiVectorEncoder, SentenceTransformer
from sentence_transformers.util import truncate_embeddings
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForMaskedLM, BertModel, GPT2Config, GPT2Model, OPTConfig, OPTModel, PreTrainedTokenizerFast
from transformers import T5Config, T5EncoderModel
from goldens import check, prepare, randomize, text_inputs, write_case, write_golden
from make import quiet, write_into

SEQ, VOCABULARY, WIDTH = 16, 120, 32
MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
FLAGS = dict(zip(MODES, ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")))
V2, V5, V6 = "sentence_transformers.models.", "sentence_transformers.sentence_transformer.modules.", "sentence_transformers.base.modules."
TRANSFORMER = (V2 + "Transformer", "", None, None)

BERT = BertConfig(vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                  max_position_embeddings=40)
GPT2 = GPT2Config(vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=2, n_head=4, n_positions=40, bos_token_id=1, eos_token_id=1)
OPT = OPTConfig(vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64, word_embed_proj_dim=WIDTH,
                max_position_embeddings=40)
T5 = T5Config(vocab_size=VOCABULARY, d_model=WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=4, feed_forward_proj="gated-gelu")


def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def pooling(*modes, path="1_Pooling", width=WIDTH, owner=V2, **more):
    """As version 6 writes it, or with an owner of version 2 as flags."""
    if owner == V2:
        config = {"word_embedding_dimension": width, **{f"pooling_mode_{flag}": mode in modes for mode, flag in FLAGS.items()}}
    else:
        config = {"embedding_dimension": width, "pooling_mode": modes[0] if len(modes) == 1 else list(modes), "include_prompt": True}
    return (owner + ("Pooling" if owner == V2 else "pooling.Pooling"), path, config | more, None)


def dense(path, width, out, activation="Tanh", bias=True, kind=V2 + "Dense", seed=1, **more):
    """A Dense module; with use_residual and another width it has a second layer."""
    place = "linear" if activation == "Identity" else "activation"
    layers = {"linear": torch.nn.Linear(width, out, bias=bias)}
    if more.get("use_residual") and width != out:
        layers["residual"] = torch.nn.Linear(width, out, bias=False)
    tensors = randomize(torch.nn.ModuleDict(layers), seed).state_dict()
    config = {"in_features": width, "out_features": out, "bias": bias, "activation_function": f"torch.nn.modules.{place}.{activation}"}
    return (kind, path, config | more, tensors)


def layer_norm(path, width, seed=2):
    tensors = randomize(torch.nn.ModuleDict({"norm": torch.nn.LayerNorm(width)}), seed).state_dict()
    return (V2 + "LayerNorm", path, {"dimension": width}, tensors)


def normalize(path, kind=V2 + "Normalize", **config):
    return (kind, path, config or None, None)


def tokenizer(folder):
    """A word for every id."""
    words = {"[PAD]": 0, "[UNK]": 1, **{f"w{number}": number for number in range(2, VOCABULARY)}}
    plain = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]", mask_token="w2").save_pretrained(folder)


def samples(seed, segments):
    """A whole row, one padded on the right, one padded on the left."""
    whole, right = text_inputs(VOCABULARY, SEQ, (SEQ, 10), seed, segments=segments)
    left = {name: value.roll(SEQ - 10, -1) for name, value in right.items()}
    return [whole, right, left]


def write(root, *, name, model, config, modules, seed, settings=None, output="sentence_embedding", at="", convert=(), truncate=None,
          transformer={"max_seq_length": SEQ, "do_lower_case": False}, double=True, missing=None, notes):
    """modules: (type, path, config or None, tensors or None) of each; settings: config_sentence_transformers.json;
    at: the folder of the transformer; transformer: sentence_bert_config.json, None where there is none; truncate: what is asked of encode;
    double: whether the code of the model runs in float64; missing: the folder of a module that is not there, for which the whole is to
    be refused."""
    folder = prepare(root, *name.split("/"))
    config._attn_implementation = "eager"
    stored = randomize(model(config), seed)
    stored.save_pretrained(folder / at)
    tokenizer(folder / at)
    dump(folder / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (kind, path, _, _) in enumerate(modules)])
    for _, path, values, tensors in modules:
        if values is not None:
            dump(folder / path / "config.json", values)
        if tensors is not None:
            save_file({key: value.contiguous() for key, value in tensors.items()}, str(folder / path / "model.safetensors"))
    if transformer is not None:
        dump(folder / at / "sentence_bert_config.json", transformer)
    if settings is not None:
        dump(folder / "config_sentence_transformers.json", settings)
    own = f"sentence-transformers {sentence_transformers.__version__}"
    facts = dict(source=f"{own}; transformers {transformers.__version__}, torch {torch.__version__}, CPU, float32, eager attention",
                 architecture=type(stored).__name__, task="feature-extraction", convert=["--seq", str(SEQ), *convert])

    tokens = output == "token_embeddings"
    open_folder = lambda: (MultiVectorEncoder if tokens else SentenceTransformer)(
        str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"})
    if missing:
        shutil.rmtree(folder / missing)
        try:
            open_folder()
        except Exception:
            write_case(folder, **facts, programs={}, expect={"exit": 2}, seed=seed, notes=notes)
            return folder
        raise AssertionError("sentence-transformers opens the folder")
    opened = open_folder()
    # What MultiVectorEncoder puts behind the modules of a PyLate folder is not in its file.
    layers = list(opened)[:len(modules)]

    def run(inputs):
        features = dict(inputs)
        with torch.inference_mode():
            for layer in layers:
                features = layer(features)
        value = features[output]
        if tokens:
            return {output: value}
        return {output: truncate_embeddings(value, truncate or opened.truncate_dim)}

    opened.eval()
    inputs = samples(seed, segments=isinstance(config, BertConfig))
    valid = {output: "attention_mask"} if tokens else {}
    outputs = [run(batch) for batch in inputs]
    for batch, given in zip(inputs, outputs):
        # The first place may be padding: all ids and segments are others. Where tokens do not see later ones, padding does see what it is.
        check(run, batch, given, valid=valid, edits={"input_ids": lambda ids: (ids + 3) % VOCABULARY, "token_type_ids": lambda ids: 1 - ids},
              padding=None if isinstance(config, (GPT2Config, OPTConfig)) else {"input_ids": "attention_mask"})
    opened.double()
    for batch, given in zip(inputs, outputs) if double else ():
        exact = run(batch)[output]
        shown = batch["attention_mask"].bool() if tokens else slice(None)
        error = (exact - given[output])[shown].square().mean()
        decibels = 10 * torch.log10(exact[shown].abs().max().square() / error)
        assert decibels > 110, decibels
    program = write_golden(folder, "model", list(zip(inputs, outputs))) | ({"valid": valid} if valid else {})
    write_case(folder, **facts, programs={"model": program}, seed=seed, notes=notes)
    return folder


CASES = dict(
    modes=dict(name="bert/st-modes", model=BertModel, config=BERT, seed=501,
               modules=[(V6 + "transformer.Transformer", "", None, None), pooling(*reversed(MODES), owner=V5)],
               transformer={"transformer_task": "feature-extraction", "module_output_name": "token_embeddings",
                            "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}},
               notes="All modes of pooling in an order of their own, as version 6 saves them; a sample is padded on the left."),
    chain=dict(name="bert/st-chain", model=BertModel, config=BERT, seed=502,
               modules=[TRANSFORMER, pooling("weightedmean", "cls", "max"), dense("2_Dense", 3 * WIDTH, 24, "GELU"),
                        (V2 + "Dropout", "3_Dropout", {"dropout": 0.2}, None), layer_norm("4_LayerNorm", 24),
                        dense("5_Dense", 24, 24, "Tanh", seed=3, use_residual=True),
                        dense("6_Dense", 24, 16, "Identity", bias=False, seed=4, use_residual=True), normalize("7_Normalize")],
               settings={"prompts": {"query": "w5 ", "document": "w6 w7 "}, "default_prompt_name": "document",
                         "similarity_fn_name": "dot", "truncate_dim": 12},
               notes="Flags of pooling, every module that makes one vector of another, prompts, and truncate_dim of the folder: cut after "
                     "the norm, not normalised again."),
    matryoshka=dict(name="bert/st-truncated", model=BertForMaskedLM, config=BERT, seed=503, truncate=8,
                    modules=[TRANSFORMER, pooling("cls"), normalize("2_Normalize")], convert=("--option", "truncate-dim=8"),
                    notes="The weights of a masked language model, and a vector cut by an option; cls with padding on the left is the first "
                          "token that is none."),
    tokens=dict(name="bert/st-token-features", model=BertModel, config=BERT, seed=504, at="0_Transformer",
                modules=[(V2 + "Transformer", "0_Transformer", None, None),
                         dense("1_Dense", WIDTH, 24, "Tanh", module_input_name="token_embeddings", module_output_name="token_embeddings"),
                         normalize("2_Normalize", V6 + "normalize.Normalize", module_input_name="token_embeddings"),
                         pooling("mean", "lasttoken", path="3_Pooling", width=24, owner=V5),
                         dense("4_Dense", 48, 16, "Identity", bias=False, seed=5)],
                notes="The transformer in a folder of its own; Dense and Normalize over the vectors of tokens, in front of the pooling."),
    pylate=dict(name="bert/st-pylate", model=BertModel, config=BERT, seed=505, output="token_embeddings",
                modules=[TRANSFORMER, dense("1_Dense", WIDTH, 128, "Identity", bias=False, kind="pylate.models.Dense.Dense")],
                settings={"__version__": {"sentence_transformers": "3.3.1"}, "prompts": {}, "default_prompt_name": None,
                          "similarity_fn_name": "MaxSim", "query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 32,
                          "document_length": 180, "attend_to_expansion_tokens": False, "skiplist_words": ["!", "?"]},
                notes="A folder as PyLate saves it: a projection of the vectors of tokens, and nothing behind it."),
    late=dict(name="bert/st-late-interaction", model=BertModel, config=BERT, seed=506, output="token_embeddings",
              modules=[(V6 + "transformer.Transformer", "", None, None),
                       dense("1_Dense", WIDTH, 24, "Identity", bias=False, kind=V6 + "dense.Dense", use_residual=True,
                             module_input_name="token_embeddings", module_output_name="token_embeddings"),
                       ("sentence_transformers.multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask", "2_MultiVectorMask",
                        {"skiplist_words": [], "skiplist_tasks": ["document"], "keep_only_token_ids": None}, None),
                       normalize("3_Normalize", V6 + "normalize.Normalize", module_input_name="token_embeddings",
                                 module_output_name="token_embeddings")],
              settings={"model_type": "MultiVectorEncoder", "prompts": {"query": "w5 ", "document": "w6 "}, "default_prompt_name": None,
                        "similarity_fn_name": "maxsim"},
              notes="A folder of MultiVectorEncoder: vectors of tokens, each of length 1."),
    dense_on_tokens=dict(name="bert/st-dense-on-tokens", model=BertModel, config=BERT, seed=7, transformer=None,
                         modules=[TRANSFORMER, dense("1_Dense", WIDTH, 16, "Identity", bias=False, module_input_name="token_embeddings",
                                                     module_output_name="token_embeddings"),
                                  (V2 + "Pooling", "2_Pooling", {"embedding_dimension": 16, "pooling_mode": "mean"}, None)],
                         notes="A Dense module over the token vectors, in front of the pooling (module_input_name)."),
    own_folder=dict(name="bert/st-transformer-in-subfolder", model=BertModel, config=BERT, seed=7, at="0_Transformer", transformer=None,
                    modules=[(V2 + "Transformer", "0_Transformer", None, None),
                             (V2 + "Pooling", "1_Pooling", {"word_embedding_dimension": WIDTH, **{
                                 f"pooling_mode_{flag}": flag == "cls_token" for flag in list(FLAGS.values())[:4]}}, None)],
                    notes="The layout that sentence-transformers wrote before version 2: the transformer in a folder of its own, no "
                          "config.json at the top, and the four modes of pooling that there were."),
    no_pooling=dict(name="bert/st-pooling-folder-missing", model=BertModel, config=BERT, seed=7, transformer=None, missing="1_Pooling",
                    modules=[TRANSFORMER, pooling("cls"), normalize("2_Normalize")],
                    notes="modules.json names 1_Pooling, whose folder was not downloaded. sentence-transformers refuses it. The mode cannot "
                          "be known (BGE has cls); a conversion with mean pooling is silently wrong."),
    gpt2=dict(name="gpt2/st-last-token", model=GPT2Model, config=GPT2, seed=507,
              modules=[TRANSFORMER, pooling("weightedmean", "lasttoken"), normalize("2_Normalize")],
              notes="The last token and a weighted mean of a decoder, padded on the right and on the left."),
    opt=dict(name="opt/st-last-token", model=OPTModel, config=OPT, seed=508, double=False,
             modules=[TRANSFORMER, pooling("lasttoken"), normalize("2_Normalize")], notes="The last token of a decoder."),
    t5=dict(name="t5/st-dense", model=T5EncoderModel, config=T5, seed=509,
            modules=[TRANSFORMER, pooling("mean"), dense("2_Dense", WIDTH, 24, "Identity", bias=False), normalize("3_Normalize")],
            notes="SentenceT5: mean, a projection without bias, and the norm."),
)


def sweep():
    """Every set of pooling modes, in both spellings in turn."""
    for number in range(1, len(MODES) + 1):
        for at, modes in enumerate(itertools.combinations(MODES, number)):
            owner = (V2, V5)[at % 2]
            yield dict(name=f"bert/sweep-{'-'.join(modes)}", model=BertModel, config=BERT, seed=600 + at, notes="",
                       modules=[TRANSFORMER, pooling(*modes, owner=owner)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="FAMILY[/CASE]")
    parser.add_argument("--sweep", action="store_true")
    options = parser.parse_args()
    quiet()
    for case in sweep() if options.sweep else CASES.values():
        if options.only and case["name"] not in options.only and case["name"].split("/")[0] not in options.only:
            continue
        folder, size = write_into(options.out, write, **case)
        print(f"{case['name']:40} {size / 1024:7.0f} KB", flush=True)


if __name__ == "__main__":
    main()
