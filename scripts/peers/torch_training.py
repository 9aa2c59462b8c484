"""The training loop of the PyTorch peers beside the Transformer's: its flags, batches and figures. Imported by torch_rnn.py and
torch_convs2s.py."""
import argparse, itertools, resource, time
import numpy as np, sentencepiece, torch, torch.nn.functional as F
from torch import nn
from torch_transformer import BOS, EOS, PAD, batches


def run(make, name, clip_norm=None, **flags):
    """Trains make(vocabulary size, arguments) and prints one line of figures. flags: further ones, with their defaults."""
    p = argparse.ArgumentParser()
    for flag in ("--spm", "--src", "--tgt"):
        p.add_argument(flag, required=True)
    flags = {"max_tokens": 4096, "steps": 30, "warm": 5, "threads": 0, "lr": 1e-3, **flags}
    for flag, value in flags.items():
        p.add_argument("--" + flag.replace("_", "-"), type=type(value), default=value)
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    sp = sentencepiece.SentencePieceProcessor(model_file=a.spm)
    assert (sp.pad_id(), sp.unk_id(), sp.bos_id(), sp.eos_id()) == (PAD, 1, BOS, EOS), "the model needs pad 0, unk 1, bos 2, eos 3"
    read = lambda path: [[*ids, EOS] for ids in sp.encode(open(path, encoding="utf-8").read().removesuffix("\n").split("\n"))]
    src, tgt, rng = read(a.src), read(a.tgt), np.random.default_rng(1)
    net = make(sp.get_piece_size(), a)
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
        if clip_norm:
            nn.utils.clip_grad_norm_(net.parameters(), clip_norm)
        opt.step()
    t, cpu = time.perf_counter() - start, time.process_time() - cpu
    tokens = sum(int((b[2] != PAD).sum()) for b in todo[a.warm :])
    print(f"torch {torch.__version__} {name} threads={torch.get_num_threads()} params={sum(q.numel() for q in net.parameters())} "
          f"target_tokens/s={tokens / t:.0f} target_tokens/cpu_s={tokens / cpu:.0f} "
          f"peak_MiB={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} loss={loss.item():.4f}")
