# What train says of a validation set, and when: before the first update, if it can be known by then.
source "$(dirname "$0")/../shell.sh"

pairs() { awk -v seed="$1" -v n="$2" -v least="$3" 'BEGIN { srand(seed); for (i = 0; i < n; ++i) { a = b = ""; k = least + int(rand() * 5)
  for (j = 0; j < k; ++j) { w = "w" int(rand() * 40); a = a w " "; b = w " " b } print a "\t" b } }'; }
pairs 1 300 2 >train.tsv
pairs 2 30 2 >short.tsv
pairs 3 5 60 >long.tsv
cat short.tsv long.tsv >mixed.tsv
tokenize -q --learn --no-byte-fallback --vocab-size 46 -o spm.model <(cut -f1 train.tsv)
for s in train short long mixed; do tokenize -q -m spm.model --columns src,tgt <$s.tsv >$s.st; done
run=(train --device cpu --data train.st --layers 1 --d-model 16 --d-ff 32 --heads 2 --max-tokens 60 --warmup 10 --lr 0.01)

refuses "a validation set of which no pair fits is refused before the first update" 1 'long\.st: none of its pairs fits --max-tokens 60' \
  "${run[@]}" -q --valid long.st --steps 10 --validate-every 5 -o none.st
ok "and nothing is written" bash -c '! ls none.st* 2>/dev/null'
some() { "${run[@]}" --valid mixed.st --steps 10 --validate-every 10 --log mixed.tsv -o m.st 2>err && grep -q '5 of 35 pairs of mixed.st are longer than 60 and 60 tokens' err; }
ok "pairs that validation leaves out are counted" some
same() { "${run[@]}" -q --valid short.st --steps 10 --validate-every 10 --log short.log -o n.st && [ "$(tail -n 1 short.log | cut -f9)" = "$(tail -n 1 mixed.tsv | cut -f9)" ]; }
ok "and the loss is that of the others" same
bleu() {
  "${run[@]}" --valid mixed.st --positions learned --max-positions 30 --steps 10 --validate-every 5 --valid-bleu --log b.log -o b.st 2>err &&
    grep -q '5 of 35 pairs of mixed.st have sources of more than 29 tokens: --measure leaves them out' err && [ -n "$(tail -n 1 b.log | cut -f11)" ]
}
ok "sources that the model cannot take do not end a run with --valid-bleu" bleu
refuses "if they are all, --valid-bleu is refused before the first update" 1 'long\.st: the model takes sources of up to 29 tokens' \
  "${run[@]}" -q --valid long.st --positions learned --max-positions 30 --steps 10 --valid-bleu -o none.st

sed 's/w[1-9] /ž /g' short.tsv | tokenize -q -m spm.model --columns src,tgt >unknown.st
unknown() { "${run[@]}" --valid unknown.st --steps 5 --validate-every 5 --valid-bleu -o u.st 2>err && grep -qE 'warning: [0-9]+ references of unknown.st hold pieces' err; }
ok "references with pieces that the vocabulary does not have are counted in a warning" unknown
done_testing
