# decode as a user runs it: flags, streams, answers line by line, refusals.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(1); for (i = 0; i < 200; ++i) { a = b = ""; k = 2 + int(rand() * 5)
  for (j = 0; j < k; ++j) { w = "w" int(rand() * 40); a = a w " "; b = w " " b } print a "\t" b } }' >train.tsv
cut -f1 train.tsv >train.src
head -n 30 train.src | sed 's/ $//' >test.src
tokenize -q --learn --no-byte-fallback --vocab-size 46 -o spm.model train.src
tokenize -q --learn --no-byte-fallback --vocab-size 40 -o other.model train.src
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
train -q --data train.st --layers 1 --d-model 32 --d-ff 64 --heads 2 --max-tokens 400 --lr 0.01 --warmup 20 --steps 400 -o model.st
tokenize -q -m model.st <test.src >test.st
tokenize -q -m other.model <test.src >other.st
head -n 30 train.tsv | tokenize -q -m model.st --columns src,tgt >pairs.st

# text FLAGS...: the translations of test.src, as text
text() { decode -q -m model.st "$@" <test.st | tokenize -d; }

lines() { text >out.txt && [ "$(wc -l <out.txt)" -eq 30 ] && [ "$(sort -u out.txt | wc -l)" -gt 20 ]; }
ok "a line in is a line out" lines
self() { decode -q -m model.st <test.st >self.st && tensor ls self.st | grep -q tgt.ids && tokenize -d <self.st | cmp - out.txt; }
ok "the output is a token stream that carries the vocabulary" self
saved() { decode -q -m model.st -o saved.st <test.st && tokenize -d saved.st | cmp - out.txt; }
ok "-o writes the same to a file" saved
checkpoints() { decode -q -m model.st.checkpoint <test.st | tokenize -d | cmp - out.txt; }
[ -e model.st.checkpoint ] && ok "a checkpoint translates as its model does" checkpoints
agree() { for flags in "--max-tokens 10" "--max-tokens 60" "--threads 1" "--threads 3" "--nbest 1"; do text $flags | cmp - out.txt || return 1; done; }
ok "batches and threads do not change the answers" agree
company() { head -n 7 test.src | tokenize -m model.st | decode -q -m model.st | tokenize -d | cmp - <(head -n 7 out.txt); }
ok "a sentence's answer does not depend on its company" company
pairs() { decode -q -m model.st <pairs.st | tokenize -d | cmp - out.txt; }
ok "the src column of a stream of pairs is translated" pairs
joined() { cat test.st test.st | decode -q -m model.st | tokenize -d | cmp - <(cat out.txt out.txt); }
ok "streams laid end to end are one input" joined

