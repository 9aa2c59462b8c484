# train as a user runs it: flags, refusals, stopping and going on, what is left behind.
source "$(dirname "$0")/../shell.sh"

numbers() { # numbers SEED COUNT: lines of made-up words and their mirror
  awk -v seed="$1" -v n="$2" 'BEGIN { srand(seed); for (i = 0; i < n; ++i) { a = ""; b = ""; k = 2 + int(rand() * 5)
    for (j = 0; j < k; ++j) { w = "w" int(rand() * 40); a = a w " "; b = w " " b } print a "\t" b } }'
}
numbers 1 300 >train.tsv
numbers 2 40 >valid.tsv
cut -f1 train.tsv >train.src
tokenize -q --learn --no-byte-fallback --vocab-size 46 -o spm.model train.src
tokenize -q --learn --no-byte-fallback --vocab-size 40 -o other.model train.src
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
tokenize -q -m spm.model --columns src,tgt <valid.tsv >valid.st
tokenize -q -m other.model --columns src,tgt <valid.tsv >other.st
tokenize -q -m spm.model <train.src >source.st
tokenize -q -m spm.model --columns src,tgt </dev/null >none.st
small=(--layers 1 --d-model 32 --d-ff 64 --heads 2 --dropout 0.1 --max-tokens 200 --warmup 20 --lr 0.01)
run=(train -q --data train.st --valid valid.st "${small[@]}" --validate-every 20 --report-every 10)

# The bytes of a file's tensors: all that follows the header.
data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1" | sha256sum; }
same_data() { [ "$(data_of "$1")" = "$(data_of "$2")" ]; }

trains() {
  "${run[@]}" --steps 60 --log run.tsv --stats -o model.st 2>stats.json || return 1
  [ -s model.st ] && [ -s model.st.checkpoint ] && [ "$(head -n 1 run.tsv | cut -f1-5)" = "$(printf 'step\tepoch\tseconds\tlr\tloss')" ] &&
    [ "$(cut -f1 run.tsv | tr '\n' ' ')" = "step 10 20 30 40 50 60 " ] &&
    [ "$(awk -F '\t' '$9 != ""' run.tsv | wc -l)" -eq 4 ] && grep -q '"target_tokens/s"' stats.json && grep -q '"peak_MiB"' stats.json
}
ok "a run writes the model, its checkpoint, the log and the figures" trains
learns() { awk -F '\t' 'NR == 2 { first = $6 } { last = $6 } END { exit !(last < first / 2) }' run.tsv; }
ok "the perplexity falls" learns
ok "the model carries the vocabulary" bash -c 'echo "w1 w2" | tokenize -m model.st --output ids | grep -q .'

piped() { tokenize -q -m spm.model --columns src,tgt <train.tsv | train -q --valid valid.st "${small[@]}" --validate-every 20 --steps 60 -o piped.st && same_data model.st piped.st; }
ok "data on standard input are spooled, and give the same model" piped
threads() { "${run[@]}" --threads 1 --steps 30 -o t1.st && "${run[@]}" --threads 1 --steps 30 -o t2.st && same_data t1.st t2.st; }
ok "the same seed gives the same bits" threads

