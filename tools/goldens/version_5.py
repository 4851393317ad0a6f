"""Golden cases of files that only transformers 5 writes, or only it reads: what make.py writes in the environment of requirements-v5.txt.

CASES maps "family/case" to a writer, as in text_encoders.py, text_decoders.py and control.py, whose writers these are.
"""
import functools
import torch
from transformers import GPT2LMHeadModel, RobertaForMaskedLM, T5ForConditionalGeneration
from control import DECISION, write_decision_transformer
from text_decoders import GPT2, SMALL_T5, temper, write_decoder, write_pair
from text_encoders import FOUND, ROBERTA, SMALL, write_encoder


def untie(model):
    """The output matrix of a v1.1 checkpoint, which transformers 5 keeps although its configuration says that it is tied."""
    temper(model)
    generator = torch.Generator().manual_seed(13)
    model.lm_head.weight = torch.nn.Parameter(torch.randn(model.lm_head.weight.shape, generator=generator) / model.config.d_model ** 0.5)


CASES = {
    "roberta/lm-head-only": functools.partial(
        write_encoder, name="roberta/lm-head-only", model=RobertaForMaskedLM, task="fill-mask", config=ROBERTA | SMALL,
        outputs={"logits": "logits"}, seed=5, storage="save-model", **FOUND | dict(adapt=None),
        notes="Weights written by safetensors.torch.save_model: of the shared table only lm_head.decoder.weight is kept. transformers 5 "
              "reads it."),
    "gpt2/lm-head-only": functools.partial(
        write_decoder, name="gpt2/lm-head-only", model=GPT2LMHeadModel, seed=12, storage="save-model", scale=1.6, positions=("wpe", 4),
        config=GPT2 | dict(vocab_size=120, n_embd=32, n_positions=64, bos_token_id=119, eos_token_id=119),
        notes="Weights written by safetensors.torch.save_model, which keeps one name of a shared tensor: lm_head.weight. The embeddings are "
              "that tensor; transformers 5 reads it."),
    "t5/version-5": functools.partial(
        write_pair, name="t5/version-5", model=T5ForConditionalGeneration, seed=3, seq=16, scale=1, adapt=untie,
        config=SMALL_T5 | dict(feed_forward_proj="gated-gelu", tie_word_embeddings=False),
        notes="Saved by transformers 5 from a v1.1 checkpoint: config.json says tie_word_embeddings true and scale_decoder_outputs false, "
              "and lm_head.weight stands in the file. The output matrix is lm_head.weight, and the decoder's output is not scaled by "
              "d_model^-0.5."),
    "decision-transformer/version-5": functools.partial(
        write_decision_transformer, seed=5470, case="version-5", steps=8, lengths=(8, 5), config=DECISION | dict(n_layer=1),
        notes="Saved by transformers 5."),
}
