#!/usr/bin/env bash
# An untied BertForMaskedLM of transformers 5 saves the bias of its output layer twice, and the one that has the documented name does nothing.
#
# Library: transformers 5.24.0 with torch 2.13.0 (PyPI).
# Expectation: cls.predictions.bias is added to the logits, as in BERT's own code (output_bias) and in a tied model, where it is the only one in the
#   file; cls.predictions.decoder is a product without a bias of its own.
# Behaviour: with tie_word_embeddings=False the file has cls.predictions.bias and cls.predictions.decoder.bias. Only the second reaches the logits. Whoever
#   reads or edits the first, to convert a model or to set priors, changes nothing and is told nothing.
# Output seen:
#   tied: saved cls.predictions.bias
#   tied: logits moved by cls.predictions.bias +1: 1.0
#   untied: saved cls.predictions.bias cls.predictions.decoder.bias
#   untied: logits moved by cls.predictions.bias +1: 0.0
#   untied: logits moved by cls.predictions.decoder.bias +1: 1.0
# For its users: read cls.predictions.decoder.bias where a file has it and tie_word_embeddings is false.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q torch==2.13.0 transformers==5.24.0 safetensors==0.8.0 numpy
cat >bias.py <<'P'
import safetensors.torch
import torch
import transformers

for tied in (True, False):
    name = "tied" if tied else "untied"
    torch.manual_seed(1)
    config = transformers.BertConfig(vocab_size=30, hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=20, tie_word_embeddings=tied)
    transformers.BertForMaskedLM(config).save_pretrained(name)
    file = name + "/model.safetensors"
    saved = safetensors.torch.load_file(file)
    biases = sorted(k for k in saved if k in ("cls.predictions.bias", "cls.predictions.decoder.bias"))
    print(f"{name}: saved {' '.join(biases)}")
    ids = torch.tensor([[1, 2, 3]])

    def logits():
        return transformers.BertForMaskedLM.from_pretrained(name).eval()(ids).logits

    before = logits()
    for bias in biases:
        safetensors.torch.save_file(saved | {bias: saved[bias] + 1}, file, metadata={"format": "pt"})
        print(f"{name}: logits moved by {bias} +1: {(logits() - before).mean().item():.1f}")
P
seen=$(venv/bin/python bias.py 2>/dev/null)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
