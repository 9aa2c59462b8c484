# decode --long: sources that are longer than the model takes are refused, cut, or translated in parts.
source "$(dirname "$0")/../shell.sh"

# Words are said in reverse. A model of 12 positions takes 11 tokens.
awk 'BEGIN { srand(1); for (i = 0; i < 200; ++i) { a = b = ""; k = 2 + int(rand() * 4)
  for (j = 0; j < k; ++j) { w = "w" int(rand() * 20); a = a w " "; b = w " " b } print a ".\t" b "." } }' >train.tsv
cut -f 1 train.tsv | tokenize -q --learn --type list -o words.list
tokenize -q -m words.list --columns src,tgt <train.tsv >train.st
train -q --data train.st --layers 1 --d-model 32 --d-ff 64 --heads 2 --positions learned --max-positions 12 --max-tokens 400 --lr 0.01 --warmup 20 \
  --steps 300 -o model.st

cut -f 1 train.tsv | head -n 6 >sentences
seq 7 18 | sed 's/^/w/' | paste -sd ' ' >endless # 12 tokens
{ paste -sd ' ' sentences; echo "w1 w2 ."; echo; cat endless; } >documents
{ cat sentences; echo "w1 w2 ."; } >each

# says FLAGS...: what the model says to the lines of standard input
says() { tokenize -q -m model.st | decode -m model.st "$@" 2>notes | tokenize -d; }
has() { [ "$(grep -c . notes)" -eq "$1" ] && grep -qE -- "$2" notes; }

split() {
  says --long split <documents >split.txt && has 1 '^decode: 2 sources were longer than the model takes, and translated in [0-9]+ parts$' || return 1
  [ "$(wc -l <split.txt)" -eq 4 ] && [ "$(sed -n 3p split.txt)" = "" ]
}
ok "a line in is a line out, and those that were split are counted" split
# The parts of the first document, a line each, of as many sentences as 11 tokens hold.
packed() { awk '{ n = NF; if (used + n > 11) { print line; line = ""; used = 0 } line = line (used ? " " : "") $0; used += n } END { print line }' sentences; }
whole() {
  [ "$(packed | wc -l)" -gt 1 ] && packed | says | paste -sd ' ' | cmp - <(sed -n 1p split.txt) && sed -n 2p split.txt | cmp - <(echo "w1 w2 ." | says)
}
ok "the translation of a document is those of its parts of whole sentences, laid end to end" whole
endless() { { cut -d ' ' -f 1-11 endless; cut -d ' ' -f 12 endless; } | says | paste -sd ' ' | cmp - <(sed -n 4p split.txt); }
ok "one without ends of sentences is split between words" endless
agree() { for flags in "--max-tokens 12" "--threads 1" "--threads 3" "--nbest 1"; do says --long split $flags <documents | cmp - split.txt || return 1; done; }
ok "batches and threads do not change it" agree
ranks() { # the ith of a document is the ith of all its parts, with the sum of their log-probabilities
  says --long split --nbest 3 --length-penalty 0 < <(paste -sd ' ' sentences) >whole.txt && packed | says --nbest 3 --length-penalty 0 >parts.txt || return 1
  awk -F ' [|][|][|] ' 'NR == FNR { r = (NR - 1) % 3; t[r] = t[r] (NR > 3 ? " " : "") $2; s[r] += $3; next }
    { d = $3 - s[FNR - 1]; if (d < 0) d = -d } t[FNR - 1] != $2 || d > 1e-4 { exit 1 } END { exit FNR != 3 }' parts.txt whole.txt
}
ok "--nbest joins the ith to the ith, and adds their scores" ranks
samples() {
  paste -sd ' ' sentences | says --long split --sample --nbest 3 --seed 5 >samples.txt && [ "$(wc -l <samples.txt)" -eq 3 ] &&
    paste -sd ' ' sentences | says --long split --sample --nbest 3 --seed 5 --threads 1 | cmp - samples.txt
}
ok "samples are joined, too" samples

cut_short() {
  says --long cut <documents >cut.txt && has 1 '^decode: 2 sources were longer than the model takes, and cut$' || return 1
  cut -d ' ' -f 1-11 documents | says | cmp - cut.txt && ! cmp -s cut.txt split.txt
}
ok "--long cut reads the beginning, and says of how many" cut_short
short() { for kind in refuse cut split; do says --long $kind <each >each.$kind && [ ! -s notes ] && cmp each.refuse each.$kind || return 1; done; }
ok "sources that fit are translated as ever, without a note" short
fits() { cut -d ' ' -f 1-11 endless | says --long split >fits.txt && [ ! -s notes ] && cut -d ' ' -f 1-11 endless | says | cmp - fits.txt; }
ok "one that fits exactly is not split" fits
prefixed() { sed 's/$/\tw1/' documents | tokenize -q -m model.st --columns src,tgt --empty keep | decode -q -m model.st --prefix --long cut | tokenize -d >prefix.txt && [ "$(grep -c '^w1' prefix.txt)" -eq 4 ]; }
ok "what is cut may have a prefix" prefixed

tokenize -q -m model.st <documents >documents.st
sed 's/$/\tw1/' documents | tokenize -q -m model.st --columns src,tgt --empty keep >pairs.st
for flag in "" "--long refuse"; do
  refuses "a source that is too long${flag:+, with $flag}" 1 'sentence 1: [0-9]+ tokens with EOS, the model takes 12; --long split translates it in parts, --long cut its beginning$' \
    decode -m model.st $flag <documents.st
done
refuses "an unknown kind" 2 "--long: 'drop' is none of refuse, cut, split" decode -m model.st --long drop <documents.st
refuses "a prefix of what is split" 2 '--prefix has no meaning with --long split' decode -m model.st --long split --prefix <pairs.st
refuses "text, piece by piece, of what is split" 2 '--text has no meaning with --long split' decode -m model.st --long split --text <documents.st
refuses "scores" 2 '--long has no meaning with --score' decode -m model.st --long cut --score <pairs.st
tokenize -q -m words.list --columns text < <(cut -f 1 train.tsv) >text.st
train -q --preset gpt-tiny --data text.st --layers 1 --d-model 16 --d-ff 16 --heads 2 --steps 1 -o lm.st
refuses "texts to continue" 2 '--long has no meaning with the task language-model, which --slide is for' decode -m lm.st --long split <text.st
done_testing
