# decode with several models, whose probabilities are averaged at each step.
source "$(dirname "$0")/../shell.sh"

reversed_language 300
head -n 20 train.tsv >test.tsv
cut -f1 test.tsv >test.src
cat train.src train.tgt | tokenize -q --learn --type list -o words.list
head -n 200 train.src | tokenize -q --learn --type list -o other.list
tokenize -q -m words.list --columns src,tgt <train.tsv >train.st
tokenize -q -m words.list <test.src >test.st
tokenize -q -m words.list --columns src,tgt <test.tsv >pairs.st
sed 's/\t.*/\t/' test.tsv | tokenize -q -m words.list --columns src,tgt --empty keep >ends.st # nothing but EOS is said
small=(train -q --device cpu --max-tokens 300 --lr 0.01 --warmup 20 --steps 120)
transformer=(--layers 1 --d-model 32 --d-ff 64 --heads 2)
"${small[@]}" "${transformer[@]}" --data train.st --seed 1 -o a.st
"${small[@]}" --preset rnn-attn-tiny --d-model 32 --data train.st --seed 2 -o b.st
"${small[@]}" --preset convs2s-tiny --conv 32x3*2 --d-model 32 --data train.st --seed 3 -o c.st

# said FLAGS...: the translations of test.src, as text; scored FLAGS...: log p of the pairs
said() { decode -q "$@" <test.st | tokenize -d; }
scored() { decode -q "$@" --score <pairs.st; }
# near FILE FILE: the same numbers, to 1e-5
near() { paste "$1" "$2" | awk 'NF != 2 || ($1 - $2) ^ 2 > 1e-10 { bad = 1 } END { exit bad || NR == 0 }'; }

said -m a.st >a.txt
scored -m a.st >a.scores
itself() { said -m a.st -m a.st | cmp - a.txt && scored -m a.st -m a.st >twice && near twice a.scores; }
ok "a model with itself says and scores what it does alone" itself
first() { said -m a.st -m b.st --weights 1,0 | cmp - a.txt && scored -m b.st -m a.st -m c.st --weights 0,3,0 | cmp - a.scores; }
ok "one that has all of the weight is asked alone" first
averages() { # WEIGHTS MODEL...: log p(EOS) is the logarithm of the probabilities' weighted mean
  local weights=$1 model flags=()
  shift
  for model; do decode -q -m "$model" --score <ends.st >"$model.ends" && flags+=(-m "$model"); done
  decode -q "${flags[@]}" --weights "$weights" --score <ends.st >got &&
    paste "${@/%/.ends}" | awk -v weights="$weights" '{ n = split(weights, w, ","); sum = p = 0
      for (i = 1; i <= n; ++i) { sum += w[i]; p += w[i] * exp($i) } print log(p / sum) }' >want && near got want
}
ok "scores are of the mean of two architectures' probabilities" averages 1,1 a.st b.st
ok "... by their weights, which need not sum to 1" averages 3,0.5 a.st b.st
ok "... and of three" averages 0.2,0.3,0.5 a.st b.st c.st
alike() { decode -q -m a.st -m b.st --score <ends.st >got && decode -q -m a.st -m b.st --weights 0.5,0.5 --score <ends.st | cmp - got; }
ok "without --weights all count alike" alike
agrees() { # what the search adds up, token by token, is what --score says of it
  said -m a.st -m b.st -m c.st --beam 4 --nbest 2 --length-penalty 0 >nbest && [ "$(wc -l <nbest)" -eq 40 ] || return 1
  sed 's/.* ||| //' nbest >search
  paste <(awk '{ print; print }' test.src) <(sed 's/^[0-9]* ||| //; s/ *||| [^|]*$//' nbest) |
    tokenize -q -m words.list --columns src,tgt --empty keep | decode -q -m a.st -m b.st -m c.st --score >score && near search score
}
ok "n-best lists have the scores that --score gives" agrees
differs() { said -m a.st -m b.st --scores >both && ! said -m a.st --scores | cmp -s - both && ! said -m b.st --scores | cmp -s - both; }
ok "two models say something of their own" differs
modes() {
  said -m a.st -m b.st --beam 1 >greedy && said -m a.st -m b.st --sample --top-k 1 | cmp - greedy &&
    said -m a.st -m b.st --sample --seed 3 >sample && said -m a.st -m b.st --sample --seed 3 --max-tokens 30 --threads 1 | cmp - sample &&
    decode -q -m a.st -m b.st --text --beam 1 <test.st | cmp - greedy && decode -q -m a.st -m b.st --beam 2 --no-repeat-ngram 1 <test.st | tokenize -d |
    awk '{ delete seen; for (i = 1; i <= NF; ++i) if (seen[$i]++) exit 1 }'
}
ok "greedy search, samples, text and bans" modes
begun() { [ "$(sed 's/\t.*/\tb3/' test.tsv | tokenize -q -m words.list --columns src,tgt | decode -q -m a.st -m b.st --prefix | tokenize -d | grep -c '^b3')" -eq 20 ]; }
ok "--prefix" begun
rounded() { [ "$(said -m a.st -m b.st --precision int8 | paste - a.txt | awk -F '\t' '$1 == $2' | wc -l)" -gt 0 ]; }
ok "--precision int8 rounds the weights of all" rounded

