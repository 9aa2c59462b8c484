#!/usr/bin/env bash
# CTranslate2's converter lets a Marian model decode from zeros, whatever its start token's embedding is, and drops that token: after further training
# scores change in silence.
#
# Library: ctranslate2 4.8.5, transformers 5.24.0, torch 2.13.0, sentencepiece 0.2.3 (PyPI).
# Expectation: a converted MarianMTModel gives a pair of sentences the log-probability that transformers gives it, up to rounding.
# Behaviour: so it is while the embedding of <pad>, which decoding starts from, is zero, as in models converted from Marian. It is tied to the output
#   layer, though, so training in transformers moves it. The converter starts from zeros all the same, and takes <pad> out of the softmax,
#   without a word.
# Output seen:
#   <pad> is zeros: transformers -41.04, CTranslate2 -41.00, without <pad> in the softmax -41.00
#   <pad> was moved: transformers -39.38, CTranslate2 -41.00, without <pad> in the softmax -39.33
# For its users: compare scores after converting a model that was trained on; keep the row of <pad> zero in training, or decode with transformers.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q torch==2.13.0 transformers==5.24.0 sentencepiece==0.2.3 ctranslate2==4.8.5 numpy
cat >start.py <<'P'
import json
import subprocess
import sys

import ctranslate2
import sentencepiece
import torch
import transformers

words = ["the cat sat", "a dog ran", "the dog sat", "a cat ran to the dog"]
sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(words * 5), model_prefix="m", vocab_size=25, hard_vocab_limit=False, minloglevel=2)
model = sentencepiece.SentencePieceProcessor(model_file="m.model")
pieces = [p for p in map(model.id_to_piece, range(model.get_piece_size())) if not p.startswith("<")]
vocab = {p: i for i, p in enumerate(["</s>", "<unk>"] + pieces + ["<pad>"])}
json.dump(vocab, open("vocab.json", "w"))
tokenizer, pad = transformers.MarianTokenizer(source_spm="m.model", target_spm="m.model", vocab="vocab.json"), len(vocab) - 1
for what in ("is zeros", "was moved"):
    torch.manual_seed(1)
    m = transformers.MarianMTModel(transformers.MarianConfig(vocab_size=len(vocab), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, pad_token_id=pad, decoder_start_token_id=pad, init_std=0.5)).eval()
    with torch.no_grad():
        m.model.shared.weight[pad] = 0 if what == "is zeros" else 0.5
    m.save_pretrained("model")
    tokenizer.save_pretrained("model")
    subprocess.run(["ct2-transformers-converter", "--model", "model", "--output_dir", "ct2", "--force"], check=True, capture_output=True)
    source, target = tokenizer("the cat ran")["input_ids"], tokenizer("a dog sat")["input_ids"]
    with torch.no_grad():
        logits = m(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([[pad] + target[:-1]])).logits[0]
    log_prob = lambda x: sum(torch.log_softmax(x, -1)[i, t].item() for i, t in enumerate(target))
    translator = ctranslate2.Translator("ct2", compute_type="float32")
    names = tokenizer.convert_ids_to_tokens
    theirs = sum(translator.score_batch([names(source)], [names(target)[:-1]])[0].log_probs)
    print(f"<pad> {what}: transformers {log_prob(logits):.2f}, CTranslate2 {theirs:.2f}, without <pad> in the softmax {log_prob(logits[:, :pad]):.2f}")
P
export PATH="$PWD/venv/bin:$PATH"
seen=$(python start.py 2>/dev/null)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
