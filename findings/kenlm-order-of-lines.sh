#!/usr/bin/env bash
# The model that lmplz estimates depends on the order of the text's lines.
#
# Program: KenLM 4cb443e (github.com/kpu/kenlm), lmplz.
# Expectation: modified Kneser-Ney is made of counts, so the same lines in another order give the same probabilities.
# Behaviour: the discounts are made of how many n-grams have an adjusted count of 1, 2, 3 and 4. For the very last n-gram of each order
#   but the highest, in lmplz's order of sorting, how often it comes is taken there instead of its adjusted count (lm/builder/
#   adjust_counts.cc, behind the loop). Sorted last is what ends in the word that is new last in the text. Where that word comes twice,
#   always behind the same words, one n-gram of each lower order moves from those of count 1 to those of count 2, and all
#   probabilities change a little: more in a small text.
# Output seen, a text of 3,000 lines and two lines more, "of the quagga" twice, at its end and at its begin (D1 of
# single words and of pairs):
#   at the end:   D1 0.789474 and 0.662252, log10 p(of) -1.1683493
#   at the begin: D1 0.80531 and 0.664088, log10 p(of) -1.1682601
# For its users: two models are equal to all digits only if their text was in one order; STORM does as lmplz does.
# Needs Debian 12 with git, cmake, g++, libboost-{program-options,system,thread}-dev, zlib1g-dev. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git clone -q https://github.com/kpu/kenlm && git -C kenlm checkout -q 4cb443e60b7bf2c0ddf3c745378f76cb59e254e5
mkdir kenlm/build && (cd kenlm/build && cmake .. -DCMAKE_BUILD_TYPE=Release && make -j2 lmplz) >build.log 2>&1 || { cat build.log >&2; exit 1; }
# Words of natural frequencies, half of which hang on the one before: "of" and "the" are two frequent ones. The numbers are of a
# generator of our own, since every awk draws others.
awk 'function draw() { state = (state * 16807) % 2147483647; return state / 2147483647 }
  BEGIN { state = 11; for (l = 0; l < 3000; ++l) { b = 0; line = ""
    for (w = int(draw() * 12); w > 0; --w) { b = draw() < 0.5 ? int(1 / (draw() + 1e-4)) : (b * 7 + int(draw() * 3)) % 50; line = line (b == 1 ? "of " : b == 2 ? "the " : "w" b " ") }
    print line } }' >text
printf 'of the quagga\nof the quagga\n' >two
seen=$(for order in "end:   text two" "begin: two text"; do
  cat ${order#*:} | kenlm/build/bin/lmplz -o 3 -S 256M >model.arpa 2>log
  printf 'at the %s: ' "${order%%:*}" | sed 's/end: /end:   /'
  awk '/^[12] [0-9]+ D1=/ { d = d (d ? " and " : "") substr($3, 4) } END { printf "D1 %s, ", d }' log
  awk -F '\t' '$2 == "of" { print "log10 p(of) " $1 }' model.arpa
done)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
