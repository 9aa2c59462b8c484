# What tokenize --learn says when it cannot learn, and of what it leaves out; what a stream of tokens cannot hold.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(1); for (i = 0; i < 300; ++i) { a = ""; k = 2 + int(rand() * 5); for (j = 0; j < k; ++j) a = a "w" int(rand() * 40) " "; print a } }' >text
learn() { tokenize -q --learn "$@" -o x.model text; }
refuses "a symbol twice" 2 "--symbols: '<a>' is there twice" learn --vocab-size 300 --symbols '<a>,<a>'
for symbol in '<unk>' '<s>' '</s>' '<pad>'; do
  refuses "$symbol as a symbol" 2 "--symbols: '$symbol' is a special piece" learn --vocab-size 300 --symbols "$symbol"
done
refuses "the piece of a byte as a symbol" 2 "--symbols: '<0x41>' is the piece of a byte" learn --vocab-size 300 --symbols '<0x41>'
ok "which is one like others without byte fallback" learn --no-byte-fallback --vocab-size 40 --symbols '<0x41>'
refuses "a coverage that SentencePiece does not take" 2 'character-coverage: .* from 0.98 to 1' learn --vocab-size 290 --character-coverage 0.95
for type in bpe char word; do
  refuses "a vocabulary of $type without room beside the bytes" 2 '--vocab-size: a vocabulary of 30 has no piece for text' learn --vocab-size 30 --type $type
done

awk 'BEGIN { for (i = 0; i < 30; ++i) { for (j = 0; j < 1800; ++j) printf "zebra "; print "" } }' >long
cat text long >mixed
counted() {
  tokenize --learn --vocab-size 290 -o m.model mixed 2>err && grep -q '30 of 330 lines are longer than 4192 bytes: left out' err && grep -q 'from 300 lines' err
}
ok "lines over the limit are counted, and not among those learnt from" counted
refuses "a text of such lines alone" 1 'every line is longer than 4192 bytes' tokenize -q --learn --vocab-size 290 -o l.model long
raised() { tokenize -q --learn --vocab-size 270 --max-sentence-length 20000 -o l.model long && echo zebra | tokenize -m l.model --output pieces | grep -q '^▁ze'; }
ok "--max-sentence-length takes them" raised

tokenize -q --learn --no-normalize --vocab-size 300 -o exact.model text
one_line() { [ "$(printf 'w1\rw2\n' | tokenize -q -m exact.model | tokenize -d)" = 'w1 w2' ]; }
ok "a CR that pieces spell is printed as a space, as LF is" one_line
for name in vocab vocab.src; do
  refuses "a column called $name" 1 "a column cannot be called '$name'" bash -c "paste text text | tokenize -q -m exact.model --columns $name,tgt"
done
# Four tensors of 2^62 rows of nothing: their sum is 0 in 64 bits.
header='{"a":{"dtype":"U8","shape":[4611686018427387904,0],"data_offsets":[0,0]}}'
document() { printf "\\x$(printf %02x ${#header})\\0\\0\\0\\0\\0\\0\\0%s" "$header"; }
for _ in 1 2 3 4; do document; done >huge.st
refuses "rows whose count overflows" 1 "tensor 'a' .* is too many rows" tensor cat huge.st -o huge.out
done_testing