tokenize -q -m words.list --columns text <train.tgt >text.st
head -n 20 train.tgt | tokenize -q -m words.list --columns text >lines.st
"${small[@]}" --preset gpt-tiny --layers 1 --d-model 32 --heads 2 --max-positions 40 --steps 30 --data text.st -o gpt.st
"${small[@]}" --preset rnn-lm-tiny --layers 1 --d-model 32 --steps 30 --data text.st -o lstm.st
continues() { [ "$(echo b1 | tokenize -q -m gpt.st | decode -q -m gpt.st -m lstm.st --max-length 5 | tokenize -d | grep -c '^b1')" -eq 1 ]; }
ok "language models continue together" continues
texts() {
  decode -q -m lstm.st -m lstm.st --score --stride 7 <lines.st >got && decode -q -m lstm.st --score --stride 7 <lines.st >want && near got want &&
    decode -q -m gpt.st -m lstm.st --weights 2,1 --score --stats <lines.st 2>stats >got && [ "$(wc -l <got)" -eq 20 ] && grep -q '"perplexity"' stats
}
ok "... and score texts, running ones too" texts

refuses "weights for other models" 2 '--weights has 3 for 2 models; write one for each -m' decode -m a.st -m b.st --weights 1,2,3 <test.st
refuses "a weight that is none" 2 "--weights: '-1' is no number from 0 to 1e6; write one for each -m" decode -m a.st -m b.st --weights=1,-1 <test.st
refuses "weights that are all 0" 2 '--weights are all 0' decode -m a.st -m b.st --weights 0,0 <test.st
refuses "models of different tasks" 2 'gpt.st: is a model for language-model, and a.st one for translation' decode -m a.st -m gpt.st <test.st
cut -f1 train.tsv | tokenize -q -m other.list --columns text >other.st
"${small[@]}" --preset rnn-lm-tiny --layers 1 --d-model 16 --steps 1 --data other.st -o other-lm.st
refuses "models of different vocabularies" 1 'other-lm.st: its vocabulary of text differs from that of gpt.st \(.* ≠ .*\); train it on streams of' \
  decode -m gpt.st -m other-lm.st <lines.st
train -q --preset 3-gram --discount-fallback --data text.st -o ngrams.st 2>/dev/null
refuses "an n-gram model among them" 2 '-m ngrams.st: an n-gram model answers alone; --lm fuses it with others' decode -m gpt.st -m ngrams.st <lines.st
fused() { decode -q -m gpt.st -m lstm.st --lm ngrams.st --max-length 4 <lines.st | tokenize -d | [ "$(wc -l)" -eq 20 ]; }
ok "--lm fuses an n-gram model with all" fused
"${small[@]}" --preset elmo-tiny --layers 1 --data text.st --steps 1 -o elmo.st
refuses "models that do not search" 2 'several -m are for translation and language models, not for bidirectional-language-model; give one' decode -m elmo.st -m elmo.st <lines.st
tensor convert -q --dtype int8 a.st -o small.st
refuses "weights of int8 beside floats" 1 'small.st: of it and b.st, one holds weights of int8; --precision int8' decode -m b.st -m small.st <test.st
refuses "to write over one of its models" 2 '-o: a.st is the model itself' decode -m a.st -m b.st -o a.st <test.st

done_testing