nbest() {
  text --nbest 3 >nbest.txt && [ "$(wc -l <nbest.txt)" -eq 90 ] &&
    awk -F ' [|][|][|] ' 'NR % 3 == 1 { print $2 }' nbest.txt | cmp - out.txt &&
    awk -F ' [|][|][|] ' '$1 != int((NR - 1) / 3) || (NR % 3 != 1 && $3 > last) { exit 1 } { last = $3 }' nbest.txt
}
ok "--nbest N gives N lines a sentence with its number, the best score first" nbest
apart() { # two streams as one, each way that there is
  decode -q -m model.st --nbest 3 <test.st >three.st && cut -d ' ' -f 1 nbest.txt >numbers &&
    cat numbers <(awk '{ print $1 + 30 }' numbers) >wanted || return 1
  cat three.st three.st | tokenize -d | cut -d ' ' -f 1 | cmp - wanted && tokenize -d three.st three.st | cut -d ' ' -f 1 | cmp - wanted &&
    tensor cat three.st three.st | tokenize -d | cut -d ' ' -f 1 | cmp - wanted
}
ok "n-best lists laid end to end keep their sentences apart" apart
scores() { text --scores >scores.txt && awk -F ' [|][|][|] ' '$1 != NR - 1 || $3 >= 0 { exit 1 } { print $2 }' scores.txt | cmp - out.txt; }
ok "--scores gives the score of each line" scores
scored() { # --score of what greedy search found is what the search said
  decode -q -m model.st --beam 1 --length-penalty 0 --scores <test.st | tokenize -d >greedy.txt
  sed 's/.* ||| //' greedy.txt >said.txt
  paste test.src <(sed 's/^[0-9]* ||| //; s/ ||| [^|]*$//' greedy.txt) | tokenize -q -m model.st --columns src,tgt --empty keep >again.st
  decode -q -m model.st --score <again.st >score.txt && [ "$(wc -l <score.txt)" -eq 30 ] &&
    paste said.txt score.txt | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d <= 0.00002) ++n } END { print n; exit n < 28 }'
}
ok "--score prints log p of given targets, a number a line" scored # a text may be cut into pieces in another way
# tokens FLAGS...: how many tokens the 30 outputs have
tokens() { decode -q -m model.st "$@" <test.st | tensor ls | awk '$1 == "tgt.ids" { print $3 }'; }
lengths() { [ "$(tokens --min-length 9 --max-length 9)" = "[270]" ] && [ "$(tokens --max-length 1 --min-length 1)" = "[30]" ] && [ "$(tokens --sample --min-length 4 --max-length 4)" = "[120]" ]; }
ok "--min-length and --max-length count tokens without EOS" lengths
forced() { # a longest output of each kind: its EOS has a probability, or 1; none is the same, but for its length
  local kind
  for kind in scored free none; do
    text --beam 1 --max-length 2 --min-length 2 --length-norm power-eos --scores --forced-eos $kind | sed 's/.* //' >$kind.txt
  done
  paste scored.txt free.txt none.txt | awk '{ d = 2 * $3 - 3 * $2 } $1 > $2 || d > 1e-5 || d < -1e-5 { exit 1 } END { exit NR != 30 }'
}
ok "--forced-eos says what an EOS at the maximum length costs, or leaves it out" forced
banned() { # no output has the piece; what was its share is lost, or the others'
  local count piece id flags
  paste <(tokenize -q -m spm.model --output pieces <out.txt | tr ' ' '\n') <(tokenize -q -m spm.model --output ids <out.txt | tr ' ' '\n') |
    sort | uniq -c | sort -n | tail -n 1 >most && read -r count piece id <most
  ids() { decode -q -m model.st "$@" <test.st | tensor cat -t tgt.ids; }
  ids | grep -qx "$id" || return 1
  for flags in "" "--renormalize yes" "--no-repeat-ngram 3" "--sample"; do ! ids --ban "$piece" --ban "<unk>" $flags | grep -qx "$id" || return 1; done
  for flags in no yes; do text --beam 1 --ban "$piece" --renormalize $flags --length-penalty 0 --scores | sed 's/.* //' >$flags.txt; done
  paste no.txt yes.txt | awk '$1 > $2 { exit 1 } $1 < $2 { ++n } END { exit NR != 30 || n < 20 }'
}
ok "--ban keeps a piece out of the outputs" banned
prefixed() { sed 's/$/\tw1 w2/' test.src | tokenize -q -m model.st --columns src,tgt | decode -q -m model.st --prefix | tokenize -d >prefix.txt && [ "$(grep -c '^w1 w2' prefix.txt)" -eq 30 ]; }
ok "--prefix makes each output begin with the tgt column" prefixed
sampled() { text --sample --seed 3 >s1.txt && text --sample --seed 3 --max-tokens 20 --threads 1 | cmp - s1.txt && ! text --sample --seed 4 | cmp -s - s1.txt; }
ok "--sample depends on the seed, not on batches or threads" sampled
sharp() { text --sample --top-k 1 | cmp - <(text --beam 1) && text --sample --top-p 1e-6 | cmp - <(text --beam 1); }
ok "the likeliest sample is the greedy output" sharp
norms() { text --length-norm gnmt --length-penalty 0.6 >/dev/null && text --length-norm power-eos >/dev/null && text --length-penalty 0 >/dev/null; }
ok "length norms" norms
patient() { # the best scores are no lower, and some are higher
  text --scores --early-stopping no >patient.txt && text --scores --early-stopping yes | cmp - scores.txt && paste scores.txt patient.txt |
    awk -F ' [|][|][|] |\t' '$6 < $3 { exit 1 } $6 > $3 { ++n } END { exit n == 0 }'
}
ok "--early-stopping no searches on for better scores" patient
stats() { decode -q -m model.st --stats <test.st 2>stats.json >/dev/null && grep -q '"sentences": 30[,}]' stats.json && grep -q '"target_tokens/s"' stats.json && grep -q '"peak_MiB"' stats.json; }
ok "--stats ends with one line of figures" stats

