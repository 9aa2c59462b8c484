# embed --learn as a user runs it: from files, pipes and pieces, stopped and gone on with.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(5); for (l = 0; l < 4000; ++l) { s = ""; for (w = 0; w < 12; ++w) { a = int(rand() * 40); b = int(rand() * (a + 1)); s = s (w ? " " : "") "w" sprintf("%c", 97 + b % 26) b } print s } }' >text
learn() { embed --learn -q --dim 16 --epochs 2 --min-count 1 --threads 1 "$@"; }
rows() { tensor cat --tensor lines.vectors "$1"; }

vectors() { learn text -o v.st && [ "$(embed -q -m v.st --vocab | head -1)" = "40 16" ] && echo wa0 | embed -q -m v.st --nearest 3 | grep -c . | grep -qx 3; }
ok "vectors of a text's words are learned, and asked for neighbours as plain words" vectors
pipe() { learn -o p.st <text && rows p.st >p && rows v.st >v && cmp -s p v && cat text | learn >q.st && rows q.st | cmp -s - v; }
ok "standard input, a pipe and a file give the same bits" pipe
threads() { for t in 3 3; do learn --threads $t --deterministic text -o d$t.st && rows d$t.st | md5sum; done | uniq | grep -c . | grep -qx 1; }
ok "--deterministic: the same bits with several threads" threads
says_once() { embed --learn --dim 8 --epochs 2 --threads 2 text -o s.st 2>said && [ "$(grep -c 'other bits' said)" = 1 ] && grep -q 'epoch 2 of 2, loss 2\.' said; }
ok "a run whose bits will differ says so once, and each epoch's loss" says_once
stats() { learn --stats text -o s.st 2>&1 >/dev/null | grep -q '"vocabulary": 40, "words": 96000,'; }
ok "--stats has words, words/s and the vocabulary" stats
stopped() {
  learn --epochs 400 text -o r.st & local pid=$!
  while [ ! -e r.st.lock ]; do :; done
  kill -TERM $pid; wait $pid
  [ $? -eq 143 ] && [ ! -e r.st ] || return 1
  [ -e r.st.checkpoint ] || return 0 # it was stopped before there was anything to keep
  learn --epochs 400 --resume text -o r.st && [ ! -e r.st.checkpoint ] && learn --epochs 400 text -o w.st && rows r.st | cmp -s - <(rows w.st)
}
ok "a run that is stopped leaves a checkpoint and no vectors, and goes on to the bits of one that was not" stopped
pieces() {
  tokenize -q --learn --vocab-size 60 --no-byte-fallback -o spm.model text && tokenize -q -m spm.model text >text.st && learn --min-count 1 text.st -o pieces.st &&
    tensor ls pieces.st | grep -q 'embeddings.level *piece' && tensor ls pieces.st | grep -q '  vocab ' && echo wa0 | embed -q -m pieces.st --nearest 2 | grep -c . | grep -qx 2
}
ok "a token stream's pieces are learned, and words are cut into them when they are asked for" pieces
n_grams() { learn --subwords 2,3 --buckets 500 text -o n.st && echo wa00 | embed -q -m n.st --nearest 1 | grep -q . && ! echo wa00 | embed -q -m v.st --nearest 1 2>e && grep -q "line 1" e; }
ok "with n-grams a word that never came has a vector, without them it is an error with its line" n_grams
every() { for m in skipgram cbow; do for n in 0 5; do learn --method $m --negative $n text -o m.st || return 1; done; done; }
ok "skip-gram and CBOW learn with negative samples and with hierarchical softmax" every
begun() { learn --init v.st --freeze <(echo wa0) --seed 2 text -o i.st && grep_row() { embed -q -m "$1" --vocab | grep "^wa0 "; } && [ "$(grep_row i.st)" = "$(grep_row v.st)" ] && ! cmp -s <(rows i.st) <(rows v.st); }
ok "--init begins with vectors, and --freeze keeps a word's" begun

refuses "a subcommand's flags need it" 2 "without --learn" embed -m v.st --window 3
refuses "questions have no meaning with --learn" 2 "nearest has no meaning with --learn" learn --nearest 3 text -o x.st
refuses "a device is refused in words" 2 "CPU alone" learn --device cuda text -o x.st
refuses "n-grams are a range" 2 "LEAST,MOST" learn --subwords 6,3 text -o x.st
refuses "buckets need n-grams" 2 "without --subwords" learn --buckets 10 text -o x.st
refuses "n-grams cannot be frozen" 2 "freeze has no meaning with --subwords" learn --subwords 3,6 --freeze text text -o x.st
refuses "a pipe has no checkpoint" 2 "-o FILE" learn --resume text
refuses "a text of rare words is no text" 1 "no word comes 1000000 times" learn --min-count 1000000 text -o x.st
printf 'a b\nc \377\n' >bad
refuses "invalid UTF-8 is named by file and line" 1 "bad: line 2" learn bad -o x.st
refuses "a frozen word must come in the text" 1 "line 1: 'nowhere'" learn --freeze <(echo nowhere) text -o x.st
refuses "other vectors are of the same width" 1 "16 numbers, not 8" learn --dim 8 --init v.st text -o x.st
refuses "a rate that leads nowhere is an error" 1 "lower --lr" learn --lr 10 --epochs 3 text -o x.st
refuses "the text is not written over" 2 "is the text that is learned from" learn text -o text
refuses "n-grams have both lengths" 2 "LEAST,MOST" learn --subwords 3 text -o x.st
no_file() { learn text -o >(cat >fifo.st) && learn text -o /dev/null && learn --resume text -o /dev/null 2>e; [ $? -eq 2 ] && grep -q "a regular one" e; }
ok "what is no file has no checkpoint" no_file
small() { printf 'a b c\n' | embed --learn --dim 4 --min-count 1 --sample 0 --epochs 1 -o x1.st 2>e && grep -q 'epoch 1 of 1, loss [1-9]' e; }
ok "a small text has a loss, too" small
nothing() { [ ! -e x.st ] && [ ! -e x.st.checkpoint ]; }
ok "what failed has written nothing" nothing

done_testing
