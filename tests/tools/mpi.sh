# Several processes under mpirun: train and decode share their work, with the results of one process.
source "$(dirname "$0")/../shell.sh"
if ! command -v mpirun >/dev/null; then
  skip "several processes under mpirun" "there is no mpirun: install openmpi-bin and libopenmpi-dev"
  done_testing
fi
if [ ! -e "$(dirname "$(command -v train)")/libstorm_mpi.so" ]; then
  skip "several processes under mpirun" "this build has no libstorm_mpi.so"
  done_testing
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=none OMP_NUM_THREADS=1
many() { mpirun --oversubscribe -n "$@"; } # COUNT COMMAND...

reversed_language 400
tokenize -q --learn --type list -o both.model train.src train.tgt
tokenize -q -m both.model --columns src,tgt <train.tsv >train.st
head -n 60 train.src | tokenize -q -m both.model >test.st
head -n 60 train.tsv | tokenize -q -m both.model --columns src,tgt >valid.st
training=(--data train.st --valid valid.st --preset base --layers 2 --d-model 32 --d-ff 64 --heads 2 --dropout 0.1 --max-tokens 200
  --accumulate 3 --warmup 20 --lr 0.01 --validate-every 50 --save-every 10 --report-every 1 --device cpu)

# The losses and gradients' norms of two logs: those of the first 10 updates within 1e-5, all within 1e-3.
near() { # LOG LOG STEPS
  paste "$1" "$2" | awk -F '\t' -v steps="$3" 'NR == 1 { for (i = 1; i <= NF / 2; ++i) column[$i] = i; n = NF / 2; next }
    { a = $column["loss"]; b = $(n + column["loss"]); d = (a - b) / a; if (d < 0) d = -d
      if ($column["step"] != $(n + column["step"])) exit 1
      if (d > (NR <= 11 ? 1e-5 : 1e-3)) { print "step " NR - 1 ": " a " and " b; exit 1 } ++rows }
    END { if (rows != steps) { print rows " rows"; exit 1 } }'
}
tensors() { tensor cat -q "$1" | tensor cat -q --raw - | sha256sum; }
bits() { for name in $(tensor ls "$1" | awk 'NR > 1 && $2 ~ /F32/ { print $1 }'); do tensor cat -q --tensor "$name" --raw "$1"; done | sha256sum; }

train -q "${training[@]}" --steps 60 --log one.tsv -o one.st
for n in 1 2 3 4; do
  same_losses() { many "$n" train -q "${training[@]}" --steps 60 --log "$n.tsv" -o "$n.st" && near one.tsv "$n.tsv" 60; }
  ok "$n processes lose what one does" same_losses
done
for n in 2 3; do
  again() { many "$n" train -q "${training[@]}" --steps 60 --log again.tsv -o again.st && [ "$(bits again.st)" = "$(bits "$n.st")" ] && [ "$(bits again.st.checkpoint)" = "$(bits "$n.st.checkpoint")" ]; }
  ok "twice the same bits by $n processes" again
done
handed_on() {
  many 2 train -q "${training[@]}" --steps 20 --log on.tsv -o on.st && many 3 train -q "${training[@]}" --steps 40 --log on.tsv --resume -o on.st &&
    train -q "${training[@]}" --steps 60 --log on.tsv --resume -o on.st && near one.tsv on.tsv 60
}
ok "2, then 3, then 1 process resume one another's checkpoints" handed_on
counts() { many 3 train -q --data train.st --preset tiny --max-tokens 200 --steps 1 -o default.st && head -c 65536 default.st.checkpoint | grep -aq '\\"accumulate\\":3[,}]'; }
ok "without --accumulate an update has a batch of each process" counts
sharded() { # two buffers, halved: what is sent is each piece once to be added, and once back
  many 2 train -q "${training[@]}" --steps 10 --stats -o s.st 2>stats && numbers=$(tensor ls s.st.checkpoint | awk '/adam.m/ { print $0 }' | grep -oE '\[[0-9]+' | tr -d '[') &&
    awk -v p="$numbers" '{ match($0, /"bytes_sent": [0-9]+/); n = substr($0, RSTART + 14, RLENGTH - 14); r = n / (10 * p * 4); print r; exit !(r > 0.99 && r < 1.2) }' stats
}
ok "each process sends a number of the model once for an update of two" sharded

