#!/usr/bin/env python3
"""The PyTorch peer of training language models: GPT (pre-norm, learned positions, GELU by tanh, tied output) with fused causal
attention, or nn.LSTM with a tied output, whose state goes on from block to block of parallel streams.

    torch_lm.py --ids text.ids --vocab 8000 --arch gpt --layers 6 --d-model 384 --heads 6 --block 256 --rows 16 --steps 5
    torch_lm.py --ids text.ids --vocab 33278 --arch lstm --layers 2 --d-model 650 --block 35 --rows 20 --dropout 0.5
text.ids: a line of ids for each line of text, as tokenize --output ids prints them; they are read as one running text, with EOS (3) after
each line. A batch is --rows blocks of --block tokens to predict: of gpt anywhere in the text, of lstm a stream of it each.
Dropout is that of embeddings, sublayers (gpt) or layers (lstm); attention has none, so that it runs fused. AdamW, gradients clipped.
Batches are made before the clock starts. Prints one line of figures, of the steps after the first --warm. Needs: torch, numpy.
"""
import argparse, resource, time
import numpy as np, torch, torch.nn.functional as F
from torch import nn

EOS = 3


class Block(nn.Module):
    def __init__(s, d, h, p):
        super().__init__()
        s.h, s.norms, s.drop = h, nn.ModuleList(nn.LayerNorm(d) for _ in range(2)), nn.Dropout(p)
        s.qkv, s.o, s.up, s.down = nn.Linear(d, 3 * d), nn.Linear(d, d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(s, x):
        B, T, D = x.shape
        q, k, v = s.qkv(s.norms[0](x)).view(B, T, 3, s.h, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + s.drop(s.o(y.transpose(1, 2).reshape(B, T, D)))
        return x + s.drop(s.down(F.gelu(s.up(s.norms[1](x)), approximate="tanh")))


class Gpt(nn.Module):
    def __init__(s, a):
        super().__init__()
        s.embed, s.pos = nn.Embedding(a.vocab, a.d_model), nn.Embedding(a.positions, a.d_model)
        s.layers = nn.ModuleList(Block(a.d_model, a.heads, a.dropout) for _ in range(a.layers))
        s.norm, s.drop = nn.LayerNorm(a.d_model), nn.Dropout(a.dropout)

    def forward(s, x, state):
        y = s.drop(s.embed(x) + s.pos.weight[: x.shape[1]])
        for layer in s.layers:
            y = layer(y)
        return F.linear(s.norm(y), s.embed.weight), state


class Lstm(nn.Module):
    def __init__(s, a):
        super().__init__()
        s.embed, s.drop = nn.Embedding(a.vocab, a.d_model), nn.Dropout(a.dropout)
        s.lstm = nn.LSTM(a.d_model, a.d_model, a.layers, batch_first=True, dropout=a.dropout)
        s.bias = nn.Parameter(torch.zeros(a.vocab))

    def forward(s, x, state):
        y, state = s.lstm(s.drop(s.embed(x)), state)
        return F.linear(s.drop(y), s.embed.weight, s.bias), state


def batches(ids, a, count):
    """count pairs of inputs and targets, each [rows, block]."""
    if a.arch == "gpt":
        starts = np.random.default_rng(1).integers(0, len(ids) - a.block - 1, (count, a.rows))
    else:
        length = (len(ids) - 1) // a.rows
        places = np.arange(count)[:, None] * a.block % (length - a.block)
        starts = places + np.arange(a.rows) * length
    at = starts[..., None] + np.arange(a.block)
    return [(torch.from_numpy(ids[p]), torch.from_numpy(ids[p + 1])) for p in at]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--ids", required=True); p.add_argument("--vocab", type=int, required=True)
    p.add_argument("--arch", choices=["gpt", "lstm"], default="gpt")
    for flag, value in {"layers": 12, "d-model": 768, "heads": 12, "positions": 1024, "block": 256, "rows": 4, "steps": 5, "warm": 1, "threads": 0}.items():
        p.add_argument("--" + flag, type=int, default=value)
    p.add_argument("--dropout", type=float, default=0.1)
    p.add_argument("--decay", type=float, default=0.1, help="weight decay of matrices"); p.add_argument("--clip", type=float, default=1.0)
    p.add_argument("--dtype", choices=["f32", "bf16"], default="f32", help="bf16: autocast"); p.add_argument("--compile", action="store_true")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    lines = open(a.ids, encoding="utf-8").read().splitlines()
    ids = np.array([i for line in lines for i in (*map(int, line.split()), EOS)], np.int64)
    net = {"gpt": Gpt, "lstm": Lstm}[a.arch](a)
    for q in net.parameters():
        if q.ndim > 1:
            nn.init.normal_(q, std=0.02)
    matrices, vectors = ([q for q in net.parameters() if (q.ndim > 1) == m] for m in (True, False))
    opt = torch.optim.AdamW([{"params": matrices}, {"params": vectors, "weight_decay": 0.0}], lr=1e-4, betas=(0.9, 0.98), eps=1e-9,
                            weight_decay=a.decay, fused=True)

    def loss_of(x, y, state):
        logits, state = net(x, state)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten()), state

    run, state = torch.compile(loss_of) if a.compile else loss_of, None
    todo = batches(ids, a, a.steps + a.warm)
    for step, (x, y) in enumerate(todo):
        if step == a.warm:
            start, cpu = time.perf_counter(), time.process_time()
        if state is not None:
            state = tuple(s.detach() for s in state)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.dtype == "bf16"):
            loss, state = run(x, y, state)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), a.clip)
        opt.step()
        last = loss.item()
    t, cpu = time.perf_counter() - start, time.process_time() - cpu
    tokens = a.steps * a.rows * a.block
    print(f"torch {torch.__version__} {a.arch} {a.dtype} compile={int(a.compile)} threads={torch.get_num_threads()} "
          f"params={sum(q.numel() for q in net.parameters())} target_tokens/s={tokens / t:.1f} target_tokens/cpu_s={tokens / cpu:.1f} "
          f"peak_MiB={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} loss={last:.4f}")


if __name__ == "__main__":
    main()