empty() { printf 'w1 w2\n\nw3\n\n' | tokenize -q -m model.st | decode -q -m model.st | tokenize -d >empty.txt && [ "$(wc -l <empty.txt)" -eq 4 ] && [ "$(sed -n '2p;4p' empty.txt | tr -d '\n')" = "" ] && [ -n "$(sed -n 3p empty.txt)" ]; }
ok "an empty line gives an empty line" empty
nothing() { tokenize -q -m model.st </dev/null | decode -q -m model.st >none.st && [ "$(tokenize -d none.st | wc -l)" -eq 0 ]; }
ok "no sentences give a stream without sentences" nothing
live() { # each answer must come before the next line is sent; read waits for it
  coproc PIPE { tokenize -q -m model.st | decode -q -m model.st | tokenize -d; }
  local pid=$PIPE_PID in=${PIPE[1]} out=${PIPE[0]} line answer n=0
  while read -r line && [ $n -lt 5 ]; do
    echo "$line" >&"$in"
    read -r -t 60 answer <&"$out" || return 1
    n=$((n + 1))
    [ "$answer" = "$(sed -n "${n}p" out.txt)" ] || return 1
  done <test.src
  exec {in}>&-
  wait "$pid"
}
ok "a line typed by hand is answered at once" live
closed() { yes 'w1 w2 w3' | head -n 20000 | tokenize -q -m model.st >many.st; (decode -q -m model.st --beam 1 <many.st; echo $? >code) 2>err | head -c 1 >/dev/null; [ "$(cat code)" -eq 141 ] && [ ! -s err ]; }
ok "a closed pipe ends it quietly" closed

