"""Golden cases of the control family: decision-transformer.

CASES maps "family/case" to a writer: write(root, overrides=None, seed=..., **options) -> folder; see retrieval.py.
"""
import functools
import torch
from transformers import DecisionTransformerConfig, DecisionTransformerModel
from goldens import prepare, source, write_case
from programs import merged, random, stored
from vision import build, record

CASES = {}

DECISION = dict(state_dim=11, act_dim=3, hidden_size=32, max_ep_len=120, n_layer=2, n_head=2, n_inner=80, n_positions=96,
                activation_function="relu")


def trajectory(config, steps, length, seed):
    """The last length steps of an episode, behind zeros up to the context; the action of the last step is still to be chosen."""
    draw = random(seed)
    first = int(draw.ids(0, config.max_ep_len - length, 1))
    actions = 2 * draw.uniform(1, length, config.act_dim) - 1
    actions[:, -1] = 0
    values = dict(states=draw.normal(1, length, config.state_dim), actions=actions,
                  returns_to_go=3 - draw.uniform(1, length, 1).cumsum(1) / 10, timesteps=first + torch.arange(length)[None],
                  attention_mask=torch.ones(1, length, dtype=torch.long))
    front = lambda value: torch.zeros(1, steps - length, *value.shape[2:], dtype=value.dtype)
    return {name: torch.cat([front(value), value], 1) for name, value in values.items()}


NOWHERE = ("Every position of the encoder has position id 0: wpe[0] is added everywhere. embed_ln has eps 1e-5, whatever"
           " layer_norm_epsilon says.")
PREDICTIONS = ("state_preds", "action_preds", "return_preds")


def policy(folder, config, seed, **storage):
    model = build(DecisionTransformerModel, DecisionTransformerConfig(**config), seed, {"embed_timestep": 0.7, "wpe": 0.5}, 0.8)
    return stored(model, folder, **storage)


def record_policy(folder, model, steps, lengths, seed):
    def run(inputs):
        results = model(**inputs)
        return {name: results[name] for name in PREDICTIONS}
    batches = [trajectory(model.config, steps, length, seed + 2 + index) for index, length in enumerate(lengths)]
    edits = {"timesteps": lambda each: (each + 1) % model.config.max_ep_len}
    if steps == 1:
        edits["actions"] = None  # the action of a step is predicted from those before
    return record(folder, "model", model, run, batches, valid={name: "attention_mask" for name in PREDICTIONS},
                  padding={name: "attention_mask" for name in ("states", "actions", "returns_to_go", "timesteps")}, edits=edits)


def write_decision_transformer(root, overrides=None, seed=0, *, case, config=DECISION, steps=12, lengths, asked=True, notes=None,
                               **storage):
    """asked: whether --context says the number of steps, or the configuration does."""
    folder = prepare(root, "decision-transformer", case)
    model = policy(folder, merged(config, overrides), seed, **storage)
    entry = record_policy(folder, model, steps, lengths, seed)
    write_case(folder, source=source("transformers DecisionTransformerModel"), architecture="DecisionTransformerModel",
               task="reinforcement-learning", convert=["--context", str(steps)] if asked else [], programs={"model": entry}, seed=seed,
               notes=" ".join(filter(None, [notes, NOWHERE])))
    return folder


def toy(state, action):
    """An environment that everyone can compute: the next state and the reward."""
    after = [0.9 * state[(i + 1) % len(state)] + 0.4 * action[i % len(action)] for i in range(len(state))]
    return after, 150 + 100 * sum(a * s for a, s in zip(action, state)) - 20 * sum(a * a for a in action)


def play(model, context, start, mean, std, target, scale, length):
    """What the evaluation of transformers' example does, a step at a time: [{state, action, reward}]."""
    mean, std = torch.tensor(mean), torch.tensor(std)
    states, actions, returns, played = [start], [], [torch.tensor(target / scale)], []
    for time in range(length):
        first = max(0, time + 1 - context)
        front = context - (time + 1 - first)
        pad = lambda values: torch.nn.functional.pad(values, (0, 0, front, 0))[None]
        chosen = torch.tensor([*actions, [0.0] * model.config.act_dim])
        with torch.no_grad():
            predicted = model(
                states=pad((torch.tensor(states) - mean)[first:] / std), actions=pad(chosen[first:]),
                returns_to_go=pad(torch.stack(returns)[first:, None]), timesteps=pad(torch.arange(first, time + 1)[:, None])[..., 0],
                attention_mask=torch.tensor([[0] * front + [1] * (context - front)])).action_preds[0, -1].tolist()
        after, reward = toy(states[-1], predicted)
        played.append(dict(state=states[-1], action=predicted, return_to_go=float(returns[-1]), reward=reward))
        states.append(after)
        actions.append(predicted)
        returns.append(returns[-1] - reward / scale)
    return played