# Ends. One rank is killed when so many updates are logged: the others end, too, and the last checkpoint goes on to the bits of an undisturbed run.
process_of() { # RANK NAME: of the training that writes NAME
  pgrep -f "train -q .*-o $work/$2" | while read -r p; do tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$1" && echo "$p"; done | tail -n 1
}
killed() { # RANK UPDATES
  rm -f killed.*
  many 3 train -q "${training[@]}" --steps 60 --log killed.tsv -o "$work/killed.st" 2>killed.err &
  local launcher=$! victim from
  until [ "$(wc -l 2>/dev/null <killed.tsv || echo 0)" -gt "$2" ]; do kill -0 $launcher 2>/dev/null || break; done
  victim=$(process_of "$1" killed.st)
  from=$SECONDS
  [ -n "$victim" ] && kill -KILL "$victim"
  ! wait $launcher && [ $((SECONDS - from)) -lt 30 ] && ! pgrep -f "train -q .*-o $work/killed.st" >/dev/null &&
    many 3 train -q "${training[@]}" --steps 60 --log killed.tsv --resume -o "$work/killed.st" && [ "$(bits killed.st)" = "$(bits 3.st)" ] || { echo "rank $1, update $2"; return 1; }
}
RANDOM=1 deaths=${STORM_DEATHS:-2} # 20 of them take two minutes
for _ in $(seq "$deaths"); do
  rank=$((RANDOM % 3)) updates=$((RANDOM % 50))
  ok "when rank $rank is killed behind update $updates all end, and a resumed run makes the same bits" killed $rank $updates
done
# A launcher that does not end the others: they see it themselves, and one of them says which has gone.
left() {
  mpirun --oversubscribe --enable-recovery -n 3 train -q "${training[@]}" --steps 1000000 -o "$work/left.st" 2>left.err &
  local launcher=$! from
  until [ -s left.st.checkpoint ]; do kill -0 $launcher 2>/dev/null || return 1; done
  kill -KILL "$(process_of 2 left.st)"
  from=$SECONDS
  wait $launcher
  [ $((SECONDS - from)) -lt 30 ] && [ "$(grep -c '^train' left.err)" = 1 ] && grep -qE '^train: rank 2 \(process [0-9]+ on .*\) has ended, and was waited for$' left.err
}
if mpirun --enable-recovery --version >/dev/null 2>&1; then ok "where the launcher does not end them the others see that one has gone" left; fi
stopped() {
  many 2 train -q "${training[@]}" --steps 60 -o "$work/stopped.st" 2>stopped.err &
  local launcher=$! one
  while [ ! -s stopped.st.checkpoint ]; do kill -0 $launcher 2>/dev/null || break; done
  one=$(process_of 1 stopped.st)
  kill -TERM "$one"
  ! wait $launcher && [ ! -e stopped.st ] && many 2 train -q "${training[@]}" --steps 60 --resume -o "$work/stopped.st" && [ "$(bits stopped.st)" = "$(bits 2.st)" ]
}
ok "a signal to one process stops all behind a whole update" stopped
passed_on() {
  mpirun --oversubscribe -n 2 train -q "${training[@]}" --steps 60 -o passed.st 2>passed.err &
  local launcher=$!
  while [ ! -s passed.st.checkpoint ]; do kill -0 $launcher 2>/dev/null || break; done
  kill -USR1 $launcher
  ! wait $launcher && [ ! -e passed.st ] && many 2 train -q "${training[@]}" --steps 60 --resume -o passed.st && [ "$(bits passed.st)" = "$(bits 2.st)" ]
}
ok "mpirun passes SIGUSR1 on, which stops all in order" passed_on
diverged() { ! many 2 train -q "${training[@]}" --lr 1e6 --steps 60 -o nan.st 2>err && [ "$(grep -c 'is not a number\|is infinite\|diverged' err)" = 1 ]; }
ok "a loss that is no number is said once" diverged

