# Columns of numbers: stored as floats, printed so that they read back, beside text and labels or alone, and refused.
. "$(dirname "${BASH_SOURCE[0]}")/../shell.sh"

prints() { # prints WANTED COMMAND...: standard output is exactly this
  local wanted=$1
  shift
  "$@" >prints.out && printf "$wanted" | diff - prints.out
}
for i in $(seq 40); do printf 'the old dog %d\t%s\t%s\n' "$i" "$(awk -v i="$i" 'BEGIN { printf "%.9g", sin(i) * 10 ^ (i % 13 - 6) }')" "$([ $((i % 3)) = 0 ] && echo pos || echo neg)"; done >rows
cut -f1 rows | tokenize -q --learn --type list -o words.list || exit 1
printf 'storm.labels 1\nneg\npos\n' >labels.list
tokenize -m text=words.list,score:number,label=labels.list rows -o rows.st || exit 1

ok "numbers are floats, a row each" eval 'tensor ls rows.st | grep -qE "score.values +F32 +\[40\] +160$" && tensor ls rows.st | grep -qE "storm.columns +text,score,label$" && ! tensor ls rows.st | grep -q vocab.score'
ok "text and labels beside them come back" eval 'cmp <(tokenize -d rows.st | cut -f1,3) <(cut -f1,3 rows)'
again() { tokenize -d rows.st >printed && tokenize -m rows.st --columns text printed >/dev/null; tokenize -m text=words.list,score:number,label=labels.list printed | tensor cat -t score.values --raw | cmp - <(tensor cat -t score.values --raw rows.st); }
ok "what is printed reads back as the same float" again
ok "a float is printed as short as can be" prints '0.1\n-2.5\n0\n1e-45\n3.4028235e+38\n16777216\n' \
  eval "printf '0.1\n-2.50\n0.0\n1e-45\n3.4028235e38\n16777217\n' | tokenize --columns score:number | tokenize -d"
ok "one column is printed alone" eval 'cmp <(tokenize -d --column score rows.st) <(tokenize -d rows.st | cut -f2)'
ok "a shared vocabulary serves the other columns" eval 'tokenize -m words.list --columns text,score:number <(cut -f1,2 rows) -o shared.st && tensor cat -t vocab --raw shared.st | cmp - words.list && cmp <(tokenize -d shared.st) <(tokenize -d rows.st | cut -f1,2)'
ok "--output ids prints them as they are" prints '6\t0.5\n' eval "printf 'the\t0.50\n' | tokenize -m words.list --columns text,score:number --output ids"
ok "streams laid end to end, and merged" eval 'cat rows.st rows.st >two.st && cmp <(tokenize -d two.st) <(cat printed printed) && tensor cat two.st | tokenize -d | cmp - <(cat printed printed)'
ok "the same bytes, whatever the threads" eval 'for i in $(seq 200); do cat rows; done >many && tokenize --threads 1 -m text=words.list,score:number,label=labels.list many | tail -c 50000 >t1 && tokenize --threads 3 -m text=words.list,score:number,label=labels.list many | tail -c 50000 | cmp - t1'
ok "a row with an empty number goes as one with an empty text, and shifts no other" eval "printf 'the\t1\nold\t\n\t3\ndog\t4\n' | tokenize -q -m words.list --columns text,score:number | tokenize -d | cmp - <(printf 'the\t1\ndog\t4\n')"
ok "empty input is a stream of numbers without rows" prints '' eval 'tokenize --columns score:number </dev/null | tokenize -d'

number() { printf 'the\t1\nthe\t%s\n' "$1" | tokenize -m words.list --columns text,score:number -o never.st; }
for bad in nan inf -inf 1e39 1e-50 0x10 +1 ' 1' 1,5 one 1e; do
  refuses "'$bad' for a number" 1 "^tokenize: standard input: line 2: column score: '.*' is no number that a float of 32 bits holds, as -1.5 or 2e-3 is$" number "$bad"
done
refuses "no number where empty rows are kept" 1 "line 1: column score: '' is no number" eval "printf 'the\t\n' | tokenize -m words.list --columns text,score:number --empty keep"
refuses "another kind of column" 2 "--columns: 'score:numbr' is neither a column's NAME nor NAME:number" tokenize -m words.list --columns score:numbr rows
refuses "another kind beside models" 2 "--model: 'score:numbr' is neither" tokenize -m text=words.list,score:numbr rows
refuses "a column of numbers without a name" 2 "':number' is neither" tokenize --columns :number rows
refuses "a model that no column has" 2 '--model has no meaning where all columns are numbers' tokenize -m words.list --columns score:number rows
refuses "text without a model" 2 'give -m MODEL' tokenize --columns text,score:number rows
refuses "BLEU of numbers" 1 'carries no vocabulary' eval 'bleu rows <(tokenize --columns tgt:number <(cut -f2 rows))'
tensor convert --dtype f64 rows.st -o wide.st
refuses "numbers of another width" 1 "wide.st: byte 0: tensor 'score.values' is F64, not F32" tokenize -d wide.st
refuses "ids where numbers were" 1 'the columns text,score,label hold numbers where they held ids' eval 'tokenize -m words.list --columns text,score,label <(cut -f1 rows | awk "{ print \$0 \"\\t\" \$0 \"\\t\" \$0 }") >ids.st; cat rows.st ids.st | tokenize -d'
# document ROWS DATA: a stream by hand of one column `score` of numbers
document() {
  local header="{\"__metadata__\":{\"storm.kind\":\"tokens\",\"storm.version\":\"1\",\"storm.columns\":\"score\"},\"score.values\":{\"dtype\":\"F32\",\"shape\":$1,\"data_offsets\":[0,8]}}"
  printf "\\x$(printf %02x ${#header})\0\0\0\0\0\0\0%s$2" "$header"
}
ok "a stream by hand is read" prints '1\n-2\n' eval "document '[2]' '\0\0\x80\x3f\0\0\0\xc0' | tokenize -d"
refuses "NaN in a stream" 1 'standard input: byte 0: score.values: row 1 is NaN, not a finite number' eval "document '[2]' '\0\0\x80\x3f\0\0\xc0\x7f' | tokenize -d"
refuses "a matrix of numbers" 1 "tensor 'score.values' has shape \[1, 2\], not \[-1\]" eval "document '[1,2]' '\0\0\x80\x3f\0\0\0\xc0' | tokenize -d"
ok "leave no stream behind" test ! -e never.st
done_testing
