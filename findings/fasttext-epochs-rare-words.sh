#!/usr/bin/env bash
# An epoch of fastText is longer than the text where the text has words below minCount: with 90 % of them, ten times.
#
# Library: fasttext-wheel 0.9.2 (PyPI), which is fastText 0.9.2.
# Expectation: epoch=1 goes over the text once, as gensim's epochs and word2vec.c's do; words below minCount are left out, so that a text
#   with many of them takes less time and learns no more than the same text without them.
# Behaviour: the length of an epoch is the count of all the text's tokens, while the training counts only those that it knows, and goes on,
#   from the text's begin again, until it has counted as many. So the text is gone over as often as known tokens go into all tokens, for
#   each epoch; the rate of learning falls over all of it.
# Output seen: a text of 9 words a line, and the same with 90 more a line that all occur once; one thread, minCount=5:
#   the text with rare words, 1 epoch, has the vectors of the text without them, 1 epoch: no
#   the text with rare words, 1 epoch, has the vectors of the text without them, 10 epochs: yes
# For its users: a run makes epoch * (all tokens) / (known tokens) passes, each line's end being a token; so does its time.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check fasttext-wheel==0.9.2 numpy==2.4.6
cat >epochs.py <<'P'
import random
import fasttext

# All counts differ: words of equal counts come in an order that the rare ones change, too.
words = [f"w{i}" for i in range(50)]
text = [w for i, w in enumerate(words) for _ in range(100 + 4 * i)]
random.Random(1).shuffle(text)
with open("known", "w") as known, open("rare", "w") as rare:
    for i in range(0, len(text), 9):
        line = text[i : i + 9]
        known.write(" ".join(line) + "\n")
        rare.write(" ".join(line + [f"rare{i * 10 + k}" for k in range(90)]) + "\n")


def vectors(file, epochs):
    model = fasttext.train_unsupervised(file, epoch=epochs, minCount=5, dim=10, maxn=0, bucket=0, t=1, thread=1, verbose=0)
    return [model.get_word_vector(w).tolist() for w in words]


for epochs in (1, 10):
    same = vectors("rare", 1) == vectors("known", epochs)
    print(f"the text with rare words, 1 epoch, has the vectors of the text without them, {epochs} epoch{'s' * (epochs > 1)}: {'yes' if same else 'no'}")
P
seen=$(venv/bin/python epochs.py)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