long=(--steps 240 --save-every 10)
ok "a run that nobody stops" "${run[@]}" "${long[@]}" -o whole.st
stopped() { # stopped SIGNAL CODE: a run stopped in its middle, gone on with, equals the one that was not stopped
  rm -f stop.st*
  "${run[@]}" "${long[@]}" --log stop.tsv -o stop.st &
  local pid=$! code
  until [ -e stop.st.checkpoint ] && [ "$(wc -l <stop.tsv)" -gt 3 ]; do kill -0 $pid || break; done
  kill "-$1" $pid
  wait $pid
  code=$?
  echo "exit code $code"
  [ $code -eq "$2" ] && [ ! -e stop.st ] || return 1
  "${run[@]}" "${long[@]}" --log stop.tsv --resume -o stop.st || return 1
  same_data whole.st stop.st && same_data whole.st.checkpoint stop.st.checkpoint &&
    [ "$(cut -f1 stop.tsv | tail -n +2)" = "$(seq 10 10 240)" ]
}
ok "SIGTERM saves, ends with 143, and --resume ends in the bits of an undisturbed run" stopped TERM 143
ok "SIGINT saves, ends with 130, and --resume does the same" stopped INT 130
ok "killed outright, --resume goes on from the last checkpoint to the same bits" stopped KILL 137
nohup_run() {
  (trap '' HUP; exec "${run[@]}" "${long[@]}" --log hup.tsv -o hup.st) &
  local pid=$!
  until [ -e hup.tsv ] && [ "$(wc -l <hup.tsv)" -gt 3 ]; do kill -0 $pid || break; done
  kill -HUP $pid
  wait $pid && same_data whole.st hup.st
}
ok "under nohup, the end of the terminal does not stop it" nohup_run
refuses "--resume with another seed" 2 '--seed 9 is not what .* has \(1\)' "${run[@]}" --seed 9 --resume -o stop.st
refuses "--resume with another shape" 2 '--d-model 64 is not what .* has \(32\)' "${run[@]}" --d-model 64 --resume -o stop.st
refuses "--resume with other data" 1 'valid.st: is not the data' train -q --data valid.st --resume -o stop.st
swapped() { # as many pairs and tokens as before, two words of them changed
  awk -F '\t' 'NR == 1 { print "w2 w1\tw1 w2"; next } { print }' train.tsv >like.tsv
  awk -F '\t' 'NR == 1 { print "w1 w2\tw2 w1"; next } { print }' train.tsv >first.tsv
  for name in first like; do tokenize -q -m spm.model --columns src,tgt <$name.tsv >$name.st; done
  train -q --data first.st "${small[@]}" --steps 5 --save-every 5 -o swapped.st
}
ok "a run on data that will change" swapped
refuses "--resume with other data of as many tokens" 1 'like.st: is not the data' train -q --data like.st --steps 10 --resume -o swapped.st
forgetful() {
  "${run[@]}" --steps 40 --average 2 --log forget.tsv -o forget.st && "${run[@]}" --steps 60 --resume -o forget.st 2>err
  cat err
  [ "$(grep -c warning err)" -eq 2 ] && grep -q 'warning: --average is left out, and was 2 before' err && grep -q 'warning: --log is left out' err
}
ok "--resume warns of flags that the run was begun with and that are left out" forgetful
sed 's/\(batches\\":\)2/\1-/' stop.st.checkpoint >cut.st.checkpoint
refuses "--resume from a state that cannot be" 1 'cut.st.checkpoint: .*out of range' "${run[@]}" --steps 1 --resume -o cut.st
sed 's/\(epsilon\\":\)1e-09/\1-1e-9/' stop.st.checkpoint >cut.st.checkpoint
refuses "--resume with settings that cannot be" 1 "cut.st.checkpoint: the training's state: --epsilon: -1e-09 is not a number from 0 to 1" "${run[@]}" --steps 1 --resume -o cut.st
sed 's/\(batches\\":2\)[0-9]/\1./' stop.st.checkpoint >cut.st.checkpoint
refuses "--resume from a state with a number that is not whole" 1 "cut.st.checkpoint: the training's state: 'batches' is not a whole number" "${run[@]}" --steps 1 --resume -o cut.st
sed 's/inverse-sqrt/inverse-root/' stop.st.checkpoint >cut.st.checkpoint
refuses "--resume with a schedule that there is not" 1 "cut.st.checkpoint: the training's state: .*'inverse-root' is none of" "${run[@]}" --steps 1 --resume -o cut.st
head -c 5000 stop.st.checkpoint >cut.st.checkpoint
refuses "--resume from a truncated checkpoint" 1 'cut.st.checkpoint: .*truncated' "${run[@]}" --resume -o cut.st

