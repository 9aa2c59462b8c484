# Every tool, with one failing system call: it gives what it gives undisturbed, or ends with one line and nothing half-written.
#   FAULT_SAMPLES=N   failing calls that are tried of each kind in each run [3]; scripts/attack faults tries all
#   FAULT_SECONDS=N   time for each kind in each run [no limit]
# The last line says how many calls failed in all.
. "$(dirname "$0")/../shell.sh"
library=$here/$BUILD/tests/failing_calls.so
[ -e "$library" ] || {
  skip "tools with failing system calls" "$BUILD/tests/failing_calls.so is not built (sanitizers have an allocator of their own)"
  done_testing
}
samples=${FAULT_SAMPLES:-3} most_seconds=${FAULT_SECONDS:-0}
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-1000} # else train would start itself again, and the calls of both would be counted

"$here/$BUILD/data/make-corpus" --grammar "$here/data/english-german.grammar" --seed 1 --train 60 --valid 8 --test 1 . >/dev/null
tokenize -q --learn --vocab-size 400 -o spm.model train.en train.de
for split in train valid; do paste $split.en $split.de >$split.tsv && tokenize -q -m spm.model --columns src,tgt <$split.tsv >$split.st; done
tokenize -q -m spm.model <valid.en >source.st
short=(--data ../train.st --valid ../valid.st --layers 1 --d-model 16 --d-ff 16 --heads 2 --max-tokens 128 --warmup 2)
short+=(--validate-every 2 --report-every 1 --device cpu --threads 2)
train -q "${short[@]/#..\//}" --steps 4 -o model.st
embed -q -m model.st --device cpu --pool mean -o sentences.st <source.st
cp "$here/tests/vectors/data/fasttext.bin" .

# Of a model or a checkpoint the tensors alone, of a log all but what a clock says: what must not differ between two runs.
what_counts() {
  case $1 in
    *.checkpoint | model.st*) tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1" ;;
    *.tsv) cut -f 1,2,4-7,9- "$1" ;;
    *) cat "$1" ;;
  esac
}

# once FAULT COMMAND...: in a folder of its own. Sets code and lines, those of standard error.
once() {
  local fault=$1
  shift
  cd "$work" && rm -rf run caller && mkdir run && cd run || exit 1
  {
    STORM_FAULT_COUNT=$work/calls STORM_FAULT_CALLER=$work/caller \
      timeout -s KILL 100 env LD_PRELOAD="$library" ${fault:+STORM_FAULT="$fault"} "$@" <"$work/$input" >stdout 2>"$work/stderr"
  } 2>/dev/null # where the shell would say that it crashed
  code=$?
  mapfile -t lines <"$work/stderr"
}

# Who ends the process by himself, so that no line of ours can be said; each only where the failing call was its own.
#   oneDNN         makes the code of its kernels at their first use, does not look whether it got the memory for it, and lets no
#                  exception pass its parallel loop
#   SentencePiece  crashes where memory fails while it takes a line apart or together
#   nlohmann-json  allocates where an array or an object is destroyed (json_value::destroy), and destructors may not throw
excused() {
  local who addresses
  { read -r who && read -r addresses; } <"$work/caller"
  [ "$code" -ge 134 ] && [ "$code" -ne 137 ] || [[ ${lines[-1]:-} == *"ended by an error that nobody expected" ]] || return 1
  case $who in
    libdnnl.so* | libsentencepiece*.so*) ;;
    program) addr2line -Cfie "$(command -v "$tool")" $addresses | grep -qE 'nlohmann.*(::destroy|~basic_json)' || return 1 ;;
    *) return 1 ;;
  esac
  others=$((others + 1))
}

# oneDNN 3 goes on with another kernel where it could not make the code of one: sums round otherwise.
another_kernel() { [[ $(head -n 1 "$work/caller") == libdnnl.so* ]] && others=$((others + 1)); }

