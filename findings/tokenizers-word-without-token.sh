#!/usr/bin/env bash
# A word may have no token: BERT's tokenizer drops a lone variation selector, and the tags that are predicted are fewer than the words.
#
# Library: transformers 5.24.0 with tokenizers 0.23.3 (PyPI).
# Expectation: with is_split_into_words=True every word has one token at least, [UNK] where the vocabulary has nothing else, so that taking the first
#   token of each word gives a tag for each.
# Behaviour: an uncased BERT's normalizer removes what combines or controls, and a word that is nothing else has no token; word_ids() skips its number. A
#   script that joins predictions with the words in their order gives every later word of the sentence the tag of its neighbour. The Broad Twitter Corpus has
#   51 such words, emoji's selectors (U+FE0F) for the most part.
# Output seen:
#   words: fire U+FE0F now
#   tokens: [CLS] fire now [SEP]
#   word_ids: None 0 2 None
# For its users: look words up by their number in word_ids(), and decide what a word without tokens is called.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q transformers==5.24.0 tokenizers==0.23.3
cat >words.py <<'P'
import transformers

words = ["fire", "\ufe0f", "now"]
with open("vocab.txt", "w") as f:
    f.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fire", "now"]) + "\n")
tokenizer = transformers.BertTokenizerFast("vocab.txt")
encoded = tokenizer(words, is_split_into_words=True)
print("words:", *("U+FE0F" if w == "\ufe0f" else w for w in words))
print("tokens:", *tokenizer.convert_ids_to_tokens(encoded["input_ids"]))
print("word_ids:", *encoded.word_ids())
P
seen=$(venv/bin/python words.py 2>/dev/null)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
