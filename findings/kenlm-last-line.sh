#!/usr/bin/env bash
# KenLM's lmplz and query leave the end of the sentence out where the last line has no newline.
#
# Program: KenLM 4cb443e (github.com/kpu/kenlm), lmplz and query.
# Expectation: a last line without a newline is a line, as it is for wc's words, for awk and for most readers of text: its sentence ends
#   in </s> like the others.
# Behaviour: both programs add </s> when they have read a newline. Without one, lmplz does not count the last sentence's end (a text of one
#   such line makes a model that has no </s> at all), and query neither adds its probability nor, with -v sentence, a total.
# Output seen, the text "a b" with and without its newline:
#   lmplz: log10 p(</s>) -0.5351132 and none
#   query: tokens 3 and 2; sentences 1 and 0; perplexity 1.54839 and 1
# For its users: end what query reads with a newline; STORM takes a last line as the line that it is.
# Needs Debian 12 with git, cmake, g++, libboost-{program-options,system,thread}-dev, zlib1g-dev. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
git clone -q https://github.com/kpu/kenlm && git -C kenlm checkout -q 4cb443e60b7bf2c0ddf3c745378f76cb59e254e5
mkdir kenlm/build && (cd kenlm/build && cmake .. -DCMAKE_BUILD_TYPE=Release && make -j2 lmplz query) >build.log 2>&1 || { cat build.log >&2; exit 1; }
printf 'a b\n' >with
printf 'a b' >without
for text in with without; do
  kenlm/build/bin/lmplz -o 2 -S 64M --discount_fallback <$text >$text.arpa 2>log
  kenlm/build/bin/query -v summary with.arpa <$text 2>/dev/null >$text.summary
  kenlm/build/bin/query -v sentence with.arpa <$text 2>/dev/null | grep -c '^Total' >$text.sentences || true
done
end() { awk -F '\t' '$2 == "</s>" { print $1; found = 1 } END { if (!found) print "none" }' "$1.arpa"; }
tokens() { awk '/^Tokens/ { print $2 }' "$1.summary"; }
perplexity() { awk -F '\t' '/including/ { printf "%.6g", $2 }' "$1.summary"; }
seen=$(
  echo "lmplz: log10 p(</s>) $(end with) and $(end without)"
  echo "query: tokens $(tokens with) and $(tokens without); sentences $(cat with.sentences) and $(cat without.sentences); perplexity $(perplexity with) and $(perplexity without)"
)
echo "$seen"
diff <(sed -n '/^# Output seen/,/^# For/{/^#   /s/^#   //p}' "$script") <(echo "$seen") && echo "as it was found"
