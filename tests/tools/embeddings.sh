# train --embeddings as a user runs it: tables that begin with vectors of words and of pieces, frozen or not, refusals.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(2); split("the a one two", first); split("red fox;blue cat;green dog;old owl", rest, ";")
  for (i = 0; i < 120; ++i) print first[1 + int(rand() * 4)] " " rest[1 + int(rand() * 4)] " " rest[1 + int(rand() * 4)] }' >text.txt
tokenize -q --learn --type list -o words.list text.txt
tokenize -q --learn --vocab-size 50 --no-byte-fallback -o spm.model text.txt
tokenize -q -m words.list --columns text <text.txt >text.st
tokenize -q -m spm.model --columns text <text.txt >pieces.st
paste text.txt text.txt | tokenize -q -m words.list --columns src,tgt >pairs.st
awk '{ print $0 "\t" (NR % 2 ? "yes" : "no") }' text.txt >labelled && tokenize -q --learn --type labels -o labels.list <(cut -f2 labelled)
tokenize -q -m text=words.list,label=labels.list labelled >labelled.st
export OMP_NUM_THREADS=1
printf '3 8\nfox 1 2 3 4 5 6 7 8\nunheard 0 0 0 0 0 0 0 0\nthe -1 -2 -3 -4 -5 -6 -7 -8\n' >eight.txt
sed 's/ [^ ]*$//; 1s/.*/3 7/' eight.txt >seven.txt
printf '1 8\nowl 9 9 9 9 9 9 9 9\n' >owl.txt
for name in eight seven owl; do tensor import -q $name.txt -o $name.st; done
small=(train -q --device cpu --d-model 8 --layers 1 --max-tokens 300 --steps 2)
gpt=("${small[@]}" --preset gpt-tiny --heads 2 --data text.st)
# row TABLE MODEL WORD: of a list's word
row() { tensor cat -t "$1" "$2" | sed -n "$(($(grep -nxF -- "$3" words.list | head -n 1 | cut -d: -f1) - 1))p"; }
begins() { [ "$(row "$1" "$2" fox)" = '1 2 3 4 5 6 7 8' ] && [ "$(row "$1" "$2" the)" = '-1 -2 -3 -4 -5 -6 -7 -8' ]; }

# A rate of 0 shows what a table began with.
still=(--schedule constant --lr 0)
"${gpt[@]}" "${still[@]}" -o own.st
each() {
  for preset in gpt-tiny rnn-lm-tiny elmo-tiny; do
    shape=(--heads 2) && [ $preset = gpt-tiny ] || shape=()
    "${small[@]}" "${still[@]}" --preset $preset "${shape[@]}" --data text.st --embeddings eight.st -o $preset.st && begins embedding.weight $preset.st || return 1
  done
  for preset in tiny rnn-attn-tiny convs2s-tiny; do
    shape=(--layers 1) && [ $preset != convs2s-tiny ] || shape=(--conv '8x3*1')
    train -q --device cpu --d-model 8 "${shape[@]}" --max-tokens 300 --steps 2 "${still[@]}" --preset $preset --data pairs.st --embeddings eight.st -o $preset.st && begins embedding.weight $preset.st || return 1
  done
}
ok "tables of architectures begin with the vectors of their words" each
others() { cmp <(row embedding.weight own.st cat) <(row embedding.weight gpt-tiny.st cat) && ! begins embedding.weight own.st; }
ok "words that the vectors lack begin as without them" others
apart() {
  "${small[@]}" "${still[@]}" --preset tiny --share-embeddings none --data pairs.st --embeddings tgt=owl.st,src=eight.st -o apart.st && begins source_embedding.weight apart.st &&
    [ "$(row target_embedding.weight apart.st owl)" = '9 9 9 9 9 9 9 9' ] && ! begins target_embedding.weight apart.st && ! row output.weight apart.st owl | grep -q '^9 9'
}
ok "COLUMN=FILE says which table begins with what" apart
trained() { "${gpt[@]}" --embeddings eight.st -o trained.st && ! begins embedding.weight trained.st; }
ok "the rows are trained on" trained
frozen() { "${gpt[@]}" --embeddings eight.st --freeze embedding.weight -o frozen.st && begins embedding.weight frozen.st && cmp <(row embedding.weight own.st cat) <(row embedding.weight frozen.st cat) && ! cmp -s <(tensor cat -t positions.weight own.st) <(tensor cat -t positions.weight frozen.st); }
ok "or stay as they are with --freeze" frozen
headed() { "${small[@]}" --preset bert-tiny --heads 2 --task classification --data labelled.st --embeddings text=eight.st --freeze embedding.weight -o headed.st && begins embedding.weight headed.st; }
ok "the encoder below a head has such a table, too" headed
said() { "${gpt[@]/-q/--stats}" --dry-run --embeddings eight.st 2>&1 >/dev/null | grep -q 'eight.st: 2 of 16 rows of embedding.weight begin with its vectors'; }
ok "how many rows were found is said, by --dry-run as well" said

