#!/usr/bin/env python3
"""The PyTorch peer of the recurrent models: nn.LSTM encoder and decoder on packed sequences and Luong's general attention, trained
on the same batches as torch_transformer.py's (which see). Prints one line of figures.
    torch_rnn.py --spm spm.model --src train.en --tgt train.de --layers 2 --d-model 256 --steps 30
"""
import argparse, itertools, resource, time
import numpy as np, sentencepiece, torch, torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch_transformer import BOS, EOS, PAD, batches


class Rnn(nn.Module):
    def __init__(s, vocab, layers, d, p):
        super().__init__()
        s.d, s.drop = d, nn.Dropout(p)
        s.embed = nn.Embedding(vocab, d, padding_idx=PAD)
        nn.init.normal_(s.embed.weight, std=d**-0.5)
        s.enc, s.dec = (nn.LSTM(d, d, layers, batch_first=True, dropout=p) for _ in range(2))
        s.bridge = nn.ModuleList(nn.Linear(d, d) for _ in range(2 * layers))
        s.keys, s.out = nn.Linear(d, d, bias=False), nn.Linear(2 * d, d)

    def run(s, layers, ids, start=None):
        packed = pack_padded_sequence(s.drop(s.embed(ids) * s.d**0.5), (ids != PAD).sum(1), batch_first=True, enforce_sorted=False)
        y, state = layers(packed, start)
        return pad_packed_sequence(y, batch_first=True)[0], state

    def forward(s, src, tgt):
        memory, state = s.run(s.enc, src)
        bridge = iter(s.bridge)
        start = tuple(torch.stack([torch.tanh(next(bridge)(v)) for v in of]) for of in state)
        y, _ = s.run(s.dec, tgt, start)
        scores = (y @ s.keys(memory).transpose(1, 2)).masked_fill((src == PAD)[:, None], -torch.inf)
        y = torch.tanh(s.out(torch.cat([scores.softmax(-1) @ memory, y], -1)))
        return s.drop(y) @ s.embed.weight.T


def main():
    p = argparse.ArgumentParser()
    for flag in ("--spm", "--src", "--tgt"):
        p.add_argument(flag, required=True)
    for flag, value in (("layers", 2), ("d-model", 256), ("max-tokens", 4096), ("steps", 30), ("warm", 5), ("threads", 0)):
        p.add_argument("--" + flag, type=int, default=value)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    sp = sentencepiece.SentencePieceProcessor(model_file=a.spm)
    read = lambda path: [[*ids, EOS] for ids in sp.encode(open(path, encoding="utf-8").read().removesuffix("\n").split("\n"))]
    src, tgt, rng = read(a.src), read(a.tgt), np.random.default_rng(1)
    net = Rnn(sp.get_piece_size(), a.layers, a.d_model, 0.2)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-9, fused=True)
    todo = []  # every batch of the run, built before the clock starts
    while len(todo) < a.steps + a.warm:
        todo += itertools.islice(batches(src, tgt, a.max_tokens, rng), a.steps + a.warm - len(todo))
    for step, (x, y_in, y) in enumerate(todo):
        if step == a.warm:
            start, cpu = time.perf_counter(), time.process_time()
        loss = F.cross_entropy(net(x, y_in).flatten(0, 1), y.flatten(), ignore_index=PAD, label_smoothing=0.1)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        opt.step()
    t, cpu = time.perf_counter() - start, time.process_time() - cpu
    tokens = sum(int((b[2] != PAD).sum()) for b in todo[a.warm:])
    print(f"torch {torch.__version__} rnn threads={torch.get_num_threads()} params={sum(q.numel() for q in net.parameters())} "
          f"target_tokens/s={tokens / t:.0f} target_tokens/cpu_s={tokens / cpu:.0f} "
          f"peak_MiB={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} loss={loss.item():.4f}")


main()
