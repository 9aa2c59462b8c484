# ELMo as a user trains it and takes its vectors, and the mix of layers that other models have, too.
source "$(dirname "$0")/../shell.sh"

# A language of four endings: the first word of a line decides all that follow, and the last all that stand before.
awk 'BEGIN { srand(1); split("a b c d", first); split("one red fox;two blue cats;three green dogs;four old owls", rest, ";")
  for (i = 0; i < 400; ++i) { k = 1 + int(rand() * 4); print first[k] " " rest[k] } }' >train.txt
head -n 20 train.txt >valid.txt
tokenize -q --learn --type list -o words.txt train.txt
for s in train valid; do tokenize -q -m words.txt --columns text <$s.txt >$s.st; done
run=(train -q --device cpu --preset elmo-tiny --data train.st --valid valid.st --d-model 16 --max-tokens 140 --warmup 10 --lr 0.02 --validate-every 20)
data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1" | sha256sum; }
pieces() { tokenize -q -m "$1" <valid.txt >pieces.st && shift && embed -q -m "$@" <pieces.st; }
vectors() { tensor cat -t lines.vectors "${1:--}"; }
# near FILE FILE: tables of numbers that are the same
near() { paste -d ' ' "$1" "$2" | awk '{ if (NF % 2) exit bad = 1; n = NF / 2
  for (i = 1; i <= n; ++i) { d = $i - $(i + n); if (d > 0.00001 || d < -0.00001) exit bad = 1 } } END { exit bad || NR == 0 }'; }

learns() { "${run[@]}" --steps 60 --log log.tsv -o elmo.st && awk -F '\t' 'NR > 1 { last = $9; first = NR == 2 ? $9 : first } END { exit !(last < 0.6 * first) }' log.tsv; }
ok "training on running text makes both directions' loss smaller" learns
resumes() { "${run[@]}" --steps 20 -o part.st && "${run[@]}" --steps 40 --resume -o part.st && "${run[@]}" --steps 40 -o whole.st && [ "$(data_of whole.st)" = "$(data_of part.st)" ]; }
ok "a stopped and resumed run ends in the same bits" resumes
rows() { "${run[@]}" --steps 5 --rows --share-embeddings no --layers 3 -o rows.st && tensor ls rows.st | grep -q ' output.weight'; }
ok "--rows trains on lines as they are, an output layer of its own and three layers" rows
shape() { pieces elmo.st elmo.st >p.st && tensor ls p.st | grep -q 'lines.vectors *F32 *\[80, 32\]'; }
ok "a piece's vector has the states of both directions, and EOS has none" shape
twice() { pieces elmo.st elmo.st --layer 0 | vectors >zero && pieces elmo.st elmo.st --static | vectors | awk '{ print $0, $0 }' | near zero -; }
ok "layer 0 is the table's row, twice" twice
context() {
  printf 'a one red\nb one red\na one fox\n' | tokenize -q -m elmo.st | embed -q -m elmo.st | vectors >c &&
    half() { sed -n "$1p" c | awk -v from="$2" '{ for (i = from; i < from + 16; ++i) { v = int(1e4 * $i + 2e4) - 2e4; printf "%d ", v } }'; } &&
    [ "$(half 2 1)" = "$(half 8 1)" ] && [ "$(half 2 1)" != "$(half 5 1)" ] && [ "$(half 2 17)" = "$(half 5 17)" ] && [ "$(half 2 17)" != "$(half 8 17)" ]
}
ok "its first half knows what stands before, its second what stands behind" context
mixed() { # MODEL WEIGHTS
  for l in 0 1 2; do pieces "$1" "$1" --layer $l | vectors >layer$l || return 1; done
  paste -d ' ' layer0 layer1 layer2 | awk -v w="$2" 'BEGIN { split(w, f, ",") } { n = NF / 3; for (i = 1; i <= n; ++i) printf "%.8g ", f[1] * $i + f[2] * $(i + n) + f[3] * $(i + 2 * n); print "" }' >want
  pieces "$1" "$1" --mix "$2" >mix.st && tensor ls mix.st | grep -qF "mix $2" && vectors mix.st | near want -
}
ok "--mix adds up the layers with their weights" mixed elmo.st 0.2,0.5,0.3
paste valid.txt valid.txt | tokenize -q -m words.txt --columns src,tgt >pairs.st
train -q --device cpu --data pairs.st --layers 2 --d-model 16 --d-ff 32 --heads 2 --steps 2 -o transformer.st
train -q --device cpu --data pairs.st --preset rnn-attn-tiny --d-model 16 --steps 2 -o both.st
ok "those of other models, too, whatever the weights" mixed transformer.st -1,0,2.5
one() { pieces elmo.st elmo.st --mix 0,0,1 | vectors | near - <(pieces elmo.st elmo.st | vectors); }
ok "a mix of the last layer alone is the last layer" one

refuses "weights for other layers than there are" 2 '--mix: 2 weights, elmo.st has the 3 layers 0 to 2' pieces elmo.st elmo.st --mix 1,2
refuses "layers of different widths" 2 '--mix: the layers of both.st have different widths, 16 and 32' pieces both.st both.st --mix 1,2
refuses "a weight that is no number" 2 "--mix: 'x' is no number" pieces elmo.st elmo.st --mix 1,x,2
refuses "a weight that is not finite" 2 "--mix: 'inf' is no number" pieces elmo.st elmo.st --mix 1,inf,2
refuses "a mix and a layer" 2 '--mix has no meaning with --layer or --static' pieces elmo.st elmo.st --mix 1,1,1 --layer 1
refuses "a mix of the table" 2 '--mix has no meaning with --layer or --static' pieces elmo.st elmo.st --mix 1,1,1 --static
refuses "decoding by a model that reads both ways" 2 'no answers' decode -m elmo.st <pieces.st
refuses "scoring by it" 2 'no answers' decode -m elmo.st --score <pieces.st
refuses "its attention, of which there is none" 1 'no attention' attn-dump -m elmo.st <pieces.st
refuses "streams of a model that carries no state" 2 '--streams' "${run[@]}" --streams 2 -o x.st
refuses "blocks that leave no room for the token before them" 2 '--block 140, of 141 tokens: a batch has --max-tokens 140' "${run[@]}" --block 140 -o x.st
refuses "training it as a language model" 2 'elmo does not continue text' "${run[@]}" --task language-model -o x.st
refuses "its task for another model" 2 'does not read text in two directions' train --data train.st --preset gpt-tiny --task bidirectional-language-model -o x.st

done_testing
