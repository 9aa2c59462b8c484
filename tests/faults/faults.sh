# Every tool when a call of the system fails, one after the other: the result of an undisturbed run, or exit code 1 and one line that
# says why, and where -o leads, the file that stood there before. FAULTS_OF_A_KIND: how many calls of a kind are tried in each run, from
# the first to the last (default 3; all: every one), by scripts/attack; FAULT_SECONDS: no new ones after so long.
# What is not ours to mend, and counted: memory refused to oneDNN, OpenBLAS, libgomp or glibc's thread_local is not always survived by
# them. The stack of the call that failed tells.
source "$(dirname "$0")/../shell.sh"
library=$here/$BUILD/stand-in/failing_calls.so
[ -e "$library" ] || { skip "failing calls of the system" "$BUILD/stand-in/failing_calls.so was not built"; done_testing; }
each=${FAULTS_OF_A_KIND:-3} last=$((SECONDS + ${FAULT_SECONDS:-1000000})) calls=0 wrong=0 foreign=0
export OMP_NUM_THREADS=2 GOMP_SPINCOUNT=1000 CUDA_VISIBLE_DEVICES=

"$here/$BUILD/data/make-corpus" --grammar "$here/data/english-german.grammar" --seed 1 --train 60 --valid 8 --test 8 . >/dev/null
tokenize -q --learn --vocab-size 300 --character-coverage 0.98 -o spm.model train.en train.de
for split in train valid; do paste $split.en $split.de | tokenize -q -m spm.model --columns src,tgt >$split.st; done
tokenize -q -m spm.model <test.en >test.st
small=(train -q --data train.st --valid valid.st --layers 1 --d-model 16 --d-ff 16 --heads 2 --max-tokens 300 --save-every 2 --validate-every 2 --report-every 1 --average 2)
"${small[@]}" --steps 4 -o model.st
"${small[@]}" --steps 2 -o begun.st

# try NAME RESULT INPUT COMMAND...: runs it in the folder `run`, where it writes RESULT (out; "-": standard output).
try() {
  local name=$1 result=$2 input=$3 kind count number how hows bad before code
  shift 3
  prepare() {
    rm -rf run && mkdir run && echo old >run/out && ln -s "$work"/*.st "$work"/*.en "$work"/*.de "$work/spm.model" run/ && cp begun.st.checkpoint run/begun.st.checkpoint
    for kept in begun.st.step-*; do cp "$kept" run/; done
  }
  prepare
  (cd run && STORM_FAULT_COUNTS=$work/counts STORM_FAULT_PROGRAM=$1 LD_PRELOAD=$library "$@" <"$work/$input") >undisturbed.out 2>err || {
    cat err
    return 1
  }
  [ "$result" = - ] || cp "run/$result" undisturbed.out
  before=$wrong
  while read -r kind count; do
    case $kind in
      write) hows="28 short INTR" ;; # ENOSPC
      open) hows=24 ;;               # EMFILE
      malloc | mmap) hows=12 ;;      # ENOMEM
      *) hows=5 ;;                   # EIO
    esac
    for how in $hows; do
      for number in $(awk -v n="$count" -v each="$each" 'BEGIN { if (each == "all" || each >= n) each = n; for (i = 0; i < each; ++i) print (each > 1 ? 1 + int(i * (n - 1) / (each - 1)) : 1) }'); do
        [ $SECONDS -lt $last ] || return 0
        prepare
        calls=$((calls + 1))
        (cd run && STORM_FAULT=$kind:$number:$how STORM_FAULT_STACK=$kind STORM_FAULT_PROGRAM=$1 LD_PRELOAD=$library timeout -k 1 60 "$@" <"$work/$input") >out 2>all
        code=$?
        grep -E '\[0x[0-9a-f]+\]$' all >stack
        grep -vE '\[0x[0-9a-f]+\]$' all >err
        if [ $code -gt 1 ] && [[ $how = 12 ]] && grep -qE 'lib(dnnl|openblas|gomp)|__cxa_thread_atexit' stack; then
          foreign=$((foreign + 1))
          continue
        fi
        bad=$(judge $code "$result" "$how" "$1")
        [ -z "$bad" ] || {
          echo "$name, call $number of $kind, $how: $bad"
          head -n 5 err
          sed -n 3,12p stack
          wrong=$((wrong + 1))
        }
      done
    done
  done <counts
  rm -f counts
  [ $wrong -eq "$before" ]
}

judge() { # judge CODE RESULT HOW PROGRAM: prints what is wrong
  local file
  case $1 in
    0)
      if [ "$2" = - ]; then cmp -s out undisturbed.out || echo "another result with exit code 0"; else
        cmp -s "run/$2" undisturbed.out || echo "another file with exit code 0"
      fi
      ;;
    1)
      [[ $3 != short && $3 != INTR ]] || echo "exit code 1, though no more than half a write failed"
      [ "$(wc -l <err)" -eq 1 ] || echo "$(wc -l <err) lines of errors"
      grep -qE "^($4|libgomp): " err || echo "a line without the tool's name"
      [ "$2" = - ] || [ "$(head -c 4 "run/$2" | tr -d '\0')" = old ] || cmp -s "run/$2" undisturbed.out || echo "$2 is neither the old file nor the new one"
      ;;
    *) echo "exit code $1" ;;
  esac
  for file in run/*.tmp run/*.lock; do [ ! -e "$file" ] || echo "$file is left"; done
}

ok "tokenize --learn" try learn out train.en tokenize -q --learn --vocab-size 300 --character-coverage 0.98 -o out train.en
ok "tokenize" try tokenize out train.en tokenize -q -m spm.model -o out train.en
ok "tokenize -d" try detokenize out train.en tokenize -q -d -o out train.st
ok "train" try train out train.en "${small[@]}" --steps 4 --log log -o out
ok "train --resume" try resume begun.st train.en "${small[@]}" --steps 4 --resume -o begun.st
ok "decode" try decode out test.st decode -q -m model.st --beam 3 -o out
ok "decode --score" try score - valid.st decode -q -m model.st --score
ok "embed" try embed out test.st embed -q -m model.st --pool mean -o out
ok "attn-dump" try attn-dump out valid.st attn-dump -q -m model.st -o out
ok "attn-dump --html" try html out valid.st attn-dump -q -m model.st --html out
ok "bleu" try bleu - train.en bleu test.de -i test.en -m bleu chrf ter
ok "tensor cat" try cat out train.en tensor cat -o out train.st valid.st
ok "tensor average" try average out train.en tensor average -o out model.st model.st
echo "$calls calls failed; $foreign of them ended the process in another's library, $wrong went wrong"
done_testing