estimated() { # two limits: the nearer one counts; rising batches are fewer at first
  minutes() { train --data train.st "${small[@]}" --dry-run "$@" | awk -F '\t' '$1 == "minutes/epoch" { e = $2 } $1 == "minutes" { m = $2 } END { print e, m + 0; exit !(e > 0 || m >= 0) }'; }
  minutes --epochs 3 && [ "$(minutes --minutes 0.5 --epochs 1000000 | cut -d ' ' -f 2)" = 0.5 ] && [ ! -e dry.st ]
}
ok "--dry-run says how long a run will take, up to the nearest limit" estimated
dry() { train --data train.st "${small[@]}" --dry-run >dry.txt && [ ! -e dry.st ] && grep -q "^parameters	" dry.txt && grep -q "^batches/epoch	" dry.txt && grep -q "^all_MiB	" dry.txt; }
ok "a dry run says what a run would take" dry
automatic() { train --data train.st "${small[@]}" --max-tokens auto --memory 80M --dry-run >dry.txt && awk -F '\t' '$1 == "all_MiB" { exit !($2 <= 80) }' dry.txt; }
ok "--max-tokens auto stays within --memory" automatic
parted() { train --data train.st --preset tiny --memory 200M --max-tokens 100000 --dry-run >dry.txt && awk -F '\t' '$1 == "all_MiB" { all = $2 } $1 == "micro_batch" { part = $2 } END { exit !(all <= 200 && part < 50000) }' dry.txt; }
ok "with --memory, batches are run in parts that fit" parted
tuned() { "${run[@]}" --init model.st --schedule constant --warmup 0 --lr 0 --steps 1 -o tuned.st && same_data model.st tuned.st; }
ok "--init begins with the model's weights" tuned
averaged() { "${run[@]}" --steps 60 --average 2 -o avg.st && ls avg.st.step-40 avg.st.step-60 && [ ! -e avg.st.step-20 ] && tensor average -o mean.st avg.st.step-40 avg.st.step-60 && same_data avg.st mean.st; }
ok "--average N is the mean of the last N checkpoints, as tensor average has it" averaged

gone() { # disk space was needed
  rm avg.st.step-40
  "${run[@]}" --steps 80 --average 3 --resume -o avg.st 2>err || return 1
  cat err
  [ "$(wc -l <err)" -eq 1 ] && grep -q 'warning: avg.st.step-40: is gone.*without those of step 40' err && [ -e avg.st.step-60 ] &&
    tensor average -o mean.st avg.st.step-60 avg.st.step-80 && same_data avg.st mean.st
}
ok "a MODEL.step-N that was deleted is missed when the run is gone on with, and left out of the mean" gone
damaged() {
  head -c 1000 avg.st.step-60 >half && cp half avg.st.step-60
  "${run[@]}" --steps 100 --average 3 --resume -o avg.st
}
refuses "a MODEL.step-N that is damaged, before the work" 1 'avg.st.step-60: .*truncated.*; remove it to have the mean without it' damaged
orphans() { # what an earlier run, or a killed one, has left is nobody's once a new checkpoint stands
  touch avg.st.step-1 avg.st.step-7.4242.tmp avg.st.checkpoint.4242.tmp avg.st.step-by-step avg.st.step-7.txt
  "${run[@]}" --steps 20 -o avg.st && [ "$(echo avg.st*)" = "avg.st avg.st.checkpoint avg.st.step-7.txt avg.st.step-by-step" ]
}
ok "MODEL.step-N and *.tmp that no checkpoint names are removed, and nothing else" orphans

