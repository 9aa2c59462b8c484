# BERT's pre-training through the tools: documents, both losses, going on after a stop, filling masks, scores, and both heads from and to a folder.
source "$(dirname "$0")/../shell.sh"

# Documents in which each sentence has the words that follow from its first one, and all sentences of a document begin alike.
awk 'BEGIN { srand(1); split("one red fox;two blue cats;three green dogs;four old owls", s, ";")
  for (d = 0; d < 60; ++d) { k = 1 + int(rand() * 4); for (i = 0; i < 6; ++i) print s[k]; print "" } }' >docs.txt
head -n 84 docs.txt >valid.txt
{ printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n'; tr ' ' '\n' <docs.txt | grep . | sort -u; } >vocab.txt
for s in docs valid; do tokenize -q -m vocab.txt --uncased yes --columns text <$s.txt >$s.st; done
run=(train -q --device cpu --preset bert-tiny --layers 1 --d-model 32 --heads 2 --max-positions 32 --dropout 0 --attention-dropout 0
  --block 24 --max-tokens 480 --warmup 20 --lr 0.01)

"${run[@]}" --data docs.st --valid valid.st --measure masked_accuracy,next_accuracy --validate-every 75 --steps 150 --log log.tsv -o bert.st
learns() { awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i } END { exit !($at["valid_masked_accuracy"] > 85 && $at["valid_next_accuracy"] > 70) }' log.tsv; }
ok "masked words and next sentences are learnt" learns
columns() { head -n 1 log.tsv | grep -q 'valid_next_accuracy	loss_masked	valid_loss_masked	loss_next	valid_loss_next$' &&
  awk -F '\t' 'NR > 1 && $5 { d = $5 - $13 - $15; if (d > 2e-4 || d < -2e-4) exit 1 }' log.tsv; }
ok "each loss has its columns in the log, and their sum is the loss" columns

fills() { [ "$(printf 'one [MASK] fox\n[MASK] green dogs\ntwo blue cats\n' | tokenize -q -m bert.st | decode -q -m bert.st | tokenize -d)" = "$(printf 'one red fox\nthree green dogs\ntwo blue cats')" ]; }
ok "decode fills masks, and leaves a row without one as it is" fills
ways() {
  echo 'two [MASK] [MASK]' | tokenize -q -m bert.st | decode -q -m bert.st --nbest 3 | tokenize -d >ways
  [ "$(head -n 1 ways | cut -d '|' -f 4)" = " two blue cats " ] && [ "$(sort -u ways | wc -l)" = 3 ] && sort -t '|' -k 7 -g -r -c ways
}
ok "--nbest gives the likeliest ways to fill all masks of a row, with scores" ways
right() {
  printf 'one red fox\none old fox\n\n' | tokenize -q -m bert.st | decode -q -m bert.st --score --stats >scores 2>stats
  awk 'NR == 1 { a = $1 } NR == 2 { b = $1 } END { exit !(a > b && $1 == 0 && NR == 3) }' scores && grep -q '"tokens": *6[,}]' stats
}
ok "--score prints pseudo-log-likelihoods, of which a right text has more" right
alike() { tokenize -q -m bert.st <valid.txt | decode -q -m bert.st --score --max-tokens 7 | paste - <(tokenize -q -m bert.st <valid.txt | decode -q -m bert.st --score) |
  awk '$1 - $2 > 1e-3 || $2 - $1 > 1e-3 { exit 1 }'; }
ok "scores hang on no other text of a batch" alike
refuses "flags of a search are refused" 2 '^decode: --beam has no meaning with the task masked-language-model' decode -m bert.st --beam 3 <docs.st
refuses "and of sampling" 2 '^decode: --sample has no meaning with the task masked-language-model' decode -m bert.st --sample <docs.st
refuses "a text that is too long" 1 'text 1: 42 tokens with both ends, the model takes 32' bash -c "yes fox | head -n 40 | paste -sd ' ' | tokenize -q -m bert.st | decode -m bert.st --score"

"${run[@]}" --data docs.st --steps 30 --save-every 10 -o whole.st
"${run[@]}" --data docs.st --steps 17 -o parts.st
"${run[@]}" --data docs.st --steps 30 --resume -o parts.st 2>err
data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1"; }
ok "a run that goes on ends in the bits of one that nobody stopped: the same masks and pairs" cmp <(data_of whole.st) <(data_of parts.st)

blocks() { "${run[@]}" --next-sentence no --pooler no --whole-words yes --data docs.st --valid valid.st --measure masked_accuracy --steps 5 --log blocks.tsv -o blocks.st &&
  ! grep -q loss_next blocks.tsv && ! tensor ls blocks.st | grep -q -e next_sentence.weight -e pooler.weight; }
ok "--next-sentence no trains on full blocks, without that head, and has one loss" blocks
refuses "a measure of the head that is left out" 2 '^train: --measure next_accuracy: the model has no head' \
  "${run[@]}" --next-sentence no --data docs.st --valid valid.st --measure next_accuracy -o none.st
refuses "next sentences without the pooler" 2 '^train: --next-sentence yes reads the pooler' "${run[@]}" --pooler no --data docs.st -o none.st
refuses "rows as they are" 2 '^train: --rows: masked texts are cut into blocks' train --preset bert-tiny --rows --data docs.st -o none.st
grep . docs.txt | tokenize -q -m vocab.txt --uncased yes --columns text >one.st
refuses "one document alone" 1 '^train: one.st: holds 1 document, .* --next-sentence no$' "${run[@]}" --data one.st -o none.st
refuses "a block without room for pieces" 2 '^train: --block 4: 3 of its tokens are' "${run[@]}" --block 4 --data docs.st -o none.st

exchanged() {
  tensor export -q bert.st folder && grep -q '"BertForPreTraining"' folder/config.json && tensor import -q folder -o again.st &&
    cmp <(data_of bert.st) <(data_of again.st) && "${run[@]:0:4}" --init again.st --data docs.st --block 24 --steps 2 -o more.st
}
ok "both heads go to a folder and come back, and pre-training goes on" exchanged
done_testing
