# Recurrent language models as a user trains and asks them: by streams that carry the state on, by lines, with attention.
source "$(dirname "$0")/../shell.sh"

# A language of four endings: the first word of a line decides all that follow.
awk 'BEGIN { srand(1); split("a b c d", first); split("one red fox;two blue cats;three green dogs;four old owls", rest, ";")
  for (i = 0; i < 400; ++i) { k = 1 + int(rand() * 4); print first[k] " " rest[k] } }' >train.txt
head -n 20 train.txt >valid.txt
tokenize -q --learn --type list -o words.txt train.txt
for s in train valid; do tokenize -q -m words.txt --columns text <$s.txt >$s.st; done
run=(train -q --device cpu --preset rnn-lm-tiny --layers 1 --d-model 36 --dropout 0.1 --max-tokens 140 --warmup 10 --lr 0.02 --steps 120)
prompts() { printf 'a\nb two\n\nd\n' | tokenize -q -m "$1"; }
continues() {
  prompts "$1" | decode -q -m "$1" --beam "$2" | tokenize -d >said
  [ "$(sed 3d said)" = "$(printf 'a one red fox\nb two blue cats\nd four old owls')" ] && [ "$(sed -n 3p said | wc -w)" = 4 ]
}
data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1" | sha256sum; }

ok "blocks of running text are enough to learn by" "${run[@]}" --data train.st -o blocks.st
ok "and the model continues prompts of different lengths, and an empty one" continues blocks.st 1
ok "by beam search, too" continues blocks.st 3
streams() { "${run[@]}" --data train.st --streams 4 -o streams.st && continues streams.st 1; }
ok "--streams carries the state from block to block" streams
rows() { "${run[@]}" --data train.st --rows --cell gru -o rows.st && continues rows.st 1; }
ok "--rows trains on lines as they are" rows
attention() { "${run[@]}" --data train.st --attention-window 3 --split-states yes --locked-dropout yes --recurrent-dropout 0.1 -o attends.st && continues attends.st 3; }
ok "attention over the last states, keys and values apart, and locked dropout" attention
older_block() { train --help | grep -q 'but 35 for rnn-lm' && train --device cpu --preset rnn-lm-tiny --data train.st --dry-run >dry && train --device cpu --preset rnn-lm-tiny --data train.st --rows --dry-run >rows_dry && ! cmp -s dry rows_dry; }
ok "running text is cut into blocks of 35" older_block
resumes() {
  "${run[@]}" --data train.st --steps 60 --valid valid.st --validate-every 30 -o part.st &&
    "${run[@]}" --data train.st --valid valid.st --validate-every 30 --resume -o part.st &&
    "${run[@]}" --data train.st --valid valid.st --validate-every 30 -o whole.st && [ "$(data_of whole.st)" = "$(data_of part.st)" ]
}
ok "a stopped and resumed run ends in the same bits" resumes
maps() { tokenize -q -m attends.st <valid.txt | attn-dump -q -m attends.st --summary | awk '$1 == "decoder" { n++ } END { exit n != 1 }'; }
ok "attn-dump shows what the states attended to" maps
vectors() { tokenize -q -m blocks.st <valid.txt | embed -q -m blocks.st --pool mean -o vectors.st && tensor ls vectors.st | grep -q 'lines.vectors *F32 *\[20, 36\]'; }
ok "its states are vectors of texts" vectors

refuses "parts of states without attention" 2 '--split-states: keys and values are for attention' "${run[@]}" --data train.st --split-states yes -o x.st
refuses "parts that the states do not have" 2 'do not share --d-model 40 evenly' "${run[@]}" --data train.st --d-model 40 --attention-window 2 --split-states yes -o x.st

done_testing
