#!/usr/bin/env bash
# generate's repetition_penalty of Hugging Face transformers does next to nothing to a likely token once num_beams is above 1.
#
# Library: transformers 5.24.0 with torch 2.13.0 (PyPI).
# Expectation: a processor of logits gets logits, searched with beams or not, so a penalty of 1.3 makes a repeated token as much less
#   likely in beam search as in greedy search: positive logits are divided by it, negative ones multiplied (Keskar et al. 2019).
# Behaviour: with num_beams=1 processors get logits, with num_beams=2 log-probabilities, all of them negative. So under beams the penalty
#   always multiplies log p: a token of probability 0.934 hardly loses anything, where greedy search, by the same setting, makes it
#   lose more than half of its odds.
# Output seen:
#   num_beams=1: some score is positive: True; they are log-probabilities: False
#   num_beams=2: some score is positive: False; they are log-probabilities: True
#   a repeated token of probability 0.934, penalty 1.3: 0.849 of logits, 0.933 of log-probabilities
# For its users: a penalty tuned with greedy search or sampling says nothing of beam search, and tools that penalise logits always (as
#   CTranslate2 does) differ from transformers there.
# Needs Python 3.11 with pip, 6 GB of disk. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv python
python/bin/pip install -q --disable-pip-version-check transformers==5.24.0 torch==2.13.0 >&2
cat >penalty.py <<'PY'
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LogitsProcessor, LogitsProcessorList, RepetitionPenaltyLogitsProcessor

torch.manual_seed(1)
config = GPT2Config(vocab_size=12, n_positions=16, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0)
model = GPT2LMHeadModel(config).eval()
model.transformer.wte.weight.data.mul_(60)  # logits far from zero


class Look(LogitsProcessor):
    def __call__(self, ids, scores):
        self.seen = scores[0].max().item() > 0, abs(scores[0].exp().sum().item() - 1) < 1e-4
        return scores


for beams in (1, 2):
    look = Look()
    model.generate(torch.tensor([[3, 5]]), attention_mask=torch.ones(1, 2, dtype=torch.long), num_beams=beams, do_sample=False,
                   max_new_tokens=1, pad_token_id=0, logits_processor=LogitsProcessorList([look]))
    print(f"num_beams={beams}: some score is positive: {look.seen[0]}; they are log-probabilities: {look.seen[1]}")
said, logits = torch.tensor([[0]]), torch.tensor([[4.0, 1.0, 0.0, -2.0]])
process = RepetitionPenaltyLogitsProcessor(1.3)
of = [process(said, scores).softmax(-1)[0, 0].item() for scores in (logits.clone(), logits.log_softmax(-1))]
print(f"a repeated token of probability {logits.softmax(-1)[0, 0].item():.3f}, penalty 1.3: {of[0]:.3f} of logits, {of[1]:.3f} of log-probabilities")
PY
seen=$(python/bin/python penalty.py 2>/dev/null)
echo "$seen"
diff <(sed -n 's/^#   \(num_beams=.*\|a repeated token .*\)/\1/p' "$script") <(echo "$seen") && echo "as it was found"
