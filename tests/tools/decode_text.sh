# decode as text, with stop strings and what else changes what is said: continuations and translations.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { for (i = 0; i < 300; ++i) { s = ""; for (j = 0; j < 12; ++j) s = s "n" ((i * 7 + j) % 20) " "; print s "." } }' >count.txt
tokenize -q --learn --no-byte-fallback --vocab-size 29 -o spm.model count.txt
tokenize -q -m spm.model --columns text <count.txt >count.st
train -q --data count.st --preset gpt-tiny --layers 1 --d-model 32 --heads 2 --dropout 0 --attention-dropout 0 --max-tokens 400 --lr 0.01 --warmup 20 --rows --steps 600 -o lm.st
printf 'n3 n4\nn19 n0 n1\n\nn5\n' >begin.txt
tokenize -q -m lm.st <begin.txt >begin.st
paste count.txt count.txt | tokenize -q -m spm.model --columns src,tgt >pairs.st
train -q --data pairs.st --layers 1 --d-model 32 --d-ff 64 --heads 2 --max-tokens 400 --lr 0.01 --warmup 20 --steps 60 -o mt.st
head -n 5 count.txt | tokenize -q -m mt.st >five.st

# said FLAGS...: continuations by way of a stream; text FLAGS...: with --text.
said() { decode -q -m lm.st --max-length 30 "$@" <begin.st | tokenize -d; }
text() { decode -m lm.st --max-length 30 --text "$@" <begin.st; }

continues() { said --beam 1 >plain.txt && [ "$(wc -l <plain.txt)" -eq 4 ] && paste -d '\n' begin.txt plain.txt | awk 'NR % 2 { b = $0; next } index($0, b) != 1 || length($0) < length(b) + 10 { exit 1 }'; }
ok "texts are continued, each behind itself" continues
same() { for flags in "--beam 1" "--beam 4" "--sample" "--sample --temperature 2 --min-p 0.05 --seed 3" "--beam 1 --threads 1"; do text $flags | cmp - <(said $flags) || return 1; done; }
ok "--text prints what the stream says" same
quiet() { [ -z "$(text 2>&1 >/dev/null)" ] && text -o text.txt && cmp text.txt <(text); }
ok "and nothing else; -o writes it to a file" quiet
translates() { for flags in "--beam 1" "--beam 3" "--sample"; do decode -q -m mt.st --text $flags <five.st | cmp - <(decode -q -m mt.st $flags <five.st | tokenize -d) || return 1; done; }
ok "translations likewise" translates
prefixes() { paste <(head -n 5 count.txt) <(yes 'n3 n3' | head -n 5) | tokenize -q -m mt.st --columns src,tgt >prefix.st &&
  for flags in "--beam 1" "--beam 3"; do decode -q -m mt.st --text --prefix $flags <prefix.st >p.txt && [ "$(grep -c '^n3 n3' p.txt)" -eq 5 ] && cmp p.txt <(decode -q -m mt.st --prefix $flags <prefix.st | tokenize -d) || return 1; done; }
ok "and those with prefixes" prefixes
live() { # each answer must come before the next line is sent
  coproc PIPE { tokenize -q -m lm.st | decode -m lm.st --max-length 30 --beam 1 --text; }
  local pid=$PIPE_PID in=${PIPE[1]} out=${PIPE[0]} line answer n=0
  while read -r line; do
    echo "$line" >&"$in"
    read -r -t 60 answer <&"$out" || return 1
    n=$((n + 1))
    [ "$answer" = "$(sed -n "${n}p" plain.txt)" ] || return 1
  done <begin.txt
  exec {in}>&-
  wait "$pid"
}
ok "a text typed by hand is continued at once" live
closed() { yes 'n3 n4' | head -n 2000 | tokenize -q -m lm.st >many.st; (decode -m lm.st --text --beam 1 <many.st; echo $? >code) 2>err | head -c 1 >/dev/null; [ "$(cat code)" -eq 141 ] && [ ! -s err ]; }
ok "a closed pipe ends it quietly" closed

stops() { text --beam 1 --stop ' n9 ' --stop ' n2 ' | cmp - <(sed 's/ n9 .*//; s/ n2 .*//' plain.txt) && ! text --beam 1 --stop ' n9 ' | cmp -s - plain.txt; }
ok "--stop ends texts exactly before the string, the first of several" stops
whole() { for flags in "--beam 1" "--beam 4" "--sample"; do said $flags --stop ' n9 ' >stopped.txt && ! grep -q ' n9 ' stopped.txt && text $flags --stop ' n9 ' | paste -d '|' - stopped.txt | awk -F '|' 'index($1, $2) != 1 { exit 1 }' || return 1; done; }
ok "streams keep the tokens before it" whole
prompts() { text --beam 1 --stop n3 | grep -q '^n3 n4 n'; }
ok "what stands in the prompt does not end it" prompts
changes() { for flags in "--no-repeat-ngram 3" "--repetition-penalty 4"; do ! said --min-length 30 $flags | cmp -s - <(said --min-length 30) || return 1; done; }
ok "penalties and bans change what is said" changes
sharp() { said --sample --min-p 1 | cmp - plain.txt && said --sample --top-k 1 --typical-p 0.5 | cmp - plain.txt; }
ok "the likeliest sample is the greedy answer" sharp
seeded() { said --sample --typical-p 0.9 --repetition-penalty 1.1 --temperature 3 >s1.txt && said --sample --typical-p 0.9 --repetition-penalty 1.1 --temperature 3 --max-tokens 8 --threads 1 | cmp - s1.txt; }
ok "batches and threads do not change samples" seeded

refuses "an empty stop string" 2 '--stop: an empty text' decode -m lm.st --stop '' <begin.st
for flag in "--nbest 2" "--scores" "--max-tokens 9"; do
  refuses "--text with $flag" 2 'has no meaning with --text' decode -m lm.st --text $flag <begin.st
done
for flag in "--text" "--stop x" "--repetition-penalty 2" "--no-repeat-ngram 2"; do
  refuses "--score with $flag" 2 'has no meaning with --score' decode -m lm.st --score $flag <begin.st
done
for flag in "--min-p 0.1" "--typical-p 0.9"; do
  refuses "${flag% *} without --sample" 2 "${flag% *} has no meaning without --sample" decode -m lm.st $flag <begin.st
done
refuses "a penalty of nothing" 2 "--repetition-penalty: '0'" decode -m lm.st --repetition-penalty 0 <begin.st
refuses "a probability above 1" 2 "--min-p: '1.5'" decode -m lm.st --sample --min-p 1.5 <begin.st
refuses "n-grams of a negative length" 2 "--no-repeat-ngram: '-1'" decode -m lm.st --no-repeat-ngram -1 <begin.st
done_testing
