#!/usr/bin/env bash
# tokenizers' NFD does not order marks that are newer than its table: texts that Unicode calls the same stay different.
#
# Library: tokenizers 0.23.3 (PyPI).
# Expectation: NFD of canonically equivalent texts is one text (Unicode, UAX 15), with a table of a recent Unicode: the same package
#   lower-cases letters of Unicode 16 (2024).
# Behaviour: a mark that came after the table's Unicode is no mark to it and stays where it stands, so that two orders of the same two
#   marks stay two texts; nor does it decompose a newer letter. The table is older than Unicode 13 (2020); so a tokenizer that
#   normalises has properties of two versions of Unicode, years apart.
# Output seen:
#   tokenizers 0.23.3
#   U+0315 U+0316 (Unicode 1.1), both orders: one text
#   U+0315 U+1DFA (Unicode 14), both orders: 2 texts
#   U+11938 (Unicode 13): not decomposed
#   U+1C89 (Unicode 16) in lower case: U+1C8A
# For its users: normalise the text before, where that matters, or compare ids, not texts. STORM's tables are asked of it.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q tokenizers==0.23.3
cat >nfd.py <<'P'
import tokenizers
from tokenizers.normalizers import NFD, Lowercase

def texts(a, b):
    got = {NFD().normalize_str("a" + a + b), NFD().normalize_str("a" + b + a)}
    return "one text" if len(got) == 1 else f"{len(got)} texts"

print("tokenizers", tokenizers.__version__)
print("U+0315 U+0316 (Unicode 1.1), both orders:", texts("\u0315", "\u0316"))
print("U+0315 U+1DFA (Unicode 14), both orders:", texts("\u0315", "\u1dfa"))
print("U+11938 (Unicode 13):", "not decomposed" if NFD().normalize_str("\U00011938") == "\U00011938" else "decomposed")
print("U+1C89 (Unicode 16) in lower case: U+%04X" % ord(Lowercase().normalize_str("\u1c89")))
P
seen=$(venv/bin/python nfd.py)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
