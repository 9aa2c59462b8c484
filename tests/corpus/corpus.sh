#!/usr/bin/env bash
# The embedded corpus: deterministic, disjoint, honestly aligned, and in correct German.
source "$(dirname "${BASH_SOURCE[0]}")/../shell.sh"
make_corpus=$(cd "$here" && realpath "${BUILD:-build}")/data/make-corpus
corpus() { "$make_corpus" -q --grammar "$here/data/english-german.grammar" "$@"; }

corpus --seed 1 --train 3000 --valid 300 --test 500 one
corpus --seed 1 --train 3000 --valid 300 --test 500 again
corpus --seed 2 --train 3000 --valid 300 --test 500 two
corpus --seed 1 --train 4000 --valid 300 --test 500 more
ok "the same seed writes the same bytes" diff -r one again
ok "another seed writes other sentences" bash -c '! cmp -s one/train.en two/train.en'
ok "test and valid stay the same when train grows" cmp <(cat one/{test,valid}.*) <(cat more/{test,valid}.*)
ok "every split has the lines that were asked for" diff <(printf '%s\n' 3000 300 500) <(for s in train valid test; do wc -l <one/$s.de; done)
ok "no English sentence comes twice, within or across splits" bash -c 'test -z "$(cat one/*.en | sort | uniq -d)"'

# aligned SPLIT: every link is inside both lines, every German word has one, and nothing is listed twice.
aligned() {
  paste -d '\t' one/"$1".{en,de,align} | awk -F '\t' '{
    source = split($1, s, " "); target = split($2, t, " "); links = split($3, link, " ")
    delete covered; delete seen; words = 0
    for (k = 1; k <= links; ++k) {
      split(link[k], pair, "-")
      if (pair[1] >= source || pair[2] >= target || link[k] in seen) { print "line " NR ": " link[k]; bad = 1 }
      seen[link[k]]; if (!(pair[2] in covered)) { covered[pair[2]]; ++words }
    }
    if (words != target) { print "line " NR ": a German word without a link: " $0; bad = 1 }
  } END { exit bad || NR == 0 }'
}
for split in train valid test; do ok "word alignments of $split are in range and leave no German word out" aligned $split; done

# pair NAME SYMBOL ENGLISH GERMAN ALIGN SPANS: the one phrase of a symbol.
pair() {
  corpus --start "$2" --train 0 --valid 0 --test 1 phrase
  ok "$1" diff <(printf '%s\n' "${@:3}") <(cat phrase/test.{en,de,align,spans})
}
number() { pair "$1 in words" "cardinal $1 $1" "${@:2}"; }
number 0 zero null 0-0 0-4:0-4
number 1 one eins 0-0 0-3:0-4
number 21 twenty-one einundzwanzig 0-0 '0-6:6-13 6-7:3-6 7-10:0-3'
number 30 thirty dreißig 0-0 0-6:0-7
number 66 sixty-six sechsundsechzig 0-0 '0-5:8-15 5-6:5-8 6-9:0-5'
number 77 seventy-seven siebenundsiebzig 0-0 '0-7:9-16 7-8:6-9 8-13:0-6'
number 101 'one hundred and one' einhunderteins '0-0 1-0 2-0 3-0' '0-3:0-3 4-11:3-10 12-15:3-10 16-19:10-14'
number 111 'one hundred and eleven' einhundertelf '0-0 1-0 2-0 3-0' '0-3:0-3 4-11:3-10 12-15:3-10 16-22:10-13'
number 1001 'one thousand and one' eintausendeins '0-0 1-0 2-0 3-0' '0-3:0-3 4-12:3-10 13-16:3-10 17-20:10-14'
number 21000 'twenty-one thousand' einundzwanzigtausend '0-0 1-0' '0-6:6-13 6-7:3-6 7-10:0-3 11-19:13-20'

