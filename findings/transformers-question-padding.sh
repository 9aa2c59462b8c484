#!/usr/bin/env bash
# The loss of transformers' ForQuestionAnswering depends on how far a batch was padded: its softmax runs over padding, too.
#
# Library: transformers 5.24.0 with torch 2.13.0 (PyPI).
# Expectation: attention_mask says what is padding, so that a row's loss and its probabilities are the same whatever rows it is batched with, as they
#   are of ForSequenceClassification, and of ForTokenClassification with labels of -100 there.
# Behaviour: start_logits and end_logits of padded places are ordinary numbers, and cross-entropy counts them: the more padding, the larger the loss and the
#   smaller the probability of every real place. Training by it teaches the model to say less of padding; losses of two batch sizes cannot be compared.
# Output seen:
#   0 tokens of padding: answer's loss 2.066, probability on padding 0.00; tagger's loss 1.094
#   8 tokens of padding: answer's loss 2.746, probability on padding 0.50; tagger's loss 1.094
#   56 tokens of padding: answer's loss 4.124, probability on padding 0.87; tagger's loss 1.094
# For its users: set the logits of padding to -inf before the loss, or pass rows of one length together.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q torch==2.13.0 transformers==5.24.0 numpy
cat >pad.py <<'P'
import torch
import transformers

torch.manual_seed(1)
config = dict(vocab_size=30, hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=20, hidden_dropout_prob=0, attention_probs_dropout_prob=0)
bert = transformers.BertForQuestionAnswering(transformers.BertConfig(**config)).eval()
tagger = transformers.BertForTokenClassification(transformers.BertConfig(**config, num_labels=3)).eval()
text = [2, 9, 11, 3, 14, 15, 16, 3]
for padding in (0, 8, 56):
    ids = torch.tensor([text + [0] * padding])
    mask = (torch.arange(ids.shape[1]) < len(text)).long()[None]
    with torch.no_grad():
        answer = bert(ids, attention_mask=mask, start_positions=torch.tensor([4]), end_positions=torch.tensor([5]))
        labels = torch.where(mask.bool(), 1, -100)
        tags = tagger(ids, attention_mask=mask, labels=labels).loss
    start = answer.start_logits.softmax(1)[0]
    print(f"{padding} tokens of padding: answer's loss {answer.loss:.3f}, probability on padding {start[len(text):].sum():.2f}; tagger's loss {tags:.3f}")
P
seen=$(venv/bin/python pad.py 2>/dev/null)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