together() { # the second is started when the first has its checkpoint
  "${run[@]}" --steps 1000000 --save-every 1 --average 3 -o both.st &
  local pid=$!
  until [ -e both.st.checkpoint ]; do kill -0 $pid || return 1; done
  "${run[@]}" --steps 5 --seed 2 -o both.st 2>err
  local code=$?
  kill -KILL $pid
  wait $pid
  cat err
  [ $code -eq 1 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q 'both.st: another training is writing it' err &&
    "${run[@]}" --steps 5 -o both.st && [ ! -e both.st.lock ]
}
ok "a second training with the same -o is refused, and not after the first was killed" together

long_name=$(printf 'x%.0s' {1..240}) # a name can have 255 bytes, .PID.tmp of the file in the making included
refuses "a name too long for its checkpoint, before the data are read" 1 'xx.checkpoint: cannot write: File name too long' train --data nowhere.st -o "$long_name"
refuses "a name too long for its snapshots, before the data are read" 1 'xx.step-[0-9]*: cannot write: File name too long' train --data nowhere.st --average 2 -o "${long_name:14}"
refuses "a name too long for its log" 1 'x: cannot write: File name too long' "${run[@]}" --log "$long_name$long_name" -o x.st

in_last_bleu() { # a signal while the last validation decodes: the checkpoint alone is written, and resuming ends as ever
  local options=("${run[@]}" --steps 30 --validate-every 30 --save-every 10 --average 3 --valid-bleu --beam 200 --log last.tsv)
  rm -f last.st*
  "${options[@]}" -o last.st &
  local pid=$!
  # The last line but one of the log is of the report before the last validation.
  until [ -e last.st.step-20 ] && [ "$(tail -n 1 last.tsv | cut -f1)" = 20 ]; do kill -0 $pid || return 1; done
  kill -TERM $pid
  wait $pid
  [ $? -eq 143 ] && [ ! -e last.st ] || return 1
  "${options[@]}" --resume -o last.st && "${options[@]}" -o undisturbed.st --log undisturbed.tsv && same_data last.st undisturbed.st &&
    same_data last.st.checkpoint undisturbed.st.checkpoint && cmp <(cut -f1,2,4-7,9- last.tsv) <(cut -f1,2,4-7,9- undisturbed.tsv)
}
ok "a signal near the last validation's decoding leaves the checkpoint alone, and resuming gives the model and the log of an undisturbed run" in_last_bleu

scored() { # the last BLEU of the log is what the tools say of the model that was written
  "${run[@]}" --steps 200 --validate-every 100 --valid-bleu --log bleu.tsv -o bleu.st || return 1
  cut -f2 valid.tsv >valid.ref
  tokenize -q -m bleu.st <<<"$(cut -f1 valid.tsv)" | decode -q -m bleu.st | tokenize -q -d >valid.hyp
  tail -n 1 bleu.tsv | cut -f11
  bleu -b -w 2 <(tokenize -d --column tgt valid.st) <valid.hyp
  [ "$(tail -n 1 bleu.tsv | cut -f11)" = "$(bleu -b -w 2 <(tokenize -d --column tgt valid.st) <valid.hyp)" ] && [ "$(tail -n 1 bleu.tsv | cut -f11)" != 0.00 ]
}
ok "--valid-bleu is what decode | tokenize -d | bleu give" scored

refuses "a stream of another kind" 1 'model.st: byte 0: holds .model., not .tokens.' train --data model.st "${small[@]}" -o x.st
refuses "a stream without targets" 1 'source.st: has the columns src, training needs src and tgt' train --data source.st -o x.st
refuses "a file that is no stream" 1 'train.tsv: ' train --data train.tsv -o x.st
endless() { yes | timeout 20 train --data - -o x.st; }
refuses "an endless pipe that is no stream, by its first bytes" 1 'standard input: byte 0: not a tensor stream' endless
refuses "an empty file" 1 'standard input: byte 0: empty' train -o x.st
refuses "no sentences" 1 'none.st: holds no pairs' train --data none.st "${small[@]}" -o x.st
refuses "no pair that fits" 1 'none of its pairs fits --max-tokens 2' train -q --data train.st "${small[@]}" --max-tokens 2 -o x.st
refuses "a validation set with another vocabulary" 1 'vocabulary differs' train --data train.st --valid other.st "${small[@]}" -o x.st
grown() { # new rows are means, of the old ones not a bit changes
  printf ' unheard\n' >words.txt && tokenize -q --learn --extend model.st --symbols-file words.txt -o larger.model &&
    tokenize -q -m larger.model --columns src,tgt train.tsv >larger.st &&
    train -q --data larger.st --init model.st --schedule constant --warmup 0 --lr 0 --steps 1 -o grown.st &&
    tensor cat -t embedding.weight model.st >old.rows && tensor cat -t embedding.weight grown.st >new.rows &&
    head -n "$(wc -l <old.rows)" new.rows | cmp - old.rows && cut=$(tokenize -m model.st --output ids <<<unheard) && [ "$(wc -w <<<"$cut")" -gt 1 ] &&
    awk -v cut="$cut" -v size="$(tokenize -m model.st --output ids <<<x >/dev/null; tensor ls model.st | sed -n 's/.*"target_vocab_size":\([0-9]*\).*/\1/p')" '
      NR == FNR { old[n++] = $1; next } { new[m++] = $1 }
      END { parts = split(cut, id, " "); width = n / size; if (m != n + width) exit 1
            for (k = 0; k < width; ++k) { sum = 0; for (i = 1; i <= parts; ++i) sum += old[id[i] * width + k]
              if ((d = sum / parts - new[n + k]) > 1e-6 || d < -1e-6) exit 1 } }' old.rows new.rows
}
ok "--init on data of a larger vocabulary begins new rows as means" grown
refuses "--init with another vocabulary" 1 'model.st: vocabulary differs' train --data other.st --init model.st -o x.st
refuses "--init from what is no model" 1 "train.st: holds 'tokens', not a model" train --data train.st --init train.st -o x.st
refuses "a missing file" 1 'nowhere.st: cannot open' train --data nowhere.st -o x.st
refuses "no output" 2 '-o MODEL is missing' train --data train.st
refuses "an output in a folder that is not there" 1 'nowhere/x.st: cannot write' train --data train.st -o nowhere/x.st
refuses "an output that is no file" 1 'is not a regular file' train --data train.st -o /dev/full
refuses "an output that is the data" 2 'train.st is what --data reads' train --data train.st -o ./train.st
refuses "a log that is the data" 2 'train.st is what --data names' "${run[@]}" --steps 1 --log ./train.st -o x.st
refuses "a log that is the output" 2 'x.st is what --save names' "${run[@]}" --steps 1 --log x.st -o x.st
refuses "an unknown flag" 2 'see train --help' train --data train.st --layer 3 -o x.st
refuses "a number out of range" 2 "--label-smoothing: 1.5 is not a number from 0 to 0.999" train --data train.st --label-smoothing 1.5 -o x.st
refuses "a setting out of range" 2 '--dropout: 1.5' train --data train.st --dropout 1.5 -o x.st
refuses "heads that do not divide" 2 '--heads: 3 heads' train --data train.st --heads 3 -o x.st
refuses "an unknown preset" 2 "--preset: 'huge' is none of" train --data train.st --preset huge -o x.st
refuses "an unknown schedule" 2 "--schedule: 'step' is none of" train --data train.st --schedule step -o x.st
refuses "a schedule without an end" 2 '--schedule linear needs --steps' train --data train.st --schedule linear -o x.st
refuses "--patience without --valid" 2 '--patience needs --valid' train --data train.st --patience 3 -o x.st
refuses "products that no CPU has" 1 '--precision tf32: CPUs have f32 and bf16' train --data train.st "${small[@]}" --device cpu --precision tf32 -o x.st
refuses "products that are for decoding" 2 "--precision: 'f16' is none of f32, tf32, bf16" train --data train.st "${small[@]}" --precision f16 -o x.st
refuses "memory that does not hold a pair" 1 '--memory: 1 MiB are not enough: the longest row' train --data train.st "${small[@]}" --memory 1M -o x.st
refuses "memory that does not hold the model" 1 '--memory: 1 MiB are not enough' train --data train.st "${small[@]}" --max-tokens auto --memory 1M -o x.st
refuses "a learning rate that makes no number of the loss" 1 'step [0-9]+, .*(not a number|infinite); try a lower --lr' "${run[@]}" --lr 1e6 --warmup 0 --weight-decay 1e6 --steps 100 -o x.st
full() { (ulimit -f 20; env --default-signal=XFSZ "${run[@]}" --steps 40 -o full.st); }
refuses "a full disk" 1 'full.st.checkpoint: byte [0-9]+: cannot write: File too large' full
# Under a limit of address space, oneDNN's own mappings would fail, and crash, had nobody looked before.
short() {
  local out_of_memory=0 kib
  for kib in 65000 75000 85000 95000 105000 125000 200000; do
    (ulimit -c 0 && ulimit -v $kib && exec "${run[@]}" --threads 2 --steps 2 -o short.st) 2>short.err && continue
    # libgomp ends the process itself where it cannot start its threads.
    [ $? -eq 1 ] && { [ "$(wc -l <short.err)" -eq 1 ] && grep -q 'out of memory' short.err || grep -q '^libgomp: ' short.err; } || { echo "$kib KiB:" && cat short.err && return 1; }
    out_of_memory=$((out_of_memory + 1))
  done
  [ $out_of_memory -gt 1 ] && [ -s short.st ]
}
if [[ ${BUILD:-} == *address* || ${BUILD:-} == *thread* ]] || ! ldd "$(command -v train)" | grep -q libdnnl; then
  skip "address space that is short is an error, not a crash" "this build maps more, or takes its products from OpenBLAS"
else ok "address space that is short is an error, not a crash" short; fi
ok "nothing half-written is left" bash -c '! ls x.st* full.st* *.tmp 2>/dev/null | grep .'
done_testing
