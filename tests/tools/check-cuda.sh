# scripts/check-cuda without a card, and its own logic in a tree of stand-ins: a card, a sanitizer, test programs, tools.
. "${STORM_ROOT:?}/tests/shell.sh"
mkdir -p without fakes tree/scripts tree/build/{tests,bin,data} tree/data
for tool in bash env dirname cat; do ln -s "$(command -v $tool)" without; done
refuses "without a card it says so" 1 '^check-cuda: no card here: there is no nvidia-smi; run it on a machine with an NVIDIA driver$' \
  env PATH="$work/without" "$here/scripts/check-cuda"
refuses "an unknown flag is refused" 2 "unknown argument '--fast'" "$here/scripts/check-cuda" --fast
refuses "a budget that is no number is refused" 2 "--seconds needs a number" "$here/scripts/check-cuda" --seconds soon

fake() { # fake FILE: a program with the body on standard input
  { echo '#!/usr/bin/env bash' && cat; } >"$1"
  chmod +x "$1"
}
fake fakes/nvidia-smi <<'END'
[ -z "${NO_CARD:-}" ] || { echo "No devices were found" && exit 6; }
[[ ${1:-} == --query-gpu=* ]] && echo "A Stand-In, 999.1, 1024 MiB, 9.0" || echo "| CUDA Version: 13.9 |"
END
fake fakes/compute-sanitizer <<'END'
echo "$*" >>"$CALLS"
[ "$2" != "${BROKEN_TOOL:-}" ] || { echo "========= Invalid __global__ write of size 4 bytes" && exit 9; }
echo "========= ERROR SUMMARY: 0 errors"
END
refuses "a driver without a card is said so" 1 '^check-cuda: no card here: nvidia-smi shows none$' \
  env NO_CARD=1 PATH="$work/fakes:$PATH" "$here/scripts/check-cuda"

cp "$here/scripts/check-cuda" tree/scripts
for program in ops models cuda train; do
  fake "tree/build/tests/device-$program" <<'END'
echo "ok - a kernel"
echo "ok - another"
[ -z "${SLOW:-}" ] || sleep 60
[ -z "${BROKEN:-}" ] || [[ $0 != *device-${BROKEN} ]] || { echo "not ok - a third" && exit 1; }
END
done
fake tree/build/data/make-corpus <<<'for f in train valid test; do echo a >$f.en; echo b >$f.de; done'
fake tree/build/bin/tokenize <<<'[[ " $* " == *" -d "* ]] || [ -t 0 ] || true; cat'
fake tree/build/bin/decode <<<'[[ "$*" == *"--device cuda"* ]] && echo "${TRANSLATION:-gut}" || echo gut'
fake tree/build/bin/train <<'END'
[ "$1" != --version ] || { echo "train (STORM) 0" && exit; }
while [ $# -gt 0 ]; do
  case $1 in --log) log=$2 ;; -o) out=$2 ;; --device) device=$2 ;; --resume) more=1 ;; esac
  shift
done
loss=1
[ "$device" = cpu ] || loss=${LOSS:-1.00001}
{ printf 'a\tb\tc\td\tloss\n' && for i in $(seq 20); do printf '%s\t0\t0\t0\t%s\n' "$i" "$loss"; done; } >"$log"
echo "weights${more:+${RESUMED:-}}" >"$out"
END

check() { # check [NAME=VALUE...]: runs it in the tree, and keeps what it printed
  CALLS=$work/calls env -u BUILD -u STORM_ROOT PATH="$work/fakes:$PATH" "$@" tree/scripts/check-cuda --report "$work/report" >printed 2>&1
}
good() { check A=1 && cmp <(grep -v '^$' printed) <(grep -v '^$' report) && grep -q '^card: A Stand-In, 999.1, 1024 MiB, 9.0$' report && grep -q '^driver.s CUDA: 13.9$' report &&
  [ "$(grep -c '^ok: .*-tiny\|^ok: tiny' report)" -eq 9 ] && grep -q ' 0 failed, 1 skipped, ' report; }
ok "a good card passes, and the report has what was printed" good
all_tools() { [ "$(awk '{ print $2 }' calls | sort -u | paste -sd ' ')" = "initcheck memcheck racecheck synccheck" ]; }
ok "all four tools of compute-sanitizer are run" all_tools
broken() { # broken PATTERN NAME=VALUE...
  local pattern=$1
  shift
  ! check "$@" && grep -qE "$pattern" report && grep -qE ' [1-9][0-9]* failed, ' report
}
ok "a test that fails is shown" broken '^    not ok - a third' BROKEN=cuda
ok "so is what compute-sanitizer finds" broken '^fail: racecheck, device-models: exit code 9' BROKEN_TOOL=racecheck
ok "losses that part by more than 1e-4 fail" broken '^fail: tiny: the losses' LOSS=1.001
ok "a resumed run of other bits fails" broken '^fail: convs2s-tiny: a run that was ended' RESUMED=others
ok "another translation fails" broken '^fail: rnn-attn-tiny: f32 translations' TRANSLATION=schlecht
slow() { SLOW=1 CALLS=$work/calls PATH="$work/fakes:$PATH" tree/scripts/check-cuda --report report --seconds 7 --only tests >printed 2>&1 && grep -q 'cut short' report && grep -q 'no time left' report; }
ok "what takes too long is cut short, and said so" slow
rm tree/build/tests/device-train fakes/compute-sanitizer
missing() { check A=1 && grep -q '^skip: device-train: not built' report; }
ok "what is not there is skipped, and said so" missing
done_testing
