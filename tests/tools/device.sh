# --device on a machine of any kind: each thing that may be missing has its own words. Copies of decode stand where there is no
# backend, a stand-in for it or a broken one, and a stand-in for the driver says what devices there are.
. "${STORM_ROOT:?}/tests/shell.sh"
build=$(cd "$here" && realpath "${BUILD:-build}")
decode=$(readlink -f "$(command -v decode)")

for i in $(seq 60); do echo "w$((i % 7)) w$((i * 5 % 11)) w$((i % 3))	w$((i % 3)) w$((i * 5 % 11)) w$((i % 7))"; done >train.tsv
cut -f1 train.tsv >train.src
tokenize -q --learn --no-byte-fallback --vocab-size 18 -o spm.model train.src
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
tokenize -q -m spm.model <train.src >test.st
train -q --device cpu --data train.st --layers 1 --d-model 16 --d-ff 32 --heads 2 --max-tokens 200 --steps 3 -o model.st

place() { # place FOLDER [BACKEND]: decode, with that backend beside it
  mkdir -p "$1/bin" "$1/lib"
  cp "$decode" "$1/bin"
  ln -s "$(dirname "$decode")/../lib/storm" "$1/lib/storm" # where the tarball of make dist has its libraries
  [ $# -eq 1 ] || ln -s "$2" "$1/bin/libstorm_cuda.so"
}
: >broken.so
place without
place stand-in "$build/stand-in/libstorm_cuda.so"
place broken "$work/broken.so"
mkdir driver no-driver no-cublas
cp "$build/stand-in/libcuda.so.1" driver
cp driver/libcuda.so.1 no-cublas
: >no-driver/libcuda.so.1
: | tee no-cublas/libcublasLt.so.12 >no-cublas/libcublasLt.so.13

on() { # on FOLDER DEVICE [NAME=VALUE...]: the decode of that folder, with the driver of the environment
  local folder=$1 device=$2
  shift 2
  env "$@" "$folder/bin/decode" -q -m model.st --device "$device" <test.st
}
cpu='; or use --device cpu$'
refuses "a device of another name" 2 "^decode: --device: 'gpu' is none of auto, cpu, cuda, cuda:N" on without gpu
refuses "a device's number that is none" 2 "'cuda:x' is none of" on without cuda:x
refuses "--device cuda where there is no backend" 1 "^decode: --device cuda: libstorm_cuda.so is not beside the program.*nvcc.*$cpu" on without cuda
refuses "... where there is no driver" 1 "--device cuda: the NVIDIA driver is missing: libcuda.so.1|/libcuda.so.1: .*$cpu" \
  on stand-in cuda LD_LIBRARY_PATH=no-driver
refuses "... where the driver does not start" 1 "--device cuda: the NVIDIA driver does not start: a stand-in's error$cpu" \
  on stand-in cuda LD_LIBRARY_PATH=driver STAND_IN_ERROR=999
refuses "... where the driver shows no device" 1 "--device cuda: the NVIDIA driver shows no device$cpu" \
  on stand-in cuda LD_LIBRARY_PATH=driver STAND_IN_ERROR=100
refuses "a number beyond the last device's" 1 "--device cuda:2: there is no such device: the last is cuda:1$cpu" \
  on stand-in cuda:2 LD_LIBRARY_PATH=driver STAND_IN_DEVICES=2
refuses "a backend that cannot be opened" 1 "--device cuda: .*libstorm_cuda.so: file too short$cpu" on broken cuda LD_LIBRARY_PATH=driver
refuses "an error thrown in the backend is the tool's own" 1 "--device cuda:1: the stand-in refuses cuda:1$cpu" \
  on stand-in cuda:1 LD_LIBRARY_PATH=driver STAND_IN_DEVICES=2

silent() { # silent FOLDER [NAME=VALUE...]: --device auto gives the CPU's translations and says nothing
  local folder=$1
  shift
  on "$folder" auto "$@" >got.st 2>got.err && tokenize -d <got.st | diff wanted - && cat got.err && [ ! -s got.err ]
}
on without cpu | tokenize -d >wanted
ok "--device auto is silent where there is no backend" silent without
ok "... no driver" silent stand-in LD_LIBRARY_PATH=no-driver
ok "... no device" silent stand-in LD_LIBRARY_PATH=driver STAND_IN_DEVICES=0
warned() { on stand-in auto LD_LIBRARY_PATH=driver >got.st 2>got.err && tokenize -d <got.st | diff wanted - && grep -q 'there is a device, but this runs on the CPU: the stand-in refuses' got.err; }
ok "... and warns of a device that cannot be used" warned

# The real backend. With the stand-in for a driver, opening it resolves every symbol that it needs.
real=$(dirname "$decode")/libstorm_cuda.so
if [ -e "$real" ]; then
  place real "$real"
  refuses "without cuBLASLt the backend names it" 1 "libcublasLt.so.1[23]: .*LD_LIBRARY_PATH$cpu" on real cuda LD_LIBRARY_PATH=no-cublas
  if on real cuda LD_LIBRARY_PATH=driver 2>&1 | grep -q libcublasLt; then
    skip "the CUDA backend links" "there is no cuBLASLt on this machine"
  else
    refuses "the CUDA backend is built, and links" 1 "--device cuda: the driver is of CUDA" on real cuda LD_LIBRARY_PATH=driver
  fi
else
  skip "the CUDA backend is built, and links" "$(cat "$build/cuda/absent" 2>/dev/null || echo "this is a build without it")"
fi
done_testing
