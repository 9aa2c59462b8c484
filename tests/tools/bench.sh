#!/usr/bin/env bash
# scripts/bench on a CUDA device, with programs, peers and a card that are made up: what it computes and what it says.
. "$(dirname "$0")/../shell.sh"

mkdir -p bin card peers/bin data
for _ in 1 2 3 4 5; do echo 'a dog' >>data/train.en; done
cp data/train.en data/train.de

# Every line has three tokens.
cat >bin/tokenize <<'END'
#!/usr/bin/env bash
case "$*" in
  *--learn*) : >spm.model ;;
  *'--output ids'*) sed 's/.*/4 5 6/' ;;
  *) cat >/dev/null ;;
esac
END
# Its rate in the Nth run: slow while it warms up, then the Nth of these.
cat >bin/train <<'END'
#!/usr/bin/env bash
echo "train $*" >>"$CALLS"
sleep "$SLOW"
[[ "$*" != *"--preset $FAILS"* ]] || { echo "train: the card is out of memory" >&2; exit 1; }
while [ "$1" != --log ]; do [ $# -gt 0 ] || exit 0; shift; done
n=$(grep -c "^train.* --log" "$CALLS")
rate=$(cut -d ' ' -f "$n" <<<"1000 3000 2000")
printf 'step\tepoch\tseconds\tlr\tloss\tppl\tgrad_norm\ttarget_tokens/s\n' >"$2"
for step in 10 20 30 40 50; do printf '%s\t1\t1\t1\t1\t1\t1\t%s\n' $step $((step > 20 ? rate + step - 40 : 7)) >>"$2"; done
echo '{"target_tokens/s": 7, "device_MiB": 400}' >&2
END
cat >bin/decode <<'END'
#!/usr/bin/env bash
echo "decode $*" >>"$CALLS"
cat >/dev/null
echo '{"target_tokens/s": 2100, "peak_MiB": 900}' >&2
END
cat >bin/device-product-rate <<'END'
#!/usr/bin/env bash
echo "$5 500 GFLOP/s, copying 4000 GB/s"
END
# The card's memory: 100 MiB at rest, 700 when somebody works.
cat >card/nvidia-smi <<'END'
#!/usr/bin/env bash
case "$*" in
  *name*) echo "Made-up card, 1.0, 1000 MiB" ;;
  *-lms*) echo 700 ;;
  *) echo 100 ;;
esac
END
cat >peers/bin/python <<'END'
#!/usr/bin/env bash
[ "$1" != -c ] || { echo; exit 0; }
echo "$*" >>"$CALLS"
case "$*" in
  *ct2_decode*) echo "Traceback:"; echo "ModuleNotFoundError: No module named 'ctranslate2'"; exit 1 ;;
  *marian_generate*) echo "tokens=100 target_tokens/s=500 peak_MiB=1000" ;;
  *--compile*) echo "target_tokens/s=1600 peak_MiB=1000" ;;
  *) cut -d ' ' -f "$(grep -c "torch_transformer" "$CALLS")" <<<"target_tokens/s=900 target_tokens/s=1100 target_tokens/s=1000"; echo peak_MiB=700 ;;