# Whether the run that once() made is sound: the same bytes; or one line, and what was to be written is complete or absent.
sound() {
  local file
  if [ "$code" -eq 0 ]; then
    [ ${#lines[@]} -eq 0 ] || [[ ${lines[0]} == *warning:*cannot\ write*the\ log\ lacks* ]] || return 1
    for file in "${outputs[@]}"; do
      [[ $file == *.tsv && ${#lines[@]} -gt 0 ]] || what_counts "$file" | cmp -s - "$work/wanted/$file" || another_kernel || return 1
    done
    return 0
  fi
  [ "$code" -eq 1 ] && [ ${#lines[@]} -eq 1 ] || excused || return 1
  for file in *.tmp; do [ ! -e "$file" ] || return 1; done
  for file in "${whole[@]}"; do
    [ ! -e "$file" ] || what_counts "$file" | cmp -s - "$work/wanted/$file" || return 1
  done
}

# Whether a training that failed goes on to what it would have been.
goes_on() {
  [[ ${outputs[*]} == *.checkpoint* ]] && [ "$code" -ne 0 ] || return 0
  "${command[@]}" --resume >stdout 2>"$work/stderr" || return 1
  for file in "${outputs[@]}"; do what_counts "$file" | cmp -s - "$work/wanted/$file" || return 1; done
}

all=0 others=0
# attack NAME INPUT "OUTPUTS" COMMAND...: with failing calls of every kind. Outputs: stdout, or files, complete or absent.
attack() {
  local name=$1 kind how count n bad until
  input=$2 outputs=($3) whole=()
  shift 3
  command=("$@") tool=$1
  for n in "${outputs[@]}"; do [ "$n" = stdout ] || [[ $n == *.checkpoint || $n == *.tsv ]] || whole+=("$n"); done
  once "" "${command[@]}"
  [ $code -eq 0 ] && [ ${#lines[@]} -eq 0 ] || { echo "not ok - $name: fails undisturbed: ${lines[*]}" && failures=$((failures + 1)) && return; }
  rm -rf "$work/wanted" && mkdir "$work/wanted"
  for n in "${outputs[@]}"; do what_counts "$n" >"$work/wanted/$n"; done
  cp "$work/calls" "$work/counts"
  for kind in write write:short write:EINTR fsync rename mmap open malloc; do
    how=${kind#*:}
    [ "$how" != "$kind" ] || how=
    count=$(awk -v kind="${kind%:*}" '$1 == kind { print $2 }' "$work/counts")
    [ "$count" -gt 0 ] || continue
    bad=0 until=$((most_seconds > 0 ? SECONDS + most_seconds : 1 << 40))
    while read -r n; do
      [ $SECONDS -lt $until ] || break
      once "${kind%:*}:$n${how:+:$how}" "${command[@]}"
      all=$((all + 1))
      sound && goes_on && continue
      bad=$((bad + 1))
      echo "    $name: $kind call $n of $count: exit code $code: $(head -c 300 "$work/stderr" | tr '\n' '|'), called by $(head -n 1 "$work/caller"); left: $(ls | tr '\n' ' ')"
    done < <(if [ "$samples" -ge "$count" ]; then shuf -i "1-$count"; else
      awk -v n="$samples" -v count="$count" 'BEGIN { for (i = 1; i <= n; ++i) print int((i - 0.5) * count / n) + 1 }'; fi)
    [ $bad -eq 0 ] && echo "ok - $name: failing calls of $kind" || { echo "not ok - $name: failing calls of $kind" && failures=$((failures + 1)); }
  done
  cd "$work" || exit 1
}

attack "tokenize --learn" valid.en "spm.model" tokenize -q --learn --vocab-size 400 --threads 2 -o spm.model ../train.en ../train.de
attack "tokenize" train.tsv "out.st" tokenize -q -m ../spm.model --columns src,tgt --threads 2 -o out.st
attack "tokenize -d" train.st "stdout" tokenize -q -d --column tgt --threads 2
attack "train" valid.en "model.st model.st.checkpoint log.tsv" train -q "${short[@]}" --steps 4 --save-every 2 --average 2 --valid-bleu --beam 1 --log log.tsv -o model.st
attack "train 3-gram" valid.en "lm.st" train -q --preset 3-gram --memory 64K --threads 2 --data "$here/tools/train.md" -o lm.st
attack "decode" source.st "out.st" decode -q -m ../model.st --device cpu --threads 2 --beam 2 --nbest 2 --max-length 4 -o out.st
attack "decode --score" valid.st "stdout" decode -q -m ../model.st --device cpu --threads 2 --score
attack "embed" source.st "out.st" embed -q -m ../model.st --device cpu --threads 2 --pool mean -o out.st
attack "embed --nearest" source.st "stdout" embed -q -m ../model.st --device cpu --threads 2 --pool mean --nearest 2 --index ../sentences.st
attack "attn-dump --html" valid.st "page.html" attn-dump -q -m ../model.st --device cpu --threads 2 --html page.html
attack "attn-dump" valid.st "out.st" attn-dump -q -m ../model.st --device cpu --threads 2 -o out.st
attack "bleu" valid.de "stdout" bleu -q --threads 2 -m bleu chrf ter -ci -cin 20 --force ../valid.de
attack "f1" valid.de "stdout" f1 -q --threads 2 -ci -cin 20 ../valid.de
attack "tensor average" valid.en "mean.st" tensor -q average ../model.st ../model.st -o mean.st
attack "tensor import" valid.en "vectors.st" tensor -q import ../fasttext.bin -o vectors.st
attack "tensor ls" valid.st "stdout" tensor -q ls
for n in 100 700; do
  refuses "tensor ls without any memory from allocation $n on" 1 '^tensor: out of memory$' env LD_PRELOAD="$library" STORM_FAULT="malloc:$n+" tensor ls model.st
done
echo "$all runs with a failing call, $others of them ended or rounded otherwise by oneDNN, or ended by SentencePiece or nlohmann-json"
done_testing
