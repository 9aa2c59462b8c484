#!/usr/bin/env bash
# transformers 5 makes RoBERTa's <mask> from vocab.json and merges.txt another token than version 4 did: the space before it stays.
#
# Library: transformers 5.24.0 with tokenizers 0.23.3 (PyPI), beside transformers 4.57.1 with tokenizers 0.22.1.
# Expectation: <mask> takes the space before it along (lstrip), as RoBERTa's tokenizer.json on the hub says and as the fast tokenizer
#   of version 4 sets it up: "a <mask>" is two tokens, since the model was trained with the mask in place of " word".
# Behaviour: RobertaTokenizer of version 5, made from the two files, adds <mask> without lstrip, says so in the tokenizer.json that it
#   saves, and cuts "a <mask>" into three: one is a lone space that the model never saw before a mask.
# Output seen:
#   transformers 4.57.1: a <mask> -> a| <mask>, lstrip True
#   transformers 5.24.0: a <mask> -> a|Ġ|<mask>, lstrip False
# For its users: load a tokenizer.json that version 4 or the model's maker wrote, or add the token as AddedToken("<mask>", lstrip=True).
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv old
python3 -m venv new
old/bin/pip install -q transformers==4.57.1 tokenizers==0.22.1
new/bin/pip install -q transformers==5.24.0 tokenizers==0.23.3
cat >mask.py <<'P'
import json
import os
import sys

import transformers
from tokenizers import pre_tokenizers

os.makedirs("roberta", exist_ok=True)
pieces = ["<s>", "<pad>", "</s>", "<unk>"] + sorted(pre_tokenizers.ByteLevel.alphabet()) + ["<mask>"]
json.dump({piece: i for i, piece in enumerate(pieces)}, open("roberta/vocab.json", "w"))
open("roberta/merges.txt", "w").write("#version: 0.2\n")
json.dump({"model_type": "roberta"}, open("roberta/config.json", "w"))
kind = getattr(transformers, "RobertaTokenizerFast", transformers.RobertaTokenizer)
tokenizer = kind.from_pretrained("roberta")
tokenizer.save_pretrained("saved")
added = json.load(open("saved/tokenizer.json"))["added_tokens"]
lstrip = next(token["lstrip"] for token in added if token["content"] == "<mask>")
print(f"transformers {transformers.__version__}: a <mask> -> {'|'.join(tokenizer.tokenize('a <mask>'))}, lstrip {lstrip}")
P
seen=$(for python in old new; do rm -rf roberta saved; $python/bin/python mask.py 2>/dev/null; done)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
