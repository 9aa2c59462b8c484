#!/usr/bin/env bash
# tokenizers' WordPieceTrainer learns another vocabulary each time, from the same text in the same process.
#
# Library: tokenizers 0.23.3 (PyPI).
# Expectation: training counts, and orders what it counted ("sorted for determinism", its BPE trainer says of the alphabet), so the
#   same text and settings give the same pieces and ids, as its BpeTrainer does for byte-level BPE.
# Behaviour: a piece "##x" of a character gets its id when the first word with it is looked at, and words come in the order of a hash
#   table with random keys. So ids differ from run to run; and since of pairs that are equally frequent the one with the lower
#   ids is merged first, so do, on a text with such pairs, the pieces.
# Output seen:
#   tokenizers 0.23.3
#   BpeTrainer, byte-level, 5 runs: 1 vocabulary
#   WordPieceTrainer, 5 runs: more than 1 vocabulary, more than 1 set of pieces
# For its users: keep the file that was learnt; a model does not fit one that is learnt again.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q tokenizers==0.23.3
cat >train.py <<'P'
import random
import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

letters = random.Random(5)
text = [" ".join("".join(letters.choice("abcdefghij") for _ in range(letters.randrange(2, 9))) for _ in range(8)) for _ in range(100)]

def learnt(kind):
    if kind == "bytes":
        t = Tokenizer(models.BPE())
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False)
    else:
        t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        t.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False)
    t.train_from_iterator(text, trainer)
    return frozenset(t.get_vocab().items())

def count(sets):
    return "1" if len(set(sets)) == 1 else "more than 1"

print("tokenizers", tokenizers.__version__)
print("BpeTrainer, byte-level, 5 runs:", count(learnt("bytes") for _ in range(5)), "vocabulary")
runs = [learnt("words") for _ in range(5)]
pieces = [frozenset(piece for piece, _ in run) for run in runs]
print("WordPieceTrainer, 5 runs:", count(runs), "vocabulary,", count(pieces), "set of pieces")
P
seen=$(venv/bin/python train.py)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
