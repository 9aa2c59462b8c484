# Lists of words and labels: learned, encoded, carried by streams, beside SentencePiece models, and refused.
. "$(dirname "${BASH_SOURCE[0]}")/../shell.sh"
datasets=${STORM_DATASETS:-$here/../shared/datasets}

prints() { # prints WANTED COMMAND...: standard output is exactly this
  local wanted=$1
  shift
  "$@" >prints.out && printf "$wanted" | diff - prints.out
}
same() { diff <(eval "$1") <(eval "$2"); }

for s in "The old dog" "A small cat" "Grandmother Jürgen" "One <unk> bird"; do
  for v in sees follows "does not like"; do echo "$s $v the old dog ."; done
done >text
tokenize -q --learn --type list -o words.list text || exit 1
tokenize -q --learn --vocab-size 290 -o m.model text || exit 1
printf 'storm.labels 1\nneg\npos\n' >labels.list
awk '{ print $0 "\t" (NR % 2 ? "pos" : "neg") }' text >labelled

# Learning.
ok "a list is learned by count, then by bytes, every word as it is" prints 'storm.words 1\n<pad>\n<unk>\n<s>\n</s>\nb\nB\na\n\xc3\xa4\n' \
  eval "printf 'a  b\n\tB \xc3\xa4\nb\n' | tokenize -q --learn --type list"
ok "of the most frequent where there is a size" prints 'storm.words 1\n<pad>\n<unk>\n<s>\n</s>\nb\n' eval "echo 'a b b' | tokenize -q --learn --type list --vocab-size 5"
ok "labels are learned in the order of their bytes, and are no more than that" prints 'storm.labels 1\nneg\npos\n' eval "cut -f2 labelled | tokenize -q --learn --type labels"
said() { echo "a <s> </s> <unk> a" | tokenize --learn --type list --vocab-size 6 2>&1 >/dev/null | grep -F "$1"; }
ok "words called as special entries are counted and said" said '2 of 5 words are <pad>, <s> or </s>'
ok "what a size leaves out is said" said '3 of 5 words of the text are in the list'
if [ -e "$datasets/wikitext-2/train.txt" ]; then
  # Its published vocabulary of 33,278 counts <unk> and an end of line, which is </s>; <pad> and <s> are STORM's own.
  wikitext() { tokenize -q --learn --type list -o w.list "$datasets/wikitext-2/train.txt" && [ "$(sed 1d w.list | grep -cvxE '<pad>|<s>')" = 33278 ] && [ "$(wc -l <w.list)" = 33281 ]; }
  ok "WikiText-2 has its published 33,278 words" wikitext
  ok "and comes back exactly, but for the spaces at its lines' ends" same "tokenize -m w.list '$datasets/wikitext-2/test.txt' | tokenize -d" "sed 's/^ //; s/ \$//' '$datasets/wikitext-2/test.txt'"
else
  skip "WikiText-2 has its published 33,278 words" "no datasets at $datasets"
fi
for flag in '--symbols <a>' '--no-byte-fallback' '--no-normalize' '--sample 3' '--character-coverage 0.99' '--max-sentence-length 9' '--verbose' '--seed 2'; do
  refuses "${flag%% *} with a list" 2 "${flag%% *} has no meaning with --type list" tokenize --learn --type list $flag text
done
refuses "a size with labels" 2 '--vocab-size has no meaning with --type labels' tokenize --learn --type labels --vocab-size 9 text
refuses "a size without place for a word" 2 "'4' is not a whole number from 5" tokenize --learn --type list --vocab-size 4 text
refuses "a list of nothing" 1 'no text to learn' tokenize --learn --type list -o never.list /dev/null
refuses "invalid UTF-8 to count" 1 'standard input: line 2: invalid UTF-8 at byte 0' eval "printf 'a\n\xff\n' | tokenize --learn --type list -o never.list"
ok "leave nothing behind" test ! -e never.list

# There and back.
tokenize -m words.list text -o text.st
ok "text comes back" same "tokenize -d text.st" "cat text"
ok "with the ids of the list's lines" prints '4 8 4\n' eval "echo 'dog the dog' | tokenize -m <(printf 'storm.words 1\n<pad>\n<unk>\n<s>\n</s>\ndog\na\nb\nc\nthe\n') --output ids"
ok "pieces are the words as they stand" prints 'A big </s> dog\n' eval "echo '  A big  </s> dog' | tokenize -m words.list --output pieces"
ok "what the list does not have, or names a special entry, is unknown" prints '<unk> <unk> dog <unk>\n' eval "echo 'cow </s> dog <unk>' | tokenize -m words.list | tokenize -d"
ok "a stream carries its list's bytes, and serves as the list" eval 'tensor cat -t vocab --raw text.st | cmp - words.list && tokenize -m text.st text | tokenize -d | cmp - text'
ok "tensor cat merges a list's streams" eval 'cat text.st text.st | tensor cat | tokenize -d | cmp - <(cat text text)'
ok "a list and a SentencePiece model stand side by side" eval 'paste text text | tokenize -m src=words.list,tgt=m.model -o two.st &&
  same "tokenize -d --column src two.st" "cat text" && tokenize -m two.st --columns src text | tensor cat -t vocab --raw | cmp - words.list'
ok "so do text and labels" eval 'tokenize -m text=m.model,label=labels.list labelled -o labelled.st && same "tokenize -d --column label labelled.st" "cut -f2 labelled" &&
  prints "1\n0\n1\n" eval "tensor cat -t label.ids labelled.st | head -n 3"'

# Refused.
refuses "a word that is no label" 1 "^tokenize: standard input: line 2: column label: 'so-so' is none of the 2 labels of its list; mend the text or the list$" \
  eval "printf 'fine\tpos\nfair\tso-so\n' | tokenize -m text=m.model,label=labels.list -o never.st"
refuses "a stream of another list" 1 "words.list: vocabulary differs from the input's" eval 'tokenize -d -m words.list labelled.st --column label'
refuses "BPE-dropout of a list" 1 'src: BPE-dropout needs a BPE model' tokenize -m words.list --bpe-dropout 0.1 text
list() { printf "storm.labels 1\n$1" >bad.list && tokenize -m bad.list text -o never.st; }
refuses "a word that comes twice" 1 "bad.list: line 4 of the list: 'a' stands in line 2 as well" list 'a\nb\na\n'
refuses "an empty word" 1 'bad.list: line 3 of the list: empty' list 'a\n\nb\n'
refuses "invalid UTF-8 in a list" 1 'bad.list: line 3 of the list: invalid UTF-8 at byte 1' list 'a\nb\xff\n'
refuses "a list cut short" 1 'bad.list: line 3 of the list: has no end' list 'a\nb'
refuses "a list of nothing but its name" 1 'bad.list: a list without a label' list ''
refuses "a list without its first line" 1 "sorted: neither a list, whose first line is 'storm.words 1' or 'storm.labels 1', nor a SentencePiece model nor a tokenizer.json nor a stream" eval 'sort text >sorted; tokenize -m sorted text'
refuses "a model cut short" 1 'cut.model: neither a list' eval 'head -c 5000 m.model >cut.model; tokenize -m cut.model text'
ok "leave no stream behind" test ! -e never.st
done_testing