names() { embed -q -m p.st --vocab -o p.txt && tensor import -q p.txt -o names.st; }
by_pieces() {
  p=("${small[@]}" "${still[@]}" --preset gpt-tiny --heads 2 --data pieces.st)
  "${p[@]}" --seed 7 -o p.st && names && "${p[@]}" --embeddings names.st -o q.st && cmp <(tensor cat -t embedding.weight p.st) <(tensor cat -t embedding.weight q.st)
}
ok "pieces begin with what embed --vocab wrote of another model, all of them" by_pieces
plain_words() {
  "${p[@]}" --embeddings eight.st -o w.st && embed -q -m w.st --vocab >w.txt && grep -qx '▁fox 1 2 3 4 5 6 7 8' w.txt && grep '^fox ' w.txt && ! grep -q '^fox 1' w.txt
}
ok "pieces that are words begin with the words' vectors" plain_words
composed() {
  narrow=(train --device cpu --layers 1 --d-model 4 --heads 1 --max-tokens 300 --steps 1 "${still[@]}" --preset gpt-tiny --data text.st)
  tensor import -q "$here/tests/vectors/data/fasttext.bin" -o fast.st && "${narrow[@]}" -q -o plain.st && "${narrow[@]}" --embeddings fast.st -o fast-gpt.st 2>fast.err && grep -q ': 5 of 16 rows of embedding.weight begin with its vectors, and 8 with those' fast.err &&
    tensor cat -t embedding.weight plain.st >plain.rows && tensor cat -t embedding.weight fast-gpt.st | paste -d= - plain.rows | awk -F= '{ print ($1 == $2) }' | tr -d '\n' | grep -qx 1110000000000000
}
ok "n-grams make vectors of words that are not there" composed

resumed() {
  "${gpt[@]}" --embeddings eight.st --steps 4 -o whole.st && "${gpt[@]}" --embeddings eight.st --steps 2 -o parts.st && "${gpt[@]}" --embeddings eight.st --steps 3 --resume -o parts.st &&
    "${gpt[@]}" --steps 4 --resume -o parts.st && cmp <(tensor cat -t embedding.weight whole.st) <(tensor cat -t embedding.weight parts.st)
}
ok "a run that goes on has what it began with, whether the flag stays or not" resumed
refuses "other vectors than a checkpoint began with" 2 '--embeddings owl.st is not what parts.st.checkpoint began with' "${gpt[@]}" --embeddings owl.st --steps 5 --resume -o parts.st
"${gpt[@]}" -o without.st
refuses "vectors for a checkpoint that began without" 2 'is not what without.st.checkpoint began with' "${gpt[@]}" --embeddings eight.st --steps 5 --resume -o without.st
refuses "vectors beside --init" 2 '--embeddings: the model of --init has its own' "${gpt[@]}" --init own.st --embeddings eight.st -o x.st
refuses "vectors of another width" 1 'seven.st: vectors of 7 numbers, where the rows of embedding.weight have 8' "${gpt[@]}" --embeddings seven.st -o x.st
printf '1 8\nnothing 1 2 3 4 5 6 7 8\n' | tensor import -q - -o none.st
refuses "vectors of none of the words" 1 "none.st: none of the 16 entries of text's vocabulary is among its 1 words" "${gpt[@]}" --embeddings none.st -o x.st
refuses "a column that there is not" 2 "'tgt' is none of the columns that the model has a table for: text" "${gpt[@]}" --embeddings tgt=eight.st -o x.st
refuses "two files for one table" 2 'tgt has the table of src' "${small[@]}" --preset tiny --data pairs.st --embeddings src=eight.st,tgt=owl.st -o x.st
refuses "a list that is none" 2 "'eight.st' is not COLUMN=FILE" "${small[@]}" --preset tiny --data pairs.st --embeddings src=eight.st,eight.st -o x.st
refuses "what is no vectors" 1 'text.st' "${gpt[@]}" --embeddings text.st -o x.st
refuses "an output over the vectors" 2 'eight.st is what --embeddings reads' "${gpt[@]}" --embeddings eight.st -o eight.st
done_testing
