# Sourced by every shell test: a scratch folder, and one line a test, which tests/run counts.
set -u
here=${STORM_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

# ok NAME COMMAND...: the command must succeed.
ok() {
  local name=$1
  shift
  if "$@" >ok.out 2>&1; then echo "ok - $name"; else
    echo "not ok - $name"
    sed 's/^/    /' ok.out
    failures=$((failures + 1))
  fi
}

# refuses NAME CODE PATTERN COMMAND...: the command must end with that exit code and exactly one line on standard
# error, which matches the extended regular expression.
refuses() {
  local name=$1 code=$2 pattern=$3 got
  shift 3
  "$@" >/dev/null 2>refuses.err
  got=$?
  if [ "$got" -eq "$code" ] && [ "$(wc -l <refuses.err)" -eq 1 ] && grep -qE -- "$pattern" refuses.err; then echo "ok - $name"; else
    echo "not ok - $name (exit code $got, wanted $code; wanted one line like /$pattern/)"
    sed 's/^/    /' refuses.err
    failures=$((failures + 1))
  fi
}

skip() { echo "skip - $1: $2"; }

# reversed_language LINES: train.tsv, train.src and train.tgt of a language in which each word has a translation and lines are read backwards.
reversed_language() {
  awk -v lines="$1" 'BEGIN { srand(1); for (i = 0; i < lines; ++i) { a = b = ""; k = 2 + int(rand() * 4)
    for (j = 0; j < k; ++j) { w = int(rand() * 20); a = a " a" w; b = " b" w b } print substr(a, 2) "\t" substr(b, 2) } }' >train.tsv
  cut -f1 train.tsv >train.src
  cut -f2 train.tsv >train.tgt
}

done_testing() { exit $((failures > 0)); }
