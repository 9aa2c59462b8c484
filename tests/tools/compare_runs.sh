# scripts/compare-runs: several logs of train as a table, and as a picture.
. "${STORM_ROOT:?}/tests/shell.sh"
compare=$here/scripts/compare-runs
log() { # FILE BLEU...: a log with a validation of each BLEU, 60 seconds apart
  local file=$1 step=0 bleu
  shift
  printf 'step\tseconds\tloss\tvalid_loss\tvalid_bleu\n' >"$file"
  for bleu in "$@"; do
    step=$((step + 100))
    printf '%s\t%s\t5\t\t\n%s\t%s\t4\t3.5\t%s\n' $((step - 50)) $((step * 6 / 10 - 30)) "$step" $((step * 6 / 10)) "$bleu" >>"$file"
  done
}
log base.seed1.tsv 10 30 20
log base.seed2.tsv 10 32 28
log other.tsv 11 12 31
table() {
  "$compare" base.seed1.tsv base.seed2.tsv other.tsv >out || return 1
  cat out
  [ "$(tr -s ' ' <out)" = "runs seeds best_valid_bleu +- at_step last_valid_bleu +- minutes
base 2 31 1.4 200 24 5.7 3.0
other 1 31 0 300 31 0 3.0" ]
}
ok "seeds of one run are one row: mean and spread of the best and the last, the best's step, minutes" table
lower() { "$compare" --y valid_loss base.seed1.tsv | tr -s ' ' | grep -qx 'base 1 3.5 0 100 3.5 0 3.0'; }
ok "of losses the lowest is the best" lower
folders() { mkdir a-seed1 a-seed2 && cp base.seed1.tsv a-seed1/log.tsv && cp base.seed2.tsv a-seed2/log.tsv && "$compare" a-seed1/log.tsv a-seed2/log.tsv | grep -qE '^a +2 '; }
ok "folders of seeds are one row, too" folders
named() { cp base.seed1.tsv lr=0.1.seed1.tsv && cp base.seed1.tsv 'x\ty.tsv' && "$compare" lr=0.1.seed1.tsv 'x\ty.tsv' </dev/null >out && grep -qF 'lr=0.1 ' out && grep -qF 'x\ty ' out; }
ok "names are names, whatever they look like" named
refuses "a column that no log has" 1 "base.seed1.tsv: has no figures of 'wer'; it has step seconds loss valid_loss valid_bleu" "$compare" --y wer base.seed1.tsv
refuses "a log that is not there" 1 'none.tsv: cannot read it' "$compare" none.tsv
refuses "no log" 2 'name the logs' "$compare"
mkdir bare
for tool in bash env awk head tr grep; do ln -s "$(command -v $tool)" bare; done
refuses "a picture without gnuplot" 1 'install gnuplot-nox' env PATH="$work/bare" "$compare" -o c.svg base.seed1.tsv
if ! command -v gnuplot >/dev/null; then
  skip "runs are drawn" "gnuplot is not installed"
  done_testing
fi
drawn() { "$compare" -o c.svg base.seed1.tsv base.seed2.tsv other.tsv >/dev/null && grep -q '<title>.*base' c.svg && grep -q other c.svg; }
ok "means are drawn, with the spread as a band" drawn
done_testing