esac
END
chmod +x bin/* card/* peers/bin/*
export CALLS=$work/calls FAILS=none SLOW=0

bench() { : >"$CALLS"; PATH="$work/card:$PATH" STORM_BIN=$work/bin STORM_PEERS=${PEERS:-$work/peers} "$here/scripts/bench" --device cuda --data "$work/data" "$@"; }
says() { grep -qxF -- "$1" out || { echo "no line: $1"; cat out; return 1; }; }
called() { grep -qF -- "$1" "$CALLS" || { echo "nobody called: $1"; cat "$CALLS"; return 1; }; }

bench train --preset tiny >out 2>err
ok 'training is measured in runs that alternate, on the device' test "$(cut -d ' ' -f 1 <"$CALLS" | grep -c train)" -eq 3
ok 'with the same batches and precision on both sides' called '--preset tiny --device cuda --precision f32 --max-tokens 4096 --steps 320'
ok 'a peer trains as many steps' called '--preset tiny --dtype f32 --max-tokens 4096 --lr 0.001 --steps 300 --warm 20'
# 6 multiply-adds' worth of 2 * 4 * (6 * 128^2 + 2 * 128 * 256) + 8000 * 128 weights: 14.0 MFLOP a target token
ok 'the median of the runs counts, without what warms up, and its share of the rate of products' \
  says 'train tiny f32, 4096 tokens: STORM 2000 target tokens/s, 6 % of the product rate, 400 MiB reserved'
ok 'so for the peer, with the ratios' \
  says "train tiny f32, 4096 tokens: PyTorch 1000 target tokens/s, 3 %, 700 MiB reserved; STORM's rate is 2 times that, its memory 0.571 times"
ok 'what was not reached is said' says '| train tiny f32, 4096 tokens | >= 3 x PyTorch | 2 | not reached |'
ok 'of memory, too' says '| train tiny f32, 4096 tokens | <= 0.5 x the least memory of its peers | 0.571 | not reached |'

bench train --preset base --runs 1 >out 2>err
# 2 * 6 * (6 * 512^2 + 2 * 512 * 2048) + 8000 * 512 weights: 289 MFLOP a target token
ok 'what was reached is said: a share' says '| train base bf16, 25000 tokens | >= 50 % of the product rate | 58 | reached |'
ok 'the aim is the compiled peer' says '| train base bf16, 25000 tokens | >= 1.3 x torch.compile | 0.625 | not reached |'
ok 'which warms up for longer' called '--steps 100 --warm 60 --compile'

bench decode --runs 1 >out 2>err
ok 'decoding counts tokens without </s>; without a figure of its own the memory is what the card says' \
  says "decode base f16, beam 5, 20 tokens forced: transformers' generate 500 target tokens/s, 27 %, 1000 MiB reserved; STORM's rate is 4 times that, its memory 0.6 times"
ok 'a ratio below its aim is not reached' says "| decode base f16, beam 5, 20 tokens forced | >= 5 x transformers' generate | 4 | not reached |"
ok 'a peer that is not there is named with the reason' \
  says "decode base f16, beam 5, 20 tokens forced: CTranslate2 was not measured: ModuleNotFoundError: No module named 'ctranslate2'"
ok 'and so is its aim' \
  says "| decode base f16, beam 5, 20 tokens forced | >= 1.5 x CTranslate2 |  | not measured: ModuleNotFoundError: No module named 'ctranslate2' |"

FAILS=tiny bench train --preset tiny --runs 1 >out 2>err
ok 'when STORM fails, the exit code says so' test $? -eq 1
ok 'and its own line why' says 'train tiny f32, 4096 tokens: STORM failed: train: the card is out of memory'

SLOW=9 bench train --preset tiny --seconds 2 >out 2>err
ok 'what does not fit into --seconds is no failure' test $? -eq 0
ok 'and is named' says 'train tiny f32, 4096 tokens: PyTorch was not measured: the 2 seconds were over'

printf '#!/bin/sh\necho no torch; exit 1\n' >card/python3
chmod +x card/python3
rm bin/device-product-rate
PEERS=$work/peers/none bench --quick --seconds 100 --preset base --steps 5 >out 2>err
ok 'without peers and nvcc --quick measures what is there' test $? -eq 0
ok 'and says why the rest is not' grep -q '^| train base .* >= 50 % of the product rate |  | not measured: device-product-rate is not built: no nvcc |$' out
ok 'peers included' says "train base bf16, 25000 tokens: torch.compile was not measured: $work/card/python3: no torch"

mkdir few
ln -s "$(command -v bash)" "$(command -v dirname)" few
refuses 'no card: one line says what is missing' 1 '^bench: no CUDA device: nvidia-smi is not there' \
  env PATH="$work/few" bash "$here/scripts/bench-cuda" --device cuda
printf '#!/bin/sh\necho "No devices were found"; exit 6\n' >card/nvidia-smi
refuses 'nvidia-smi finds no card: its words' 1 'no CUDA device: nvidia-smi says: No devices were found$' bench
refuses 'a row that no device has' 2 "'tokenize' is nothing that is measured on a device" bench tokenize
refuses 'a device that is none' 2 'is cpu, cuda or cuda:N' "$here/scripts/bench" --device cuda:x
refuses 'a preset that is not measured' 2 'is tiny, base or big' bench --preset small
refuses 'a folder without text' 2 'are not there' bench --data "$work"
done_testing
