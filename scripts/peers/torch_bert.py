#!/usr/bin/env python3
"""transformers' BertForPreTraining as a peer: how fast it trains, and its losses on batches that it is given.

    torch_bert.py rate --layers 4 --d-model 512 --heads 8 --vocab 30522 --rows 32 --block 128 --steps 5 [--gathered] [--dtype bf16]
    torch_bert.py losses FOLDER batches.safetensors run.tsv --block 128
rate: full rows of random pieces, 15 % of them asked for; dropout 0.1, of attention 0, so that it runs fused. As the model comes, its decoder
reads all rows; --gathered takes those that are asked for out before it, as a careful user would. Prints one line of figures, of the steps after
the first --warm.
losses: what FOLDER's model gives of each batch (scripts/pretraining_batches.cc), with AdamW as STORM's, at the rates of run.tsv, the log of
STORM's training on the same: a line a step, both losses of both, and how far they are apart. 1 where the first ten differ by more than 1e-5,
or any by more than 1 %, relative to the larger. Needs: torch, transformers, safetensors.
"""
import argparse, resource, sys, time
import torch, torch.nn.functional as F
from transformers import BertConfig, BertForPreTraining


def gathered_loss(net, labels, next_label, **batch):
    out = net.bert(**batch)
    rows = labels >= 0
    masked = net.cls.predictions(out.last_hidden_state[rows])
    return F.cross_entropy(masked, labels[rows]) + F.cross_entropy(net.cls.seq_relationship(out.pooler_output), next_label)


def optimizer(net, lr, fused):
    matrices, vectors = ([q for q in net.parameters() if (q.ndim > 1) == m] for m in (True, False))
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.01, fused=fused)


def clip(net, most):
    """As STORM does, without the 1e-6 that torch.nn.utils.clip_grad_norm_ adds."""
    norm = torch.stack([q.grad.double().norm() for q in net.parameters()]).norm()
    if norm > most:
        for q in net.parameters():
            q.grad.mul_((most / norm).float())


def rate(a):
    config = BertConfig(vocab_size=a.vocab, hidden_size=a.d_model, num_hidden_layers=a.layers, num_attention_heads=a.heads, intermediate_size=4 * a.d_model,
                        attention_probs_dropout_prob=0.0)  # fmt: skip
    torch.manual_seed(1)
    net = BertForPreTraining(config).train()
    opt = optimizer(net, 1e-4, True)
    shape, asked = (a.rows, a.block), round(0.15 * (a.block - 3))
    for step in range(a.steps + a.warm):
        ids = torch.randint(5, a.vocab, shape)
        places = torch.rand(shape).argsort(1)[:, :asked]
        labels = torch.full(shape, -100).scatter(1, places, ids.gather(1, places))
        batch = dict(input_ids=ids.scatter(1, places, 4), attention_mask=torch.ones(shape, dtype=torch.long), token_type_ids=(torch.arange(a.block) > a.block // 2).long().expand(shape))
        next_label = torch.randint(0, 2, (a.rows,))
        if step == a.warm: start, cpu = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=a.dtype == "bf16"):
            loss = gathered_loss(net, labels, next_label, **batch) if a.gathered else net(**batch, labels=labels, next_sentence_label=next_label).loss
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        last = loss.item()
    t, tokens = time.perf_counter() - start, a.steps * a.rows * a.block
    print(f"torch {torch.__version__} gathered={int(a.gathered)} {a.dtype} threads={torch.get_num_threads()} params={sum(q.numel() for q in net.parameters())} "
          f"tokens/s={tokens / t:.1f} peak_MiB={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} loss={last:.4f}")


def losses(a):
    from safetensors.torch import load_file
    all_batches = load_file(a.batches)
    net = BertForPreTraining.from_pretrained(a.folder, attn_implementation="eager").train()
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout): module.p = 0.0
    lines = [line.rstrip("\n").split("\t") for line in open(a.log)]
    column = {name: i for i, name in enumerate(lines[0])}
    opt, worst, failed = optimizer(net, 1e-4, False), 0.0, 0
    for step, line in enumerate(lines[1:]):
        ids, offsets, segments, masked = (all_batches[f"{step}.{name}"].long() for name in ("ids", "offsets", "segments", "masked"))
        lengths = offsets.diff().tolist()
        padded = lambda x, fill: torch.nn.utils.rnn.pad_sequence(x.split(lengths), batch_first=True, padding_value=fill)
        batch = dict(input_ids=padded(ids, 0), attention_mask=padded(torch.ones_like(ids), 0), token_type_ids=padded(segments, 0))
        labels, next_label = padded(torch.where(masked < 0, -100, masked), -100), all_batches[f"{step}.next"].long()
        out = net(**batch, labels=labels, next_sentence_label=next_label)
        theirs = F.cross_entropy(out.prediction_logits.flatten(0, 1), labels.flatten()).item(), F.cross_entropy(out.seq_relationship_logits, next_label).item()
        ours = float(line[column["loss_masked"]]), float(line[column["loss_next"]])
        sums = sum(ours), out.loss.item()
        apart = abs(sums[0] - sums[1]) / max(sums)
        failed += not apart <= (1e-5 if step < 10 else 0.01)
        worst = max(worst, apart)
        print(f"step {step + 1}: masked {ours[0]:.6f} and {theirs[0]:.6f}, next {ours[1]:.6f} and {theirs[1]:.6f}, apart by {apart:.1e}")
        for group in opt.param_groups: group["lr"] = float(line[column["lr"]])
        opt.zero_grad()
        out.loss.backward()
        clip(net, 1.0)
        opt.step()
    print(f"{len(lines) - 1} batches: the losses are apart by {worst:.1e} at most; {failed} further than they may")
    sys.exit(1 if failed else 0)


p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
commands = p.add_subparsers(required=True)
for run, names in ((rate, []), (losses, ["folder", "batches", "log"])):
    command = commands.add_parser(run.__name__)
    command.set_defaults(run=run)
    for name in names: command.add_argument(name)
    for flag, value in {"layers": 4, "d-model": 512, "heads": 8, "vocab": 30522, "rows": 32, "block": 128, "steps": 5, "warm": 1, "threads": 2}.items():
        command.add_argument("--" + flag, type=int, default=value)
    command.add_argument("--gathered", action="store_true")
    command.add_argument("--dtype", choices=["f32", "bf16"], default="f32", help="bf16: autocast")
a = p.parse_args()
torch.set_num_threads(a.threads)
a.run(a)
