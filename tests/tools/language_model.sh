# Language models through the tools: training on running text and on lines, continuing, scoring, looking inside.
source "$(dirname "$0")/../shell.sh"

# A language of four endings: the first word of a line decides all that follow.
awk 'BEGIN { srand(1); split("a b c d", first); split("one red fox;two blue cats;three green dogs;four old owls", rest, ";")
  for (i = 0; i < 400; ++i) { k = 1 + int(rand() * 4); print first[k] " " rest[k] } }' >train.txt
head -n 20 train.txt >valid.txt
tokenize -q --learn --type list -o words.txt train.txt
for s in train valid; do tokenize -q -m words.txt --columns text <$s.txt >$s.st; done
run=(train -q --device cpu --preset gpt-tiny --layers 1 --d-model 32 --heads 2 --max-positions 12 --dropout 0 --attention-dropout 0
  --max-tokens 120 --warmup 10 --lr 0.01)
data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1"; }
figure() { grep -oE "\"$1\": *[-0-9.e+]+" | grep -oE '[-0-9.e+]+$'; }

"${run[@]}" --data train.st --valid valid.st --validate-every 100 --steps 100 --log log.tsv -o lm.st
continues() { [ "$(printf 'a\nb two\nd\n' | tokenize -q -m lm.st | decode -q -m lm.st --beam "$1" | tokenize -d)" = "$(printf 'a one red fox\nb two blue cats\nd four old owls')" ]; }
ok "a model that was trained on running text continues lines, prompts of different lengths at once" continues 1
ok "and by beam search" continues 4
rows() { "${run[@]}" --data train.st --rows --steps 100 -o rows.st && [ "$(echo c | tokenize -q -m rows.st | decode -q -m rows.st | tokenize -d)" = "c three green dogs" ]; }
ok "--rows trains on lines as they are" rows
dropped() { # 2 rows of 4 and 15 tokens, an EOS behind each
  (echo a one red fox; yes a | head -n 15 | paste -sd ' ') | tokenize -q -m words.txt --columns text >mixed.st &&
    train --device cpu --preset gpt-tiny --layers 1 --d-model 16 --heads 2 --max-positions 12 --data mixed.st --rows --steps 1 -o mixed-lm.st 2>err &&
    grep -q '1 of 2 texts are longer than 12 tokens: dropped' err && grep -q ' 1 texts, 5 target tokens' err
}
ok "what is said of the data leaves out rows that are dropped" dropped
empty() { [ "$(echo | tokenize -q -m lm.st | decode -q -m lm.st --sample --seed 3 | tokenize -d | wc -w)" = 4 ]; }
ok "an empty prompt is continued from the end of what was before" empty
new_tokens() { [ "$(echo a | tokenize -q -m lm.st | decode -q -m lm.st --min-length 7 --max-length 7 | tokenize -d | wc -w)" -le 8 ] &&
  [ "$(echo a | tokenize -q -m lm.st | decode -q -m lm.st --beam 1 --max-length 2 | tokenize -d)" = "a one red" ]; }
ok "--min-length and --max-length count what is new" new_tokens
same_samples() {
  printf 'a\n\nb two\n' | tokenize -q -m lm.st | decode -q -m lm.st --sample --nbest 3 --seed 5 --temperature 2 | tokenize -d >one
  printf 'a\n\nb two\n' | tokenize -q -m lm.st | decode -q -m lm.st --sample --nbest 3 --seed 5 --temperature 2 --threads 1 | tokenize -d | cmp - one
}
ok "samples hang on the seed, not on the threads" same_samples

tokenize -q -m lm.st <valid.txt | decode -q -m lm.st --score --stats >scores 2>stats
sums() {
  awk -v want="$(figure log_prob <stats)" '{ sum += $1 } END { exit !(sum - want < 1e-3 && want - sum < 1e-3) }' scores &&
    [ "$(figure tokens <stats)" = 100 ] && [ "$(figure words <stats)" = 100 ] && [ "$(figure bytes <stats)" = "$(wc -c <valid.txt)" ] &&
    awk -v p="$(figure perplexity <stats)" -v l="$(figure log_prob <stats)" 'BEGIN { q = exp(-l / 100); exit !(p / q < 1.000001 && q / p < 1.000001) }'
}
ok "--score --stats adds up: tokens, words and bytes with a line's end each, and their perplexities" sums
running() {
  tokenize -q -m lm.st <valid.txt | decode -q -m lm.st --score --stride 12 --stats >running 2>running.stats
  [ "$(wc -l <running)" = 20 ] && [ "$(figure tokens <running.stats)" = 100 ] &&
    awk -F '\t' -v p="$(figure perplexity <running.stats)" 'END { q = exp($9); exit !(p - q < 2e-4 * q && q - p < 2e-4 * q) }' log.tsv
}
ok "--stride of the model's longest text is the validation's perplexity on blocks" running
refuses "a text that is longer than the model takes" 1 'text 1: 16 tokens with EOS, the model takes 12; --stride N reads all texts as one' \
  bash -c "yes a | head -n 15 | paste -sd ' ' | tokenize -q -m lm.st | decode -m lm.st --score"
