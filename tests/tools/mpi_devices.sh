# Several processes that train on a device each: kernels run on the CPU (tests/cuda/emulation), and what adds up between
# the devices is the hosts, or a stand-in for NCCL (tests/cuda/stand_in/nccl.cc).
. "${STORM_ROOT:?}/tests/shell.sh"
build=$(cd "$here" && realpath "${BUILD:-build}")
programs=$(dirname "$(readlink -f "$(command -v train)")")
if ! command -v mpirun >/dev/null || [ ! -e "$programs/libstorm_mpi.so" ]; then
  skip "devices of several processes" "there is no MPI: install openmpi-bin and libopenmpi-dev"
  done_testing
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none OMP_NUM_THREADS=1
mkdir bin lib
ln -s "$programs/../lib/storm" lib/storm # where the tarball of make dist has its libraries
cp "$programs/train" bin
ln -s "$programs/libstorm_mpi.so" "$build/stand-in/emulated/libstorm_cuda.so" bin
mkdir none
touch none/libnccl.so.2 # no library, which hides the machine's own
export LD_LIBRARY_PATH=$work/none:$build/stand-in STAND_IN_DEVICES=4
many() { mpirun --oversubscribe -n "$@"; } # COUNT COMMAND...

reversed_language 100
tokenize -q --learn --type list -o both.model train.src train.tgt
tokenize -q -m both.model --columns src,tgt <train.tsv >train.st
training=(--data train.st --layers 1 --d-model 16 --d-ff 32 --heads 2 --dropout 0.1 --max-tokens 60 --accumulate 3
  --clip-norm 0.5 --warmup 20 --lr 0.01 --report-every 1)
near() { # LOG LOG [UPDATES]: losses and the gradients' norms
  paste "$1" "$2" | awk -F '\t' -v updates="${3:-8}" 'NR == 1 { for (i = 1; i <= NF / 2; ++i) column[$i] = i; n = NF / 2; next }
    { split("loss grad_norm", names, " "); for (k in names) { c = column[names[k]]; d = ($c - $(n + c)) / $c
      if (d > 1e-4 || d < -1e-4) { print "step " NR - 1 ": " $c " and " $(n + c); exit 1 } } ++rows } END { exit rows != updates }'
}
bits() { for name in $(tensor ls "$1" | awk 'NR > 1 && $2 ~ /F32/ { print $1 }'); do tensor cat -q --tensor "$name" --raw "$1"; done | sha256sum; }

train -q "${training[@]}" --device cpu --steps 8 --log one.tsv -o one.st
for how in hosts nccl; do
  [ $how = hosts ] || export LD_LIBRARY_PATH=$build/stand-in/nccl:$LD_LIBRARY_PATH
  says() { many 2 bin/train "${training[@]}" --device cuda --steps 8 --log $how.tsv -o $how.st 2>err; grep -c "add up by" err && near one.tsv $how.tsv; }
  ok "two devices that add up by $how lose what one CPU does" says
  names_way() { grep -q "2 processes, whose devices add up $([ $how = nccl ] && echo 'by NCCL' || echo 'by way of their hosts')" err; }
  ok "... and say how they do" names_way
  three() { many 3 bin/train -q "${training[@]}" --device auto --steps 8 --log three.tsv -o three.st && near one.tsv three.tsv; }
  ok "... three do" three
  resumed() {
    many 2 bin/train -q "${training[@]}" --device cuda --steps 4 -o half.st && many 2 bin/train -q "${training[@]}" --device cuda --steps 8 --resume -o half.st &&
      [ "$(bits half.st)" = "$(bits $how.st)" ] && [ "$(bits half.st.checkpoint)" = "$(bits $how.st.checkpoint)" ]
  }
  ok "... a resumed run has the same bits" resumed
  fewer() { many 3 bin/train -q "${training[@]}" --device cuda --steps 4 --log fewer.tsv -o fewer.st && train -q "${training[@]}" --device cpu --steps 8 --resume --log fewer.tsv -o fewer.st && near one.tsv fewer.tsv; }
  ok "... three devices' checkpoint goes on on one CPU" fewer
done
adapts() {
  for part in none nccl; do
    LD_LIBRARY_PATH=$([ $part = nccl ] && echo "$build/stand-in/nccl" || echo "$work/none"):$build/stand-in many 2 bin/train -q --data train.st --init one.st --freeze '*embedding*' --max-tokens 60 --device cuda --steps 3 --log "part$part.tsv" --report-every 1 -o part.st || return 1
  done
  near partnone.tsv partnccl.tsv 3
}
ok "where some parameters are trained alone, both ways make the same losses" adapts
fails() { STAND_IN_NCCL_FAILS=1 many 2 bin/train "${training[@]}" --device cuda --steps 2 -o failed.st 2>err; [ $? -ne 0 ] && grep -q "NCCL: joining the other processes: a stand-in's error; NCCL_DEBUG=WARN" err && [ ! -e failed.st ]; }
ok "what NCCL refuses ends all processes, with what it says" fails
mixed() {
  mpirun --oversubscribe -n 1 bin/train "${training[@]}" --device auto --steps 2 -o mixed.st : -n 1 env STAND_IN_DEVICES=0 bin/train "${training[@]}" --device auto --steps 2 -o mixed.st 2>err
  [ $? -ne 0 ] && grep -q "whether there is a device is another here than on rank 0" err
}
ok "one process without a device among others with one is an error" mixed
done_testing