# translates NAME SYMBOL ENGLISH GERMAN: the pair is among those of the symbol.
translates() {
  ok "$1: $3 is $4" grep -qxF "$3|$4" <(paste -d '|' "$2"/test.{en,de})
}
corpus --start 'cardinal 999999 999999' --train 0 --valid 0 --test 1 largest
translates numbers largest 'nine hundred and ninety-nine thousand nine hundred and ninety-nine' \
  neunhundertneunundneunzigtausendneunhundertneunundneunzig
corpus --start 'ordinal 1 31' --train 0 --valid 0 --test 31 ordinals
while read -r english german; do translates ordinals ordinals "$english" "$german"; done <<LIST
first erst
second zweit
third dritt
fifth fünft
seventh siebt
eighth acht
ninth neunt
twelfth zwölft
nineteenth neunzehnt
twentieth zwanzigst
twenty-first einundzwanzigst
thirtieth dreißigst
LIST
corpus --start 'year 1500 2099' --train 0 --valid 0 --test 600 years
while IFS='|' read -r english german; do translates years years "$english" "$german"; done <<LIST
nineteen eighty-four|neunzehnhundertvierundachtzig
nineteen oh five|neunzehnhundertfünf
eighteen hundred|achtzehnhundert
sixteen eleven|sechzehnhundertelf
two thousand|zweitausend
two thousand and three|zweitausenddrei
twenty twenty-four|zweitausendvierundzwanzig
twenty ten|zweitausendzehn
LIST
corpus --start day-e --train 0 --valid 0 --test 365 days  # as many as a year has, and none of them wrong
translates dates days 'twenty-first of March' 'einundzwanzigste März'
ok "no month has more days than it should" bash -c "! grep -E '(twenty-ninth|thirtieth) of Feb|thirty-first of (Feb|Apr|Jun|Sep|Nov)' days/test.en"
corpus --start clock --train 0 --valid 0 --test 700 clock
while IFS='|' read -r english german; do translates times clock "$english" "$german"; done <<LIST
half past three|halb vier
half past twelve|halb eins
one o'clock|ein Uhr
a quarter past one|Viertel nach eins
a quarter to four|Viertel vor vier
twenty-five past twelve|fünf vor halb eins
twenty-five to four|fünf nach halb vier
ten to one|zehn vor eins
seven minutes past three|sieben Minuten nach drei
LIST
ok "no English phrase has two German ones, whatever the seed" bash -c \
  'test -z "$(paste one/train.en one/train.de two/train.en two/train.de | awk -F "\t" "{print \$1 FS \$2; print \$3 FS \$4}" | sort -u | cut -f 1 | uniq -d)"'
ok "the demo's corpus keeps units before tens" grep -qE 'einund(zwanzig|dreißig)' one/train.de

refuses "more phrases than there are is an error" 1 "no more than about 10 different" corpus --start 'cardinal 0 9' --train 20 many
refuses "an unknown symbol is an error" 1 "no rule is called 'nothing'" corpus --start nothing x
refuses "no folder is a usage error" 2 "name the folder" corpus
refuses "a folder that cannot be made is an error" 1 "no/where: No such file" corpus no/where
bad() { printf '%s\n' "$2" >bad.grammar; refuses "$1" 1 "$3" "$make_corpus" --grammar bad.grammar --test 1 x; }
bad "a rule without a name is refused" 'sentence' 'bad.grammar: line 1: no .: '
bad "a rule without a target is refused" 'sentence: one' "bad.grammar: line 1: no ' = '"
bad "a rule that names nothing known is refused" 'sentence: {clock} = {clock}' "line 1: no rule is called 'clock'"
bad "a target word that nothing in the source explains is refused" 'sentence: a/a = b/a c/b' "line 1: 'c' is linked to nothing"
bad "a number out of range is refused" 'sentence: {cardinal 5 1000000} = {cardinal 5 1000000}' "line 1: no rule is called"
bad "a rule that never ends is refused" 'sentence: {sentence} = {sentence}' "never ends"
done_testing