def write_rollout(root, overrides=None, seed=0, *, case="rollout", config=DECISION, context=5, length=12, target=2500.0, scale=1000.0):
    folder = prepare(root, "decision-transformer", case)
    model = policy(folder, merged(config, overrides), seed)
    entry = record_policy(folder, model, context, (context, context - 2), seed)
    draw, width = random(seed + 10), model.config.state_dim
    start, mean, std = draw.normal(width), 0.3 * draw.normal(width), 0.5 + draw.uniform(width)
    settings = dict(context=context, target_return=target, scale=scale, state_mean=mean.tolist(), state_std=std.tolist())
    steps = play(model, context, start.tolist(), settings["state_mean"], settings["state_std"], target, scale, length)
    assert min(abs(a - b) for one, other in zip(steps, steps[1:]) for a, b in zip(one["action"], other["action"])) > 1e-3
    # What the example computes besides the newest step must matter, or a rollout without it would pass.
    for wrong in (dict(mean=[0.0] * width), dict(std=[1.0] * width), dict(scale=2 * scale), dict(target=2 * target),
                  dict(context=context + 1)):
        usual = dict(context=context, start=start.tolist(), mean=mean.tolist(), std=std.tolist(), target=target, scale=scale,
                     length=length)
        other = play(model, **(usual | wrong))
        assert max(abs(a - b) for one, two in zip(steps, other) for a, b in zip(one["action"], two["action"])) > 1e-2, wrong
    write_case(folder, source=source("transformers DecisionTransformerModel"), architecture="DecisionTransformerModel",
               task="reinforcement-learning", convert=["--context", str(context)], programs={"model": entry},
               rollout=settings | dict(steps=steps), seed=seed,
               notes="rollout: an episode as the evaluation of transformers' example plays it, with the last context steps, in this"
                     " environment: state'[i] = 0.9 state[(i + 1) mod s] + 0.4 action[i mod a], reward = 150 + 100 sum(action[j] state[j])"
                     f" - 20 sum(action[j]^2). {NOWHERE}")
    return folder


def triangles(config):
    """What versions of transformers before 4.28 stored beside the weights of a GPT-2: its causal mask and the number for the masked."""
    size = config["n_positions"]
    mask = torch.ones(size, size, dtype=torch.uint8).tril()[None, None]
    return {f"encoder.h.{layer}.attn.{name}": value.clone() for layer in range(config["n_layer"])
            for name, value in (("bias", mask), ("masked_bias", torch.tensor(-1e4)))}


CASES["decision-transformer/gym"] = functools.partial(write_decision_transformer, seed=5401, case="gym", lengths=(12, 12))
CASES["decision-transformer/left-padded"] = functools.partial(
    write_decision_transformer, seed=5404, case="left-padded", lengths=(9, 3), config=DECISION | dict(n_head=1),
    notes="Shorter histories stand at the end, behind zeros with attention_mask 0, as in the example of transformers.")
CASES["decision-transformer/max-length"] = functools.partial(
    write_decision_transformer, seed=5411, case="max-length", steps=7, lengths=(7, 4), asked=False, config=DECISION | dict(max_length=7),
    notes="max_length of config.json is the context.")
CASES["decision-transformer/no-tanh"] = functools.partial(
    write_decision_transformer, seed=5422, case="no-tanh", lengths=(12, 8),
    config=DECISION | dict(action_tanh=False, activation_function="gelu_new", layer_norm_epsilon=1e-2, n_inner=None, n_head=4,
                           scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True))
CASES["decision-transformer/one-step"] = functools.partial(
    write_decision_transformer, seed=5432, case="one-step", steps=1, lengths=(1, 1), config=DECISION | dict(state_dim=4, act_dim=1))
CASES["decision-transformer/at-the-limit"] = functools.partial(
    write_decision_transformer, seed=5442, case="at-the-limit", steps=6, lengths=(6, 5), asked=False,
    config=DECISION | dict(n_positions=20),
    notes="20 positions are room for six steps of three tokens, which is less than the usual 20 steps.")
CASES["decision-transformer/old-file"] = functools.partial(
    write_decision_transformer, seed=5451, case="old-file", lengths=(12, 10), storage="bin", dtype=torch.float16,
    extra=triangles(DECISION), notes="With the buffers that old versions of transformers stored.")
CASES["decision-transformer/rollout"] = functools.partial(write_rollout, seed=5461)
