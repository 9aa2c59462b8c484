#!/usr/bin/env bash
# decode with n-gram models as a user runs it: scores, continuations, and fusion with another model.
source "$(dirname "$0")/../shell.sh"

# Words of natural frequencies, half of which hang on the one before.
awk 'BEGIN { srand(3); for (l = 0; l < 3000; ++l) { s = ""; b = 0; for (w = int(rand() * 12); w > 0; --w) { b = rand() < 0.5 ? int(1 / (rand() + 1e-4)) : (b * 7 + int(rand() * 3)) % 50; s = s " w" b } print substr(s, 2) } }' >text
head -n 2000 text >corpus
{ tail -n 200 text; printf 'w1 never  w2\n\n \nnever\n'; } >test.txt
train -q --preset 3-gram --data corpus -o lm.st
tokenize -q -m lm.st test.txt >test.st
tokenize -q --learn --vocab-size 60 --no-byte-fallback -o spm.model corpus
tokenize -q -m spm.model --columns text corpus | train -q --preset 3-gram --data - -o pieces.st

score() { decode -q -m lm.st --score "$@"; }
lines() { score <test.txt >scores && [ "$(wc -l <scores)" -eq 204 ] && ! grep -Evq '^-[0-9]+\.[0-9]{6}$' scores; }
ok "--score of plain text is a number a line, blank ones too" lines
streams() { score <test.st | cmp - scores && cat test.st test.st | score | cmp - <(cat scores scores); }
ok "a token stream has the scores of its text" streams
threads() { for n in 1 3; do score --threads $n <test.txt | cmp - scores && cat test.txt | score --threads $n | cmp - scores || return 1; done; }
ok "threads and pipes change none" threads
separators() { tr ' ' '\t' <test.txt | score | cmp - scores && tr ' ' '\0' <test.txt | score | cmp - scores && sed 's/$/\r/' test.txt | score | cmp - scores; }
ok "words are cut at TABs, NULs and CRs as well" separators
alike() { paste <(sed 's/never/<unk>/g' test.txt | score) scores | awk '$1 != $2 { exit 1 }' && paste <(sed 's/never/else/g' test.txt | score) scores | awk '$1 != $2 { exit 1 }'; }
ok "words that the model does not know are the unknown word" alike
figure() { sed -E "s/.*\"$1\": ([^,}]*).*/\1/" stats.json; }
figures() { # perplexities are those of the sum, and of the sum without unknown words
  score --stats <test.txt 2>stats.json >/dev/null && tokens=$(($(wc -w <test.txt) + 204)) || return 1
  unknown=$(tr ' ' '\n' <test.txt | grep . | grep -vcxFf <(tr ' ' '\n' <corpus | grep . | sort -u))
  [ "$(figure unknown)" = "$unknown" ] && [ "$(figure tokens)" = $tokens ] && [ "$(figure words)" = $tokens ] && [ "$(figure sentences)" = 204 ] &&
    awk -v p="$(figure perplexity)" -v k="$(figure perplexity_known)" -v n=$tokens '{ s += $1 } END { d = log(p) + s / n; exit d > 1e-6 || d < -1e-6 || k >= p }' scores &&
    score --stats <corpus 2>stats.json >/dev/null && [ "$(figure perplexity)" = "$(figure perplexity_known)" ] && [ "$(figure unknown)" = 0 ]
}
ok "--stats has perplexities with and without unknown words" figures
of_pieces() { decode -q -m pieces.st --score <test.txt >p.txt && tokenize -q -m pieces.st --columns text test.txt | decode -q -m pieces.st --score | cmp - p.txt && [ "$(wc -l <p.txt)" -eq 204 ]; }
ok "text is cut into the pieces of a model of pieces" of_pieces
nothing() { [ -z "$(score </dev/null)" ]; }
ok "no lines have no scores" nothing
live() { # each answer must come before the next line is sent
  coproc PIPE { score; }
  local pid=$PIPE_PID in=${PIPE[1]} out=${PIPE[0]} line answer n=0
  { echo w1; cat test.txt; } | score >live.txt
  while read -r line && [ $n -lt 5 ]; do
    echo "$line" >&"$in"
    read -r -t 60 answer <&"$out" || return 1
    n=$((n + 1))
    [ "$answer" = "$(sed -n "${n}p" live.txt)" ] || return 1
  done < <(echo w1; cat test.txt)
  exec {in}>&-
  wait "$pid"
}
ok "a line typed by hand is scored at once" live

