# What a task makes of a stream's columns, and what it measures.
source "$(dirname "$0")/../shell.sh"

pairs() { awk -v seed="$1" -v n="$2" 'BEGIN { srand(seed); for (i = 0; i < n; ++i) { a = b = ""; k = 2 + int(rand() * 5)
  for (j = 0; j < k; ++j) { w = "w" int(rand() * 40); a = a w " "; b = w " " b } print a "\t" b } }'; }
pairs 1 300 >train.tsv
pairs 2 30 >valid.tsv
awk -F '\t' '{ print $2 "\t" $1 }' train.tsv >swapped.tsv
tokenize -q --learn --no-byte-fallback --vocab-size 46 -o spm.model <(cut -f1 train.tsv)
tokenize -q --learn --no-byte-fallback --vocab-size 40 -o other.model <(cut -f1 train.tsv)
for s in train valid swapped; do tokenize -q -m spm.model --columns src,tgt <$s.tsv >$s.st; done
tokenize -q -m src=spm.model,tgt=other.model <train.tsv >two.st
tokenize -q -m spm.model --columns en,de <train.tsv >named.st
run=(train -q --device cpu --layers 1 --d-model 16 --d-ff 32 --heads 2 --max-tokens 60 --warmup 10 --lr 0.01 --steps 20)
data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1"; }

direction() { "${run[@]}" --data train.st --columns tgt,src -o there.st && "${run[@]}" --data swapped.st -o back.st && cmp <(data_of there.st) <(data_of back.st); }
ok "--columns tgt,src learns the other direction from the same stream, to the bit" direction
named() { "${run[@]}" --data named.st --columns en,de -o named.model && "${run[@]}" --data train.st -o plain.st && cmp <(data_of named.model) <(data_of plain.st); }
ok "columns of other names serve as well" named
vocabularies() {
  "${run[@]}" --data two.st --columns tgt,src --share-embeddings none -o turned.st &&
    tensor cat -t vocab.src turned.st | cmp - <(tensor cat -t vocab.tgt two.st) && tensor cat -t vocab.tgt turned.st | cmp - <(tensor cat -t vocab.src two.st)
}
ok "and the model's source has the vocabulary of the column that is its source" vocabularies
refuses "a column that the stream has not" 1 'train.st: has the columns src,tgt, training needs tgt and en' "${run[@]}" --data train.st --columns tgt,en -o x.st
refuses "another number of columns than the task's" 2 '--columns src: translation has the columns src,tgt' "${run[@]}" --data train.st --columns src -o x.st
refuses "a task that there is not" 2 "--task: 'summarising' is none of translation" "${run[@]}" --data train.st --task summarising -o x.st

tokenize -q -m spm.model --columns text <<<'w1 w2' >text.st
refuses "masks that the vocabulary has no piece for" 1 'the vocabulary has no \[MASK\]; ' train --data text.st --preset bert-tiny -o x.st
for flag in '--block 16' --rows --documents '--streams 4'; do
  refuses "$flag of a task that has no running text" 2 "${flag%% *} is for running text, and translation is trained on pairs" "${run[@]}" --data train.st $flag -o x.st
done

measured() {
  "${run[@]}" --data train.st --valid valid.st --validate-every 20 --measure bleu,chrf --log both.tsv -o m.st || return 1
  [ "$(head -n 1 both.tsv | cut -f11,12)" = "$(printf 'valid_bleu\tvalid_chrf')" ] || return 1
  decode -q -m m.st <valid.st | tokenize -d >valid.hyp
  tokenize -q -m spm.model --columns src,tgt <valid.tsv | tokenize -d --column tgt >text.ref
  [ "$(tail -n 1 both.tsv | cut -f11,12 | tr '\t' ' ')" = "$(for m in bleu chrf; do bleu text.ref -i valid.hyp -m $m -b -w 2; done | paste -sd ' ')" ]
}
ok "--measure bleu,chrf are what decode | tokenize -d | bleu give, to the digit" measured
alone() { "${run[@]}" --data train.st --valid valid.st --validate-every 10 --measure chrf --best-by chrf --average-of best --log chrf.tsv -o c.st && [ "$(head -n 1 chrf.tsv | cut -f11-)" = valid_chrf ] && [ "$(tail -n 1 chrf.tsv | cut -f11)" = "$(tail -n 1 both.tsv | cut -f12)" ]; }
ok "chrF alone can say what is best" alone
refuses "a measure that there is not" 2 "--measure: 'ter' is none of translation's measures: bleu,chrf" "${run[@]}" --data train.st --valid valid.st --measure ter -o x.st
refuses "a measure twice" 2 '--measure: bleu is named twice' "${run[@]}" --data train.st --valid valid.st --measure bleu,bleu -o x.st
refuses "the best by what is not measured" 2 "--best-by: 'chrf' is neither loss nor measured" "${run[@]}" --data train.st --valid valid.st --measure bleu --best-by chrf -o x.st
refuses "a measure without a validation set" 2 '--measure needs --valid' "${run[@]}" --data train.st --measure bleu -o x.st
done_testing