decode -q -m one.st --nbest 3 --scores <test.st >wanted.st
# The last word of each line is a number, which may be another by rounding: products round by how many rows there are.
close_to() { paste -d '|' "$1" "$2" | awk -F '|' '{ n = NF / 2; split($n, a, " "); split($NF, b, " "); d = a[1] - b[1]; if (d > 2e-5 || d < -2e-5) exit 1
  for (i = 1; i < n; ++i) if ($i != $(i + n)) exit 1 } END { exit !NR }'; }
answers() { many 3 decode -q -m one.st --nbest 3 --scores test.st >got.st && close_to <(tokenize -d wanted.st) <(tokenize -d got.st); }
ok "several processes decode to the answers and scores of one, in order" answers
scores() { decode -q -m one.st --score <valid.st >wanted && many 3 decode -q -m one.st --score <valid.st >got && close_to wanted got; }
ok "and score as one does" scores
samples() { decode -q -m one.st --sample --seed 3 <test.st | tokenize -d >wanted && many 2 decode -q -m one.st --sample --seed 3 <test.st | tokenize -d >got && cmp wanted got; }
ok "and sample what one does" samples
# Whose rows round by themselves.
same_bits() { decode -q -m one.st --precision int8 --scores <test.st >wanted.st && many 3 decode -q -m one.st --precision int8 --scores <test.st >got.st && cmp <(tokenize -d wanted.st) <(tokenize -d got.st); }
ok "in int8 to the bit" same_bits
vectors() {
  local flags
  for flags in "" "--pool mean --normalize" "--level word --layer 1"; do
    embed -q -m one.st --precision int8 $flags <test.st >wanted.st && many 3 embed -q -m one.st --precision int8 $flags <test.st >got.st && cmp wanted.st got.st || return 1
  done
}
ok "several processes make the vectors of one, in order" vectors
other_command() { ! many 2 sh -c 'exec train -q "$@" --steps 3 -o apart.$OMPI_COMM_WORLD_RANK.st' - "${training[@]}" 2>err && grep -q 'train, rank 1 .*the command line is another here' err; }
ok "processes of other command lines are not taken for one run" other_command
other_start() { mkdir -p other && cp train.st valid.st other && cp 2.st other/one.st && ! many 2 sh -c '[ "$OMPI_COMM_WORLD_RANK" = 0 ] || cd other; exec train -q "$@" --init one.st --steps 3 -o apart.st' - "${training[@]:0:4}" 2>err && grep -q 'rank 1 .*what the training begins with is another here' err; }
ok "nor those that begin with other weights" other_start
of_one() { mpirun -n 1 decode -q -m one.st <test.st | tokenize -d | cmp - <(decode -q -m one.st <test.st | tokenize -d); }
ok "one process under mpirun writes to a pipe" of_one
# The second process runs in a folder that has nothing.
maps() {
  local flags
  for flags in "--summary" "--align pharaoh" "--decode --summary" ""; do
    attn-dump -q -m one.st --precision int8 $flags <valid.st >wanted && many 3 attn-dump -q -m one.st --precision int8 $flags <valid.st >got && cmp wanted got || { echo "$flags"; return 1; }
  done
}
ok "and its attention" maps
mkdir -p elsewhere copies
apart() { many 2 sh -c 'if [ "$OMPI_COMM_WORLD_RANK" = 0 ]; then exec "$@"; else cd elsewhere && exec "$@"; fi' - "$@"; }
spread() {
  local -x TMPDIR=$work/copies
  apart train -q "${training[@]}" --spread --steps 30 -o spread.st && apart train -q "${training[@]}" --spread --resume --steps 60 -o spread.st && [ "$(bits spread.st)" = "$(bits 2.st)" ] &&
    apart decode -q --spread -m one.st --precision int8 --scores <test.st >got.st && many 3 decode -q -m one.st --precision int8 --scores <test.st >wanted.st && cmp <(tokenize -d wanted.st) <(tokenize -d got.st) &&
    apart decode -q --spread -m one.st -m 2.st --precision int8 <test.st | tokenize -d | cmp - <(decode -q -m one.st -m 2.st --precision int8 <test.st | tokenize -d) &&
    apart embed -q --spread -m one.st --precision int8 <test.st | cmp - <(embed -q --spread -m one.st --precision int8 <test.st) && [ -z "$(ls elsewhere)" ] && ! ls copies | grep -q '^storm-'
}
ok "--spread sends the first one's files to those that have none" spread
missing() { ! apart decode -q -m one.st <test.st >/dev/null 2>err && grep -q 'decode, rank 1 (process .* on .*one.st: ' err; }
ok "without it an error names who has none" missing