refuses "a stream of another vocabulary" 1 'model.st: vocabulary differs from the input.s \(.* ≠ .*\); tokenize with -m model.st' decode -m model.st <other.st
refuses "to write over its own model" 2 '-o: ./model.st is the model itself' decode -m model.st -o ./model.st <test.st
refuses "a stream of another kind" 1 "standard input: byte 0: holds 'model', not 'tokens'" decode -m model.st <model.st
refuses "a model that is none" 1 "test.st: holds 'tokens', not a model" decode -m test.st <test.st
refuses "text" 1 'standard input: byte 0' decode -m model.st <test.src
refuses "empty input" 1 'standard input: byte 0: empty' decode -m model.st </dev/null
head -c $(($(stat -c %s test.st) - 3)) test.st >cut.st
refuses "a truncated stream" 1 'standard input: byte [0-9]+.*truncated' decode -m model.st <cut.st
head -c $(($(stat -c %s model.st) - 3)) model.st >cutmodel.st
refuses "a truncated model" 1 'cutmodel.st: .*truncated' decode -m cutmodel.st <test.st
(cat test.st; head -c 100 test.st) >cut2.st
refuses "a stream that ends in its second document" 1 'standard input: byte [0-9]+.*truncated' decode -m model.st -o x.st <cut2.st
refuses "products that CPUs do not have" 1 '--precision f16: CPUs have f32 and bf16 products, and int8' decode -m model.st --device cpu --precision f16 <test.st
refuses "a precision that is none" 2 "--precision: 'f64' is none of f32, tf32, bf16, f16" decode -m model.st --precision f64 <test.st
refuses "a missing model" 1 'nowhere.st: cannot open' decode -m nowhere.st <test.st
nested=$(head -c 100000 /dev/zero | tr '\0' '[')
header='{"__metadata__":{"storm.kind":"model","storm.version":"1","config":"{\"arch\":\"transformer\",\"d_model\":'$nested${nested//\[/]}'}"}}'
size=$(printf '%06x' ${#header})
{ printf "\\x${size:4:2}\\x${size:2:2}\\x${size:0:2}\\0\\0\\0\\0\\0"; printf %s "$header"; } >nested.st
refuses "a configuration nested without end" 1 'nested.st: the configuration is nested too deeply' decode -m nested.st <test.st
refuses "a file size limit" 1 'x.st: byte [0-9]+: cannot write: File too large' bash -c 'ulimit -f 20; env --default-signal=XFSZ decode -m model.st -o x.st <test.st'
refuses "no model" 2 '-m MODEL is missing' decode <test.st
train -q --data train.st --layers 1 --d-model 16 --d-ff 16 --heads 2 --positions learned --max-positions 12 --steps 1 -o short.st
refuses "a pair that is longer than the model takes, far behind in the stream, by its number" 1 \
  'pair 9001: 3 and 17 tokens with EOS are longer than the model takes; cut them with tokenize --max-length' \
  bash -c "(yes $'w1\\tw1' | head -n 9000; printf 'w1\\t%s\\n' \"\$(yes w1 | head -n 8 | paste -sd ' ')\") | tokenize -q -m short.st --columns src,tgt | decode -m short.st --score --max-tokens 64"
least() { [ "$(head -n 1 test.src | tokenize -q -m model.st | decode -q -m model.st --beam 1 --min-length 90 | tensor cat -t tgt.ids | wc -l)" -eq 90 ]; }
ok "--min-length is held where it is more than what a translation has by default" least
refuses "a missing column" 1 "has no column 'tgt'" decode -m model.st --score <test.st
refuses "an output in a folder that is not there" 1 'nowhere/x.st: cannot write' decode -m model.st -o nowhere/x.st <test.st
refuses "a full device" 1 'cannot write: No space left' bash -c 'decode -m model.st <test.st >/dev/full'
refuses "an unknown flag" 2 'see decode --help' decode -m model.st --beams 3 <test.st
refuses "a second operand" 2 "unexpected operand 'more.st'" decode -m model.st test.st more.st
named() { cmp <(decode -q -m model.st test.st | tokenize -d) <(decode -q -m model.st <test.st | tokenize -d); }
ok "a stream can be named instead of piped" named
refuses "a beam of 0" 2 "--beam: '0'" decode -m model.st --beam 0 <test.st
refuses "a length penalty that is no number" 2 "--length-penalty: 'x'" decode -m model.st --length-penalty x <test.st
refuses "an unknown length norm" 2 "--length-norm: 'marian' is none of" decode -m model.st --length-norm marian <test.st
refuses "more hypotheses than the beam" 2 '--nbest 6 is more than --beam 5' decode -m model.st --nbest 6 <test.st
refuses "a minimum above the maximum" 2 '--min-length is more than --max-length' decode -m model.st --min-length 5 --max-length 4 <test.st
refuses "to ban a piece that is none" 2 "--ban: the vocabulary has no piece 'nowhere'" decode -m model.st --ban nowhere <test.st
refuses "to ban EOS" 2 "--ban: '</s>' is the end of sentence" decode -m model.st --ban '</s>' <test.st
refuses "--renormalize of samples" 2 '--renormalize has no meaning with --sample' decode -m model.st --sample --renormalize yes <test.st
refuses "a temperature without --sample" 2 '--temperature has no meaning without --sample' decode -m model.st --temperature 2 <test.st
refuses "a beam with --sample" 2 '--beam has no meaning with --sample' decode -m model.st --sample --beam 2 <test.st
refuses "a probability above 1" 2 "--top-p: '1.5'" decode -m model.st --sample --top-p 1.5 <test.st
for flag in "--prefix" "--sample" "--nbest 2" "--length-penalty 2" "--length-norm gnmt" "--early-stopping no" "--beam 9" "--max-length 1" "--forced-eos free" "--min-length 9" "--seed 2" "--ban w1" "--renormalize yes"; do
  refuses "--score with $flag" 2 'has no meaning with --score' decode -m model.st --score $flag <pairs.st
done
refuses "--seed without --sample" 2 '--seed has no meaning without --sample' decode -m model.st --seed 2 <test.st
empty_line() {
  local flags
  for flags in "--nbest 3" "--sample --nbest 3"; do
    printf 'w1 w2\n\nw3\n' | tokenize -q -m model.st | decode -q -m model.st $flags | tokenize -d | cut -d ' ' -f 1 | tr '\n' ' ' >ranks
    [ "$(cat ranks)" = "0 0 0 1 1 1 2 2 2 " ] || return 1
  done
}
ok "an empty line has as many hypotheses as others" empty_line
refuses "a device that is not there" 1 '--device cuda: ' decode -m model.st --device cuda <test.st
ok "nothing half-written is left" bash -c '! ls x.st* nowhere* 2>/dev/null | grep .'
help() { decode --help | grep -q '^Examples:' && decode --version | grep -q '^decode (STORM)'; }
ok "help and version" help
done_testing