printf 'w1 w2\n\nw0 never\n' >begin.txt
said() { decode -q -m lm.st --max-length 9 "$@" <begin.txt | tokenize -d; }
continues() { for flags in "" "--beam 1" "--sample" "--sample --top-k 3 --temperature 2"; do said --min-length 9 $flags | sed 's/<unk>/never/' >out.txt && paste -d '|' out.txt begin.txt | awk -F '|' 'index($1, $2) != 1 { exit 1 }' && [ "$(awk '{ print NF }' out.txt | paste -sd ' ')" = "11 9 11" ] || return 1; done; }
ok "lines are continued, searched for, greedily and drawn" continues
known() { decode -q -m lm.st --sample --nbest 200 --max-length 9 </dev/null | tensor ls >/dev/null && printf '\n' | decode -q -m lm.st --sample --nbest 300 | tokenize -d | sed 's/^0 ||| //; s/ ||| .*//' >many.txt && [ "$(wc -l <many.txt)" -eq 300 ] && ! grep -q '<' many.txt; }
ok "the unknown word is never said" known
own() { # what an answer of nothing scores is what --score says of it
  printf '\n' | decode -q -m lm.st --sample --nbest 50 --length-penalty 0 --max-length 30 | tokenize -d >own.txt && sed 's/^0 ||| //; s/ ||| .*//' own.txt | score >again.txt &&
    paste <(sed 's/.* ||| //' own.txt) again.txt | awk '{ d = $1 - $2 } d > 2e-4 || d < -2e-4 { exit 1 } END { exit NR != 50 }'
}
ok "answers have the scores that --score gives them" own
text() { for flags in "--beam 1" "--beam 3" "--sample --seed 5 --min-p 0.01"; do said $flags | cmp - <(decode -m lm.st --max-length 9 --text $flags <begin.txt) || return 1; done; }
ok "--text prints what the stream says" text
seeded() { said --sample --seed 3 >s1.txt && said --sample --seed 3 --threads 1 --max-tokens 1 | cmp - s1.txt && ! said --sample --seed 4 | cmp -s - s1.txt; }
ok "samples depend on the seed, not on batches or threads" seeded
prompts() { tokenize -q -m lm.st begin.txt | decode -q -m lm.st --max-length 9 | tokenize -d | cmp - <(said); }
ok "prompts may be a token stream" prompts
bans() { ! said --ban w1 --beam 1 --min-length 9 | cut -d ' ' -f 3- | grep -qw w1 && said --beam 1 --no-repeat-ngram 1 --min-length 9 | awk '{ for (i = 1; i <= NF; ++i) if (seen[NR, $i]++) exit 1 }'; }
ok "bans and penalties are those of other models" bans

awk '{ r = ""; for (i = NF; i > 0; --i) r = r (r == "" ? "" : " ") $i; print r "\t" $0 }' corpus | grep -v '^.$' | head -n 400 >pairs.tsv
tokenize -q -m spm.model --columns src,tgt --empty drop pairs.tsv >pairs.st
train -q --data pairs.st --layers 1 --d-model 16 --d-ff 16 --heads 2 --max-tokens 400 --steps 20 -o mt.st
cut -f1 pairs.tsv | grep . | head -n 20 | tokenize -q -m mt.st >src.st
fused() { decode -q -m mt.st --max-length 12 "$@" <src.st | tokenize -d; }
fusion() { # what is fused with more weight is likelier by the n-gram model
  local w last=-1e9 sum
  fused >w0.txt && fused --lm pieces.st --lm-weight 0 | cmp - w0.txt && fused --lm pieces.st | cmp - <(fused --lm pieces.st --lm-weight 0.2) || return 1
  for w in 0 1 50; do
    sum=$(fused --min-length 12 --lm pieces.st --lm-weight $w | decode -q -m pieces.st --score 2>err | awk '{ s += $1 } END { print s }')
    awk "BEGIN { exit !($sum > $last) }" || return 1
    last=$sum
  done
}
ok "--lm pulls outputs to what an n-gram model says, by its weight" fusion
# Products of other numbers of rows may round otherwise.
rounded() { tokenize -d "$1" | awk -F ' [|][|][|] ' -v OFS=' ||| ' 'NF > 2 { $3 = sprintf("%.4f", $3) } 1'; }
ways() { for flags in "--sample" "--nbest 3" "--renormalize yes" "--beam 1 --text" "--sample --top-k 5 --no-repeat-ngram 2"; do decode -q -m mt.st --max-length 5 --lm pieces.st --lm-weight 2 $flags <src.st >f1 && decode -q -m mt.st --max-length 5 --lm pieces.st --lm-weight 2 --threads 1 $flags <src.st >f2 && [ -s f1 ] && if [[ $flags = *text ]]; then cmp f1 f2; else cmp <(rounded f1) <(rounded f2); fi || return 1; done; }
ok "with n-best lists, samples, text and bans of n-grams" ways
grams() { said --beam 1 --lm lm.st --lm-weight 0 | cmp - <(said --beam 1) && ! said --sample --lm lm.st --lm-weight 9 | cmp -s - <(said --sample); }
ok "n-gram models may be fused, too" grams

