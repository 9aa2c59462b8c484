#!/usr/bin/env python3
"""The PyTorch peer of ConvS2S: the same model in PyTorch's own modules (nn.Conv1d, F.glu, weight_norm), trained on the same batches.

Batches are padded, built before the clock starts, and masked where a convolution would see padding, as fairseq does. Target tokens
include </s>. Prints one line of figures. Needs: torch, sentencepiece, numpy.
    torch_convs2s.py --spm spm.model --src train.en --tgt train.de --steps 50
"""
import argparse, itertools, math, resource, time
import numpy as np, sentencepiece, torch, torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch_transformer import BOS, EOS, PAD, batches

PRESETS = {"convs2s-tiny": (6, 128, 3, 128, 0.2)}  # layers, width, kernel, d_model, dropout
HALF = math.sqrt(0.5)


def dense(i, o, share=1.0):
    layer = nn.Linear(i, o)
    nn.init.normal_(layer.weight, std=math.sqrt(share / i))
    nn.init.zeros_(layer.bias)
    return weight_norm(layer)


class ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.scale, None


class Stack(nn.Module):
    def __init__(s, layers, width, kernel, d, drop, decoder):
        super().__init__()
        s.decoder, s.kernel, s.drop = decoder, kernel, nn.Dropout(drop)
        s.enter, s.leave = dense(d, width, 1 - drop), dense(width, d)
        s.convs = nn.ModuleList()
        for _ in range(layers):
            conv = nn.Conv1d(width, 2 * width, kernel, padding=0 if decoder else kernel // 2)
            nn.init.normal_(conv.weight, std=math.sqrt(4 * (1 - drop) / (kernel * width)))
            nn.init.zeros_(conv.bias)
            s.convs.append(weight_norm(conv))
        if decoder:
            s.query = nn.ModuleList(dense(width, d) for _ in range(layers))
            s.found = nn.ModuleList(dense(d, width) for _ in range(layers))

    def forward(s, e, live=None, memory=None):
        """e: [B, T, d]; live: [B, T, 1], where there are tokens; -> [B, T, d]"""
        x = s.enter(e)
        for i, conv in enumerate(s.convs):
            y = s.drop(x if live is None else x * live).transpose(1, 2)
            y = F.glu(conv(F.pad(y, (s.kernel - 1, 0)) if s.decoder else y), 1).transpose(1, 2)
            if s.decoder:
                keys, values, mask, scale = memory
                scores = ((s.query[i](y) + e) * HALF @ keys.transpose(1, 2)).masked_fill(mask, -math.inf)
                y = (s.found[i](scores.softmax(-1) @ values * scale) + y) * HALF
            x = (y + x) * HALF
        return s.leave(x)


class ConvS2S(nn.Module):
    def __init__(s, vocab, layers, width, kernel, d, drop):
        super().__init__()
        s.drop, s.layers = nn.Dropout(drop), layers
        s.embed, s.source_pos, s.target_pos = nn.Embedding(vocab, d), nn.Embedding(512, d), nn.Embedding(512, d)
        for table in (s.embed, s.source_pos, s.target_pos):
            nn.init.normal_(table.weight, std=0.1)
        s.encoder = Stack(layers, width, kernel, d, drop, False)
        s.decoder = Stack(layers, width, kernel, d, drop, True)
        s.output = nn.Linear(d, vocab)
        s.output.weight = s.embed.weight

    def forward(s, src, tgt):
        live = (src != PAD)[:, :, None].float()
        e = s.drop(s.embed(src) + s.source_pos.weight[: src.shape[1]])
        z = ScaleGradient.apply(s.encoder(e, live), 1 / (2 * s.layers))
        scale = live.sum(1, keepdim=True).sqrt()
        y = s.drop(s.embed(tgt) + s.target_pos.weight[: tgt.shape[1]])
        return s.output(s.drop(s.decoder(y, None, (z, (z + e) * HALF, (src == PAD)[:, None, :], scale))))


def main():
    p = argparse.ArgumentParser()
    for flag in ("--spm", "--src", "--tgt"):
        p.add_argument(flag, required=True)
    p.add_argument("--preset", choices=PRESETS, default="convs2s-tiny")
    p.add_argument("--max-tokens", type=int, default=4096)
    p.add_argument("--steps", type=int, default=30)
    p.add_argument("--warm", type=int, default=5, help="steps that are not timed")
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--lr", type=float, default=0.002)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    sp = sentencepiece.SentencePieceProcessor(model_file=a.spm)
    assert (sp.pad_id(), sp.unk_id(), sp.bos_id(), sp.eos_id()) == (PAD, 1, BOS, EOS), "the model needs pad 0, unk 1, bos 2, eos 3"
    read = lambda path: [[*ids, EOS] for ids in sp.encode(open(path, encoding="utf-8").read().removesuffix("\n").split("\n"))]
    src, tgt, rng = read(a.src), read(a.tgt), np.random.default_rng(a.seed)
    net = ConvS2S(sp.get_piece_size(), *PRESETS[a.preset])
    opt = torch.optim.Adam(net.parameters(), lr=a.lr, betas=(0.9, 0.98), eps=1e-9, fused=True)
    todo = []  # every batch of the run, built before the clock starts
    while len(todo) < a.steps + a.warm:
        todo += itertools.islice(batches(src, tgt, a.max_tokens, rng), a.steps + a.warm - len(todo))
    for step, (x, y_in, y) in enumerate(todo):
        if step == a.warm:
            start, cpu = time.perf_counter(), time.process_time()
        loss = F.cross_entropy(net(x, y_in).flatten(0, 1), y.flatten(), ignore_index=PAD, label_smoothing=0.1)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
    t, cpu = time.perf_counter() - start, time.process_time() - cpu
    tokens = sum(int((b[2] != PAD).sum()) for b in todo[a.warm :])
    print(f"torch {torch.__version__} {a.preset} threads={torch.get_num_threads()} params={sum(q.numel() for q in net.parameters())} "
          f"target_tokens/s={tokens / t:.0f} target_tokens/cpu_s={tokens / cpu:.0f} "
          f"peak_MiB={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} loss={loss.item():.4f}")


main()
