#!/usr/bin/env bash
# With corpus_file and several workers, gensim leaves out some of the text, trains other of it twice, and counts as if it had trained all.
#
# Library: gensim 4.4.0 (PyPI).
# Expectation: corpus_file is the same training as sentences, faster: each epoch goes once over each line, with any number of workers.
# Behaviour: worker i begins at i/W of the file's bytes and ends when it has read a W-th of the text's words, or at the end of the
#   file. Where words are long, a worker runs on into the next one's part; where they are short, it ends before its part does, and what
#   is left is in no part, in every epoch. train() returns no fewer words than the text has, since what was read twice counts twice.
#   A text in two languages, or of prose after lists, has such parts. word2vec.c splits a file in the same way.
# Output seen: a text of 20,000 words of 49 letters, then 500,000 of 2, the last fifth of which are ten words of their own:
#   sentences, 2 workers: 1.00 of the text's words were read; 10 of the 10 last words have learnt
#   corpus_file, 1 worker: 1.00 of the text's words were read; 10 of the 10 last words have learnt
#   corpus_file, 2 workers: 1.02 of the text's words were read; 0 of the 10 last words have learnt
# For its users: shuffle the lines, or use one worker where words of the file's parts differ in length.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check gensim==4.4.0 numpy==2.4.6 scipy==1.17.1
cat >parts.py <<'P'
import random
from gensim.models import Word2Vec

draw = random.Random(1)
with open("text", "w") as text:
    for _ in range(2000):
        text.write(" ".join(str(draw.randrange(500)).rjust(49, "x") for _ in range(10)) + "\n")
    for part in "abcde":
        for _ in range(10000):
            text.write(" ".join(part + str(draw.randrange(10)) for _ in range(10)) + "\n")
lists = [line.split() for line in open("text")]
file, sentences = {"corpus_file": "text"}, {"corpus_iterable": lists}
for name, corpus, workers in ("sentences", sentences, 2), ("corpus_file", file, 1), ("corpus_file", file, 2):
    model = Word2Vec(vector_size=10, sg=1, sample=0, min_count=1, workers=workers)
    model.build_vocab(**corpus)
    before = model.wv.vectors.copy()
    _, words = model.train(**corpus, total_examples=model.corpus_count, total_words=model.corpus_total_words, epochs=2)
    last = [model.wv.key_to_index[f"e{i}"] for i in range(10)]
    learnt = (model.wv.vectors[last] != before[last]).any(1).sum()
    print(f"{name}, {workers} worker{'s' * (workers > 1)}: {words / 2 / model.corpus_total_words:.2f} of the text's words were read; {learnt} of the 10 last words have learnt")
P
seen=$(venv/bin/python parts.py)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