refuses "a stream of another vocabulary, by both fingerprints" 1 'lm.st: vocabulary differs from the input.s \([0-9a-f]{16} ≠ [0-9a-f]{16}\)' decode -m lm.st --score < <(tokenize -q -m spm.model --columns text test.txt)
refuses "a fused model of another vocabulary, by both fingerprints" 1 '--lm: lm.st: its vocabulary differs from that of mt.st.s answers \([0-9a-f]{16} ≠ [0-9a-f]{16}\)' decode -m mt.st --lm lm.st <src.st
refuses "a fused model that is no n-gram model" 1 "--lm: mt.st: holds 'model', not an n-gram model" decode -m mt.st --lm mt.st <src.st
refuses "a fused model that is no stream" 1 'test.txt: byte 0' decode -m mt.st --lm test.txt <src.st
refuses "a weight without a model" 2 '--lm-weight has no meaning without --lm' decode -m mt.st --lm-weight 1 <src.st
refuses "a weight out of range" 2 "--lm-weight: '-1' is not a number from 0 to 100" decode -m mt.st --lm pieces.st --lm-weight=-1 <src.st
refuses "a fused model of scores" 2 '--lm has no meaning with --score' decode -m lm.st --score --lm lm.st <test.txt
refuses "<s> in a text, with its line" 1 'standard input: line 2: holds <s>' decode -m lm.st --score < <(printf 'w1\nw1 <s> w2\n<s>\n')
refuses "</s> in a text, with its line" 1 'standard input: line 1: holds </s>' decode -m lm.st --score < <(printf '</s>\n')
refuses "a line that is no UTF-8" 1 'standard input: line 2: invalid UTF-8 at byte 3' decode -m lm.st --score < <(printf 'w1\nw1 \377\n')
refuses "a stream of two columns" 1 'has the columns src,tgt' decode -m lm.st --score <pairs.st
for flag in "--stride 4 --score" "--prefix" "--slide" "--long cut" "--precision bf16"; do
  refuses "${flag%% *}" 2 'has no meaning with an n-gram model' decode -m lm.st $flag <test.txt
done
refuses "a device" 2 '--device cuda: n-gram models are for the CPU' decode -m lm.st --device cuda <test.txt
refuses "more answers than a beam finds" 2 '--nbest 9 is more than --beam 5 finds' decode -m lm.st --nbest 9 <test.txt
refuses "a ban of what there is not" 2 "has no piece 'never'" decode -m lm.st --ban never <test.txt
head -c $(($(stat -c %s lm.st) - 3)) lm.st >cut.st
refuses "a truncated model" 1 'cut.st: .*truncated' decode -m cut.st --score <test.txt
for tool in embed attn-dump; do refuses "$tool of an n-gram model" 1 "lm.st: holds 'ngram', not a model" $tool -m lm.st <test.st; done
refuses "train --init of one" 1 "lm.st: holds 'ngram', not a model" train --init lm.st --data pairs.st -o x.st
done_testing
