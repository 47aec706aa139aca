"""What make_golden.py and reference_large.py share: reference numbers of a transformers model for one prompt.

Every number comes from float32 arithmetic with eager attention, the whole sequence in one forward pass without a
cache, so that nothing here depends on how transformers chunks or caches.
"""

import torch


def forward(model, ids):
    """Logits [T, V] in float32."""
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()


def top_two(logits):
    """Per position: the largest logit's id (the lowest on ties), and its distance to the second largest."""
    values = torch.topk(logits, 2, dim=-1).values
    first = (logits == values[:, :1]).int().argmax(dim=-1)
    return first.tolist(), (values[:, 0] - values[:, 1]).tolist()


def significant(values, digits=8):
    """JSON floats; 8 digits hold a float32 to better than its own precision."""
    return [None if value is None else float(f"{value:.{digits}g}") for value in values]


def reference(model, ids, new_tokens):
    """The record of one prompt: see README.md of this folder for the fields."""
    logits = forward(model, ids)
    logprobs = torch.log_softmax(logits, dim=-1)
    argmax, gap = top_two(logits)
    record = {
        "ids": ids,
        "logprobs": [None] + significant([logprobs[i - 1, ids[i]].item() for i in range(1, len(ids))]),
        "argmax": argmax,
        "gap": significant(gap, 4),
        "max_abs_logit": significant([logits.abs().max().item()])[0],
        "logit_std": significant([logits.std(dim=-1).mean().item()])[0],
    }
    if new_tokens == 0:
        return record
    sequence, gaps, chosen = list(ids), [], []
    for _ in range(new_tokens):
        last = forward(model, sequence)[-1:]
        token, distance = top_two(last)
        chosen.append(torch.log_softmax(last, dim=-1)[0, token[0]].item())
        sequence.append(token[0])
        gaps.append(distance[0])
    record["generated"] = sequence[len(ids):]
    record["generated_logprobs"] = significant(chosen)
    record["generated_gap"] = significant(gaps, 4)
    return record