other_model() { ! many 2 sh -c '[ "$OMPI_COMM_WORLD_RANK" = 0 ] || cd other; exec decode -q -m one.st' <test.st >/dev/null 2>err && grep -q 'decode, rank 1 .*one.st is another here than on rank 0' err; }
ok "a process that reads another model says so" other_model

# A stand-in for a driver with two devices and for the backend, which names the one that it is asked for.
cards() {
  local build
  build=$(cd "$here" && realpath "${BUILD:-build}") && mkdir -p cards driver && cp "$(command -v decode)" "$(dirname "$(command -v decode)")/libstorm_mpi.so" cards &&
    cp "$build/stand-in/libstorm_cuda.so" cards && cp "$build/stand-in/libcuda.so.1" driver || return 1
  many 3 env CUDA_VISIBLE_DEVICES=0,1 LD_LIBRARY_PATH=driver STAND_IN_DEVICES=2 cards/decode -q -m one.st <test.st 2>err >/dev/null
  grep -oE 'rank [0-9]|stand-in refuses cuda:[0-9]' err | paste -sd ' ' | grep -q 'rank 1' && [ "$(grep -c 'refuses cuda:0' err)" = 2 ] && grep 'rank 1' err | grep -q 'refuses cuda:1'
}
if [ -e "$(cd "$here" && realpath "${BUILD:-build}")/stand-in/libcuda.so.1" ]; then ok "--device auto takes a card for each process of a machine" cards; fi

mkdir bare
cp "$(command -v train)" bare
refuses "without libstorm_mpi.so one line says what is missing" 1 'mpirun started this as one of 4 processes: libstorm_mpi.so.*libopenmpi-dev' env OMPI_COMM_WORLD_SIZE=4 bare/train "${training[@]}" --steps 1 -o bare.st
refuses "nor do processes that cannot see one another train side by side" 1 'mpiexec started this as one of 4 processes.*another MPI' env PMI_SIZE=4 train "${training[@]}" --steps 1 -o bare.st
refuses "processes of srun that nothing connects are refused in one line" 1 'srun started this as one of 4 processes: nothing connects them; use srun --mpi=pmix' env SLURM_STEP_NUM_TASKS=4 train "${training[@]}" --steps 1 -o bare.st
refuses "nor does Open MPI start by another of srun's ways" 1 'use srun --mpi=pmix$' env SLURM_STEP_NUM_TASKS=4 PMI_RANK=0 train "${training[@]}" --steps 1 -o bare.st
one_in_a_step() { SLURM_STEP_NUM_TASKS=2 mpirun -n 1 train -q "${training[@]}" --steps 1 -o step.st; }
ok "mpirun of one in a step of several is one process" one_in_a_step
step_of_one() { SLURM_STEP_NUM_TASKS=1 train -q "${training[@]}" --steps 1 -o step.st; }
ok "a step of one process is one process" step_of_one
said() { # PATTERN COMMAND...
  local pattern=$1
  shift
  ! many 2 "$@" >/dev/null 2>err && grep -qE -- "$pattern" err
}
ok "standard input cannot be every process's data" said 'data.*give it as a file' train --data - --preset tiny -o x.st
ok "text that is written as it is said needs one process" said '--text is for one process' decode -m one.st --text
ok "nor do other questions of embed" said 'embed.* runs as one process' embed -m one.st --nearest 3
done_testing
