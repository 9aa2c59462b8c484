#!/usr/bin/env bash
# With corpus_file, each of gensim's workers begins its part of the text at the rate of learning that an epoch begins with.
#
# Library: gensim 4.4.0 (PyPI).
# Expectation: the rate falls from alpha to min_alpha over the training, so what is in the middle of the text is learnt at the middle of
#   the rate, from corpus_file as from sentences and with any number of workers, as in word2vec.c, whose threads share one count.
# Behaviour: with corpus_file a worker counts the lines that it has read itself in this epoch, and takes their share of all the text's
#   lines for the epoch's progress. With W workers that ends at 1/W: the rate falls by a W-th of what it should, and all jump back to
#   it at the epoch's begin. One epoch of eight workers is learnt at 0.022 to 0.025, 1.85 times as much in all, and never ends at
#   min_alpha. From sentences the rate is one for all workers.
# Output seen, one epoch, alpha 0.025; the rate at which a pair of words in the midst of each tenth of the text is learnt, and all ten
# rates' sum:
#   sentences, 1 worker: 0.0240 0.0215 0.0190 0.0165 0.0140 0.0115 0.0089 0.0064 0.0039 0.0014, in all 0.127
#   sentences, 8 workers: 0.0240 0.0215 0.0190 0.0165 0.0140 0.0115 0.0089 0.0064 0.0039 0.0014, in all 0.127
#   corpus_file, 1 worker: 0.0243 0.0217 0.0192 0.0167 0.0141 0.0116 0.0090 0.0065 0.0039 0.0014, in all 0.128
#   corpus_file, 2 workers: 0.0243 0.0217 0.0192 0.0167 0.0141 0.0243 0.0217 0.0192 0.0167 0.0141, in all 0.192
#   corpus_file, 8 workers: 0.0243 0.0248 0.0222 0.0230 0.0235 0.0243 0.0248 0.0222 0.0230 0.0235, in all 0.236
# For its users: a comparison from corpus_file is one of equal rates with one worker only; with more, the more epochs, the less it matters.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check gensim==4.4.0 numpy==2.4.6 scipy==1.17.1
cat >rate.py <<'P'
# A target's output vector gains rate / 2 of its context's vector, as long as both are short. So contexts are fixed: of each pair the first
# word is short and alone in its dimension, all others are zero.
import numpy
from gensim.models import Word2Vec

TENTHS, LINES = 10, 1000
with open("text", "w") as text:
    for tenth in range(TENTHS):
        for line in range(LINES):
            if line == LINES // 2:
                text.write(f"first{tenth} second{tenth}\n")
            text.write("other " * 99 + "other\n")
lists = [line.split() for line in open("text")]


def rates(corpus, workers):
    model = Word2Vec(vector_size=TENTHS, sg=1, sample=0, min_count=1, workers=workers, alpha=0.025)
    model.build_vocab(**corpus)
    row = model.wv.key_to_index
    model.wv.vectors[:] = 0
    for tenth in range(TENTHS):
        model.wv.vectors[row[f"first{tenth}"], tenth] = 0.01
    model.wv.vectors_lockf = numpy.zeros(1, numpy.float32)
    model.train(**corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=1)
    return [model.syn1neg[row[f"second{tenth}"], tenth] / 0.01 * 2 for tenth in range(TENTHS)]


for name, corpus, counts in ("sentences", {"corpus_iterable": lists}, (1, 8)), ("corpus_file", {"corpus_file": "text"}, (1, 2, 8)):
    for workers in counts:
        found = rates(corpus, workers)
        print(f"{name}, {workers} worker{'s' * (workers > 1)}:", *(f"{r:.4f}" for r in found[:-1]), f"{found[-1]:.4f}, in all {sum(found):.3f}")
P
seen=$(venv/bin/python rate.py)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
