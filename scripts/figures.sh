# shellcheck shell=bash disable=SC2154
# What the benchmarks compute with, and the models that some share; sourced by them. Set `vocabulary` before mflop.

median() { sort -g "$1" | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }
figure() { grep -oE "\"?$1\"?[=:] *[0-9.]+" | grep -oE '[0-9.]+$' | tail -n 1; } # NAME, from key=value or JSON

# shape PRESET: layers d_model d_ff, of scripts/peers.
shape() {
  case $1 in
    tiny) echo 4 128 256 ;;
    convs2s-tiny) echo 6 128 384 ;; # a window is 3 rows
    big) echo 6 1024 4096 ;;
    *) echo 6 512 2048 ;;
  esac
}
# MFLOP of a target token: multiply-adds of all linear layers, 2 each; three times that in training. RATIO: source tokens
# of a target token; BEAM: rows of the decoder, whose memory is the encoder's work once.
mflop() { # PRESET FACTOR RATIO BEAM
  shape "$1" | awk -v f="$2" -v r="$3" -v beam="$4" -v arch="$1" -v v="$vocabulary" '{ l = $1; d = $2; ff = $3
    if (arch ~ /convs2s/) { source = l * 2 * ff * d + 2 * d * d; target = l * (2 * ff * d + 2 * d * d) + 2 * d * d + v * d }
    else { source = l * (4 * d * d + 2 * d * ff + 2 * d * d); target = l * (6 * d * d + 2 * d * ff) + v * d }
    print f * 2 * (source * r + beam * target) / 1e6 }'
}
tokens_of() { tokenize -q -m spm.model --output ids <"$1" | awk '{ n += NF + 1 } END { print n }'; }
# row NAME UNIT OURS PEER THEIRS [MFLOP]: both figures, their ratio, and, with MFLOP of one, shares of $rate, the product rate in GFLOP/s.
row() {
  awk -v n="$1" -v u="$2" -v a="$3" -v p="$4" -v b="$5" -v mflop="${6:-0}" -v rate="${rate:-0}" 'BEGIN {
    printf "%-26s STORM %.5g %s, %s %.5g, ratio %.2f", n, a, u, p, b, a / b
    if (mflop > 0) printf ", %.0f %% of the product rate (%s: %.0f %%)", a * mflop / rate / 10, p, b * mflop / rate / 10
    printf "\n" }'
}

# Here, from Multi30k in $data: its pairs, a vocabulary, and token streams.
prepare_text() {
  [ ! -s train.st ] || return 0
  tokenize -q --learn --vocab-size 8000 -o spm.model "$data/train.en" "$data/train.de"
  paste "$data/train.en" "$data/train.de" | awk -F '\t' 'NF == 2 { print $1 >"pairs.en"; print $2 >"pairs.de" }'
  tokenize -q -m spm.model <"$data/test_2016_flickr.en" >test.st
  paste pairs.en pairs.de | tokenize -q -m spm.model --columns src,tgt >train.st.part && mv train.st.part train.st
}
# A model as its file and as what the peers read. Natural lengths need one that has learnt something; the forced length of base does not.
prepare_decode() { # PRESET
  [ ! -s "$1.st" ] || return 0
  local n=400
  [ "$1" = tiny ] || n=1
  train -q --data train.st --preset "$1" --steps "$n" --lr 0.004 --warmup 200 --threads "$threads" -o "$1.part"
  rm -f "$1.part.checkpoint"
  tensor cat -q "$1.part" -o "$1.safetensors"
  mv "$1.part" "$1.st"
}
