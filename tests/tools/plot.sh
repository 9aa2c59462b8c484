# scripts/plot: learning curves from training logs, as SVG.
. "${STORM_ROOT:?}/tests/shell.sh"
plot=$here/scripts/plot
printf 'step\tloss\tvalid_loss\tvalid_bleu\n100\t8.5\t\t\n200\t6.25\t6\t1.5\n300\t5\t5.5\t\n' >"it's <b>&\`id\`.tsv"
printf 'step\tloss\tvalid_loss\tvalid_bleu\n100\t7\t\t\n' >b.tsv

# Hides gnuplot.
mkdir bare
ln -s "$(command -v bash)" "$(command -v env)" bare
refuses "without gnuplot one line says which package to install" 1 'install gnuplot-nox' env PATH="$work/bare" "$plot" b.tsv

if ! command -v gnuplot >/dev/null; then
  skip "curves are drawn" "gnuplot is not installed"
  done_testing
fi
ok "curves of two runs are drawn, whatever their names" "$plot" -o c.svg "it's <b>&\`id\`.tsv" b.tsv
ok "the picture is SVG, with names and columns as text" grep -q "it's &lt;b&gt;&amp;\`id\`: valid_loss\|it's &lt;b>&amp;\`id\`: valid_loss" c.svg
refuses "an unknown column is refused with those there are" 1 'no column wer \(it has step, loss, valid_loss, valid_bleu\)' "$plot" --y wer b.tsv
refuses "a column without values is refused" 1 'valid_bleu holds no values' "$plot" --y valid_bleu b.tsv
refuses "a log that is not there is refused" 1 'none.tsv: cannot read' "$plot" none.tsv
refuses "no log at all is a usage error" 2 'name the logs' "$plot"
ok "a refused picture leaves no file" test "$(echo *.svg*)" = c.svg
done_testing