refuses "such a text far behind in the stream, by its number" 1 'text 9001: 16 tokens with EOS' \
  bash -c "(yes a | head -n 9000; yes a | head -n 15 | paste -sd ' ') | tokenize -q -m lm.st | decode -m lm.st --score --max-tokens 64"
refuses "a prompt that leaves no room" 1 'text 1: of its 15 tokens and EOS the model takes 12, and nothing can follow; --slide reads its last part' \
  bash -c "yes a | head -n 15 | paste -sd ' ' | tokenize -q -m lm.st | decode -m lm.st"
slides() { [ "$(yes a | head -n 15 | paste -sd ' ' | tokenize -q -m lm.st | decode -q -m lm.st --slide --max-length 2 | tokenize -d | wc -w)" -ge 15 ]; }
ok "--slide reads the last part of it" slides

half() { (echo a; yes a | head -n 15 | paste -sd ' ') | tokenize -q -m lm.st | decode -m lm.st --text 2>half.err | cmp - <(echo a one red fox) && grep -q 'text 2: ' half.err; }
ok "of a prompt that is refused --text writes nothing" half
least() { [ "$(echo a | tokenize -q -m rnn.st | decode -q -m rnn.st --min-length 130 --beam 1 --text | wc -w)" -eq 131 ]; }
train -q --device cpu --preset rnn-lm-tiny --layers 1 --d-model 16 --data train.st --steps 1 -o rnn.st
ok "--min-length is held where it is more than what a continuation has by default" least
refuses "--prefix, which is what is asked" 2 '--prefix has no meaning with the task language-model' decode -m lm.st --prefix <train.st
refuses "a block that the model does not take" 2 '--block 13: the model takes up to 12 tokens; give a smaller one' "${run[@]}" --data train.st --block 13 -o x.st
refuses "streams of a model that carries no state" 2 '--streams: a model of the architecture gpt carries no state from block to block' "${run[@]}" --data train.st --streams 4 -o x.st
refuses "a measure of a task that has none" 2 '--measure bleu: language-model has no measures beside the loss; leave it out' \
  "${run[@]}" --data train.st --valid valid.st --measure bleu -o x.st
refuses "and the best by it" 2 '--best-by bleu: language-model has no measures beside the loss; leave it out' \
  "${run[@]}" --data train.st --valid valid.st --best-by bleu -o x.st
paste train.txt train.txt | tokenize -q -m words.txt --columns src,tgt >pairs.st
refuses "pairs for a task of one column" 1 'pairs.st: has the columns src,tgt, training needs text' "${run[@]}" --data pairs.st -o x.st
refuses "a text for a task of pairs" 1 'train.st: has the columns text, training needs src and tgt' train --device cpu --preset tiny --data train.st -o x.st
refuses "a model of another task" 2 'a model of the architecture transformer reads 2 columns, and the task has 1; it is made for translation' train --device cpu --preset tiny --task language-model --columns text --data train.st -o x.st
refuses "a column by a name that the only one does not have" 1 'train.st: has the columns text, training needs nix' "${run[@]}" --columns nix --data train.st -o x.st
refuses "to continue what is for translation" 1 "has no column 'text'; it has src,tgt, and lm.st is a model for language-model" decode -m lm.st <pairs.st

resumes() {
  "${run[@]}" --data train.st --steps 12 --save-every 6 -o whole.st && "${run[@]}" --data train.st --steps 6 --save-every 6 -o part.st &&
    "${run[@]}" --data train.st --steps 12 --save-every 6 --resume -o part.st && cmp <(data_of whole.st) <(data_of part.st)
}
ok "stopped and resumed, blocks end in the same bits" resumes
maps() { tokenize -q -m lm.st <valid.txt | attn-dump -q -m lm.st --summary | awk '$1 == "decoder" { n++ } END { exit n != 2 }'; }
ok "attn-dump shows a text's attention over itself" maps
refuses "attn-dump of a text that is longer than the model takes" 1 'sentence 1: 16 tokens with EOS are longer than the model takes' \
  bash -c "yes a | head -n 15 | paste -sd ' ' | tokenize -q -m lm.st | attn-dump -m lm.st --summary"
done_testing
