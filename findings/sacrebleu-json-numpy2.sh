#!/usr/bin/env bash
# sacreBLEU cannot print a paired bootstrap of chrF or TER as JSON where NumPy is 2.
#
# Library: sacreBLEU 2.6.0 (PyPI), which asks for any numpy; NumPy 2.3.5 and 1.26.4.
# Expectation: -f json, which is the default for a single system, prints any test's results; the version of NumPy changes nothing.
# Behaviour: with NumPy 2.3.5 --paired-bs of BLEU prints JSON, of chrF and of TER it computes everything and then ends with
#   a TypeError. With 1.26.4 all three print. Scores are float32 there, which NumPy 1 widened in arithmetic with a Python float
#   and NumPy 2 does not (its NEP 50), and Python's json knows float64 alone, as a subclass of float.
# Output seen:
#   numpy 1.26.4 bleu: JSON of 2 systems
#   numpy 1.26.4 chrf: JSON of 2 systems
#   numpy 1.26.4 ter: JSON of 2 systems
#   numpy 2.3.5 bleu: JSON of 2 systems
#   numpy 2.3.5 chrf: TypeError: Object of type float32 is not JSON serializable
#   numpy 2.3.5 ter: TypeError: Object of type float32 is not JSON serializable
# For its users: -f text or latex prints all of them.
# Needs Python 3.11 with pip. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv python
printf 'a cat sat there\nthe dog ran\n' >reference
printf 'a cat sits there\na dog ran\n' >one
printf 'a cat sat here\nthe dog runs\n' >other
seen=$(for numpy in 1.26.4 2.3.5; do
  python/bin/pip install -q --disable-pip-version-check sacrebleu==2.6.0 numpy==$numpy >&2
  for metric in bleu chrf ter; do
    if python/bin/sacrebleu reference -i one other -m $metric --paired-bs --paired-bs-n 50 -f json >out 2>err; then
      says="JSON of $(python/bin/python -c 'import json; print(len(json.load(open("out"))))') systems"
    else
      says=$(tail -n 1 err)
    fi
    echo "numpy $numpy $metric: $says"
  done
done)
echo "$seen"
diff <(sed -n 's/^#   \(numpy .*\)/\1/p' "$script") <(echo "$seen") && echo "as it was found"
