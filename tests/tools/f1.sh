# f1 against what scikit-learn, seqeval, conlleval, SQuAD's scripts and scipy gave for the same rows (scripts/f1-fixtures), and its errors.
. "$(dirname "${BASH_SOURCE[0]}")/../shell.sh"
data=$here/tests/metrics/data/f1

# flat: f1's JSON as lines of CONVENTION TAB NAME TAB VALUE.
flat() {
  awk '
    /^ *"convention":/ { match($0, /: ".*"/); table = substr($0, RSTART + 3, RLENGTH - 4); next }
    /^ *"[^"]*": \{"(value|precision)":/ {
      split($0, quoted, "\""); name = quoted[2]; convention = table
      if (match($0, /"convention": "[^"]*"/)) convention = substr($0, RSTART + 15, RLENGTH - 16)
      rest = $0; sub(/^[^{]*\{/, "", rest); n = split(rest, fields, ", ")
      sub(/seqeval, strict .*/, "strict", convention)
      for (i = 1; i <= n; ++i) if (split(fields[i], pair, ": ") == 2) {
        gsub(/["}]/, "", pair[1]); gsub(/[}]/, "", pair[2]); sub(/,$/, "", pair[2])
        print convention "\t" (pair[1] == "value" ? name : name "/" pair[1]) "\t" pair[2] } }' "$@"
}
# Each recorded figure is there, and the same: to 1e-12, of conlleval to its two digits of percents. A type "_" of seqeval is "" to conlleval.
figures() { # FILE FLAG...
  local file=$1
  shift
  f1 "$data/$file.gold" -f json "$@" <"$data/$file.predicted" 2>notes | flat >ours || return 1
  awk -F '\t' -v file="$file" 'FNR == NR { ours[$1, $2] = $3; next }
    $1 == file && $2 !~ /bootstrap|randomisation/ { ++recorded; near = 1e-12; value = $4; key = $2 SUBSEP $3
      if ($2 == "conlleval") { if ($3 == "accuracy") next; if ($4 ~ /[.]/) { near = 0.00501 / 100; value = $4 / 100 } }
      d = ours[key] - value
      if (!(key in ours) || d > near || d < -near) { print $0, "but", ours[key]; bad = 1 } }
    END { print recorded, "figures of", file; exit bad || recorded < 2 }' ours "$data/figures.tsv"
}
for file in labels one-label all-right all-wrong many-labels; do ok "labels have scikit-learn's figures: $file" figures "$file"; done
for scheme in iob2 iob1 iobes; do
  for file in $scheme $scheme-one-type; do ok "entities have seqeval's figures, default and strict, and conlleval's: $file" figures "$file" --spans $scheme; done
done
ok "entities have them where no one is right" figures iob2-none-right --spans iob2
ok "answers have SQuAD's figures" figures answers --squad
ok "numbers have scipy's and scikit-learn's figures" figures numbers --regression
ok "conlleval's accuracy is seqeval's, in percents" eval 'for s in iob2 iob1 iobes; do
  [ "$(f1 -q "$data/$s.gold" --spans $s -m accuracy -b -w 4 <"$data/$s.predicted" | awk "{ printf \"%.2f\", 100 * \$1 }")" = \
    "$(awk -F "\t" -v s=$s "\$1 == s && \$2 == \"conlleval\" && \$3 == \"accuracy\" { print \$4 }" "$data/figures.tsv")" ] || exit 1; done'
ok "intervals and p-values are those of numpy's draws" eval '
  recorded() { awk -F "\t" -v c=$1 -v n=$2 "\$1 == \"labels\" && \$2 == c && \$3 == n { printf \"%.12f\", \$4 }" "$data/figures.tsv"; }
  p_value() { f1 -q "$data/labels.gold" -m accuracy -f json -i "$data/labels.predicted" "$data/labels.other" "$@" | awk "/p_value\": [0-9]/ { printf \"%.12f\", \$2 }"; }
  [ "$(f1 -q "$data/labels.gold" -m accuracy -b -w 12 -ci <"$data/labels.predicted" | sed "s/.*μ = //; s/)//")" = "$(recorded bootstrap mean) ± $(recorded bootstrap half)" ] &&
    [ "$(p_value -pbs)" = "$(recorded bootstrap p)" ] && [ "$(p_value -par -parn 2000)" = "$(recorded randomisation p)" ]'

# As columns: a word a line, odd blank lines, and document starts of both kinds.
columns() { # FILE OTHER: words with the tags of both, in three columns
  awk 'BEGIN { print "-DOCSTART- -X- O O\n" }
    { getline other <second; n = split($0, a, " "); split(other, b, " ")
      for (i = 1; i <= n; ++i) print "w" i, a[i], b[i]
      print NR % 3 ? "" : NR % 2 ? "\t" : " \t \n"
      if (NR % 40 == 0) print "-DOCSTART-\n" }' second="$2" "$1"
}
columns "$data/iob2.gold" "$data/iob2.predicted" >both.conll
cut -d' ' -f1,2 both.conll | sed 's/-DOCSTART- -X-.*/-DOCSTART- -X- -X- O/' | awk '/^w/ { print $1 "\t" $2; next } /^-DOC/ { print; next } { print "" }' >gold.conll
awk '/^w/ { print $1 "\t_\t" $3; next } { print "" }' both.conll >predicted.conll
awk '/^w/ { print $3; next } { print "" }' both.conll >tags.conll
grep . "$data/iob2.gold" >lines.gold
paste -d'\n' "$data/iob2.gold" "$data/iob2.predicted" | awk 'NR % 2 { gold = $0; next } gold != "" { print }' >lines.predicted
all_columns() {
  f1 -q lines.gold --spans iob2 -f json <lines.predicted >lines.json || return 1
  f1 -q --spans iob2 --conll -f json <both.conll | diff lines.json - || return 1
  f1 -q gold.conll --spans iob2 --conll -f json <predicted.conll | diff lines.json - || return 1
  f1 -q gold.conll --spans iob2 --conll -f json -i tags.conll | diff lines.json -
}
ok "columns, joined or apart, with words or without, give what lines of tags give" all_columns
ok "a line of tags may begin a document" sh -c '(echo "-DOCSTART- -X- O O"; cat "$1/iob2.gold") >d.gold && (echo -DOCSTART-; cat "$1/iob2.predicted") >d.predicted &&
  [ "$(f1 -q d.gold --spans iob2 -f json <d.predicted)" = "$(f1 -q "$1/iob2.gold" --spans iob2 -f json <"$1/iob2.predicted")" ]' . "$data"

printf 'a\nb\nc\na\nb\nc\ne\na\n' >gold
printf 'a\nc\nc\na\na\nc\nb\nd\n' >one
printf 'a\nb\nc\na\na\nc\nb\nd\n' >other
ok "the text has every table" eval 'f1 -q gold <one | tr -s " " >text && grep -qx " accuracy 0.5000 scikit-learn" text && grep -qx " a 0.6667 0.6667 0.6667 3 3 2" text &&
  grep -qx " = macro 0.2667 0.3333 0.2933 8 8 4" text && grep -qx " a 2 0 0 1 0" text'
ok "LaTeX has them, too" eval 'f1 -q gold -f latex <one | grep -q "weighted._f1 *& *0.4500 *& *scikit-learn"'
ok "of many labels those confused most are shown" eval 'f1 -q "$data/many-labels.gold" <"$data/many-labels.predicted" | grep -A1 "what was confused most" | grep -q "gold *predicted *rows"'
ok "undefined figures are told of" eval '[ "$(f1 gold -b <one 2>&1 >/dev/null)" = "" ] && f1 gold <one 2>&1 >/dev/null | grep -qx "f1: scikit-learn: never predicted, so that precision is undefined and given as 0: .e."'
ok "a constant column is told of, and no NaN printed" eval 'yes 1 | head -8 >ones && f1 ones --regression -ci <ones >out 2>err && ! grep -qi nan out && grep -q "pearson is undefined" err'
ok "so is a correlation where there is one label, and an F1 where there are no entities" eval 'f1 one -b -m matthews 2>&1 <gold >/dev/null | grep -c . | grep -qx 0 && yes a | head -3 >same &&
  f1 same -b -m matthews <same 2>&1 | grep -q "matthews is undefined" && f1 same --spans iob2 <same 2>&1 | grep -q "no tag" && yes O | head -2 >outside && f1 outside --spans iob2 <outside 2>&1 | grep -q "strict_f1 is undefined"'
ok "measures are chosen, and printed alone" eval '[ "$(f1 -q gold -b -w 3 -m matthews f1 <one)" = "0.333
0.293" ]'
ok "several systems are columns of standard input, or files" eval 'paste one other | f1 -q gold -f json >columns.json && grep -q "\"System 2\"" columns.json && f1 -q gold -i one other -f json | sed "s/\"one\"/\"System 1\"/; s/\"other\"/\"System 2\"/" | diff columns.json -'
ok "one thread and four give the same intervals" eval '[ "$(f1 -q gold -ci -f json --threads 1 <one)" = "$(f1 -q gold -ci -f json --threads 4 <one)" ]'
ok "one row that differs is no significance" eval '(for t in -pbs -par; do f1 -q gold -i one other $t -f json | awk "/p_value\": [0-9]/ { n += \$2 + 0 > 0.3 } END { exit n != 4 }" || exit 1; done)'
ok "many rows that differ are" eval '(seq 300; seq 300) | sed "s/.*[0-4]\$/a/; s/.*[0-9]\$/b/" >g && sed "1~3s/.*/b/" g >s1 && sed "1~9s/.*/b/" g >s2 &&
  (for t in -pbs -par; do f1 -q g -i s1 s2 $t -f json | awk "/p_value\": [0-9]/ { n += \$2 + 0 < 0.01 } END { exit n != 4 }" || exit 1; done)'
# The interval of an accuracy is that of a mean, which can be known: +-1.96 standard errors, 600 rows.
ok "intervals are those of the normal distribution where it holds" eval 'f1 -q g -ci -m accuracy -f json <s1 | awk "/confidence_var/ { match(\$0, /_var\": [0-9.]*/); v = substr(\$0, RSTART + 7, RLENGTH - 7)
  match(\$0, /value\": [0-9.]*/); a = substr(\$0, RSTART + 8, RLENGTH - 8); s = 1.96 * sqrt(a * (1 - a) / 600); exit !(v > 0.85 * s && v < 1.15 * s) }"'
ok "all kinds of rows have tests" eval '(for kind in "iob2 --spans iob2" "answers --squad" "numbers --regression"; do set -- $kind
  f1 -q "$data/$1.gold" ${@:2} -i "$data/$1.predicted" "$data/$1.gold" -par -parn 64 -f json >out 2>&1 || exit 1; done)'
ok "--stats ends with a line of figures" eval 'f1 -q gold --stats <one 2>&1 >/dev/null | grep -q "\"rows\": 8"'
ok "a token stream is read as its text" eval 'tokenize --learn --type labels -q -o labels gold && tokenize -m labels -q <gold >gold.st && f1 -q gold -b <gold.st -m accuracy | grep -qx 1.0000'

refuses "different line counts name both files" 1 'gold has 8 lines, but short has 1' sh -c 'echo a >short; f1 gold -i short'
refuses "a row without a gold label" 1 'blank: line 2: no label' sh -c 'printf "a\n\nb\n" >blank; f1 blank -i blank'
refuses "empty input" 1 'empty: there is nothing' sh -c ': >empty; f1 empty -i empty'
refuses "a tag that the scheme lacks" 1 "pred: line 2: 'E-PER' is no tag of iob2, which has O, B-TYPE and I-TYPE" sh -c 'printf "O\nB-PER\n" >tags; printf "O\nE-PER\n" >pred; f1 tags --spans iob2 -i pred'
refuses "a tag that is a word" 1 "line 1: 'London' is no tag of iobes" sh -c 'echo London >w; f1 w --spans iobes -i w'
refuses "another count of tags" 1 'pred: line 2: 2 tags, but tags has 1' sh -c 'printf "O\nO O\n" >pred; f1 tags --spans iob2 -i pred'
refuses "an unknown scheme" 2 "'bilou' is none of iob2, iob1, iobes" f1 tags --spans bilou -i tags
refuses "a line of other columns" 1 'bad.conll: line 2: 1 columns, but 2 before it' sh -c 'printf "a O\nb\n" >bad.conll; f1 bad.conll --spans iob2 --conll -i bad.conll'
refuses "one column where two are wanted" 1 'line 1: one column' sh -c 'printf "O\n" | f1 --spans iob2 --conll'
refuses "a sentence of another length" 1 'b.conll: line 4: a sentence of 2 words, but that of a.conll, line 3, has 1' \
  sh -c 'printf "a O\n\nb O\n" >a.conll; printf "a O\n\n\nb O\nc O\n" >b.conll; f1 a.conll --spans iob2 --conll -i b.conll'
refuses "a sentence of other words" 1 'c.conll: line 3: a sentence of other words than that of a.conll, line 3' sh -c 'printf "a O\n\nc O\n" >c.conll; f1 a.conll --spans iob2 --conll -i c.conll'
refuses "fewer sentences" 1 'd.conll has 1 sentences, but a.conll has more: line 3' sh -c 'printf "a O\n" >d.conll; f1 a.conll --spans iob2 --conll -i d.conll'
refuses "a document that only one side begins" 1 "x: line 1: tags, but y has -DOCSTART- there" sh -c 'echo O >x; echo -DOCSTART- >y; f1 y --spans iob2 -i x'
refuses "what is no number" 1 "nan: line 2: 'nan' is not a number" sh -c 'printf "1\nnan\n" >nan; f1 nan --regression -i nan'
refuses "invalid UTF-8" 1 'latin: line 1: byte 1 is not valid UTF-8' sh -c 'printf "\377\n" >latin; f1 latin -i latin'
refuses "an unknown measure" 2 "'bleu' is none of accuracy, f1, weighted_f1, matthews" f1 gold -i one -m bleu
refuses "two kinds of rows" 2 'exclude one another' f1 gold -i one --squad --regression
refuses "columns of what are no spans" 2 'conll is for --spans' f1 gold -i one --conll
refuses "gold and predicted rows both on standard input" 2 'both be standard input' f1 - --squad
refuses "no gold file" 2 'no gold file' f1 -i one
refuses "two gold files" 2 'one gold file' f1 gold one -i other
refuses "several systems beside gold tags" 2 'several systems need a file of gold tags' f1 --spans iob2 --conll -i a.conll b.conll
refuses "a paired test of one system" 2 'several systems' f1 gold -i one -pbs
refuses "an interval of two systems" 2 'one system' f1 gold -i one other -ci
refuses "a seed that is no number" 2 "'x' is neither" f1 gold -i one -ci --seed x
refuses "a missing file" 1 'missing: cannot open' f1 missing -i one
refuses "a full disk" 1 'standard output' sh -c 'f1 -q gold -i one >/dev/full'
done_testing
