# bleu against what sacreBLEU 2.6 printed for the same arguments (tests/metrics/record-sacrebleu), and its errors.
. "$(dirname "${BASH_SOURCE[0]}")/../shell.sh"
data=$here/tests/metrics/data
export SACREBLEU_SEED=12345 NO_COLOR=1 SACREBLEU=$data
unset SACREBLEU_FORMAT
version=storm-$(bleu --version | grep -o '[0-9][0-9.]*$')

# MeCab is opened at run time, where it is installed; "yes" or empty.
mecab=$(echo a >a && bleu a -i a -tok ja-mecab -b >/dev/null 2>&1 && echo yes)
[ -n "$mecab" ] || skip "ja-mecab" "libmecab2 and mecab-ipadic-utf8 are not installed"

# Every run of the transcript gives the same bytes.
runs=0 differ=0
check_run() {
  [ -n "$arguments" ] || return 0
  [ -n "$mecab" ] || [ "${arguments#*ja-mecab}" = "$arguments" ] || return 0
  runs=$((runs + 1))
  if ! (cd "$data" && eval "bleu $arguments") >got 2>err || ! cmp -s got wanted; then
    differ=$((differ + 1))
    echo "bleu $arguments"
    diff wanted got | head -5
    cat err
  fi
}
replay() {
  arguments='' runs=0 differ=0
  : >wanted
  while IFS= read -r line; do
    case $line in
      '$ '*)
        check_run
        arguments=${line#'$ '}
        : >wanted
        ;;
      *) printf '%s\n' "${line//VERSION/$version}" >>wanted ;;
    esac
  done <"$data/transcript"
  check_run
  echo "$runs runs, $differ differ"
  [ "$runs" -gt 400 ] && [ "$differ" -eq 0 ]
}
ok "the same bytes as sacreBLEU for every recorded run" replay

printf 'a b c d e\nb c d e f\n' >ref
printf 'a b c d e\nb c d x f\n' >hyp
printf 'a\n' >short
: >empty
printf 'a b\n\377c\n' >latin
ok "a last line without its end counts" sh -c '[ "$(printf "a b c d e\nb c d x f" | bleu ref -b -w 6)" = "$(bleu ref -i hyp -b -w 6)" ]'
ok "one thread and four give the same" sh -c '[ "$(bleu ref -i hyp --threads 1 -w 12)" = "$(bleu ref -i hyp --threads 4 -w 12)" ]'
ok "SACREBLEU_FORMAT goes before --format" sh -c 'SACREBLEU_FORMAT=text bleu ref -i hyp -f json | grep -q "^BLEU|"'
ok "--stats ends with a line of figures" sh -c 'bleu ref -i hyp --stats 2>&1 >/dev/null | grep -q "\"segments\": 2"'
ok "100 lines that look tokenised are told of once" sh -c \
  'yes "a ." | head -100 >t && bleu t -i t 2>&1 >/dev/null | grep -c tokenised | grep -qx 1 && [ -z "$(bleu t -i t --force 2>&1 >/dev/null)" ]'
ok "--seed goes before SACREBLEU_SEED" sh -c \
  '[ "$(bleu ref -i hyp -ci --seed 7 -w 9)" = "$(SACREBLEU_SEED=7 bleu ref -i hyp -ci -w 9)" ] && bleu ref -i hyp -ci --seed 7 | grep -q "\"seed\": \"7\""'
ok "a seed of none draws other numbers each time" sh -c \
  '[ "$(bleu "$1" -i "$2" -ci --seed none -w 12)" != "$(bleu "$1" -i "$2" -ci --seed none -w 12)" ]' . "$data/plain.ref" "$data/plain.fair"
ok "sacreBLEU's flags go before others that begin alike" sh -c '[ "$(bleu ref -i hyp -b --w 3 --q)" = "$(bleu ref -i hyp -b -w3)" ]'
ok "beginnings of flags will do where they are clear" sh -c \
  '[ "$(bleu ref -i hyp --sent --score)" = "$(bleu ref -i hyp -sl -b)" ]'
# The tables of sentences agree with -sl, one metric at a time.
per_sentence() {
  bleu "$data/plain.ref" -i "$data/plain.bad" --per-sentence -m bleu chrf ter -w 8 >table || return 1
  [ "$(head -1 table)" = "segment	BLEU	chrF2	TER" ] || return 1
  column=2
  for metric in bleu chrf ter; do
    bleu "$data/plain.ref" -i "$data/plain.bad" -sl -b -m $metric -w 8 >scores
    sed 1d table | cut -f $column | cmp - scores || return 1
    column=$((column + 1))
  done
}
ok "--per-sentence gives what -sl gives" per_sentence
worst() {
  bleu "$data/plain.ref" -i "$data/plain.bad" -sl -b -m $1 -w 8 >scores
  bleu "$data/plain.ref" -i "$data/plain.bad" --worst 7 -m $1 -w 8 --source "$data/plain.good" >listed || return 1
  [ "$(wc -l <listed)" -eq 28 ] && [ "$(sed -n 's/^line \([0-9]*\): .* = /\1 /p' listed)" = \
    "$(nl -ba -w1 -s' ' scores | sort -s -k2,2$2 | head -7)" ] || return 1
  line=$(sed -n '1s/line \([0-9]*\).*/\1/p' listed)
  [ "$(sed -n 's/^  source:    //p' listed | head -1)" = "$(sed -n "${line}p" "$data/plain.good")" ] &&
    [ "$(sed -n 's/^  reference: //p' listed | head -1)" = "$(sed -n "${line}p" "$data/plain.ref")" ] &&
    [ "$(sed -n 's/^  output:    //p' listed | head -1)" = "$(sed -n "${line}p" "$data/plain.bad")" ]
}
ok "--worst gives the lowest scores with their texts" worst chrf n
ok "--worst gives the highest error rates" worst ter nr
ok "a token stream is read as its text" sh -c 'tokenize --learn --vocab-size 400 --no-normalize -q -o spm.model "$1/plain.ref" && tokenize -m spm.model -q <"$1/plain.bad" >bad.st &&
  bleu "$1/plain.ref" <"$1/plain.bad" >text.json && bleu "$1/plain.ref" <bad.st | cmp - text.json &&
  bleu "$1/plain.ref" -i bad.st | cmp - text.json && bleu bad.st -i "$1/plain.bad" -b | grep -qx 100.0' . "$data"
ok "a cut token stream is refused" sh -c 'head -c 2000 bad.st >cut.st && ! bleu "$1/plain.ref" -i cut.st' . "$data"
refuses "different line counts name both files and their lengths" 1 'ref has 2 lines, but short has 1' bleu ref -i short
refuses "a longer translation as well" 1 'short has 1 lines, but hyp has 2' bleu short -i hyp
refuses "invalid UTF-8 names file, line and byte" 1 'latin: line 2: byte 1 is not valid UTF-8' bleu ref -i latin
refuses "invalid UTF-8 in a reference as well" 1 'latin: line 2: byte 1' bleu latin -i hyp
refuses "an unreadable file" 1 'missing: cannot open' bleu missing -i hyp
ok "TER with three references and approximate randomisation has sacreBLEU's digits" eval '(cd "$here/tests/metrics/data/three-references" &&
  bleu r0 r1 r2 -m ter --ter-case-sensitive --ter-no-punct --ter-normalized -w 4 -i h0 h1 h2 -par -parn 50 -f json) >three.json &&
  diff <(sed "s/storm-[^|\"]*/V/" three.json) <(sed "s/version:2[^|\"]*/version:V/" "$here/tests/metrics/data/three-references/sacrebleu.json")'
if [[ ${BUILD:-} == *address* ]]; then skip "the memory of TER grows with a line as the line does" "the address sanitizer reserves more than any limit"
else ok "the memory of TER grows with a line as the line does" eval 'yes "My sister has six flowers." | head -n 3700 | paste -sd " " >long.a &&
  yes "flowers six has sister My." | head -n 3700 | paste -sd " " >long.b && (ulimit -v 1000000 && bleu long.a -i long.b -m ter --threads 1 -b)'; fi
for side in ref hyp; do
  refuses "a line above 16 MiB of the $side" 1 "(long|standard input): line 1: longer than 16777216 bytes; split it" \
    sh -c 'head -c 17000000 /dev/zero >long && if [ $1 = ref ]; then bleu long -i hyp; else bleu ref <long; fi' . $side
done
refuses "empty input" 1 'empty: there is nothing to score' bleu empty -i empty
refuses "no reference" 2 'no reference' bleu -i hyp
refuses "no system" 2 'input. is missing an argument' bleu ref -i
refuses "the same system twice" 2 'hyp twice' bleu ref -i hyp hyp
refuses "an unknown tokeniser" 2 "'14' is none of none, 13a" bleu ref -i hyp -tok 14
ok "a model named by a flag" sh -c '[ "$(bleu ref -i hyp -tok flores200 -b -w 9)" = "$(SACREBLEU=. bleu ref -i hyp -tok flores200 \
  --spm-model "$1/models/flores200sacrebleuspm" -b -w 9)" ]' . "$data"
refuses "a model that is not there" 1 'models/sacrebleu_tokenizer_spm.model: no such file.*--spm-model' env SACREBLEU=. bleu ref -i hyp -tok spm
refuses "a model that is none" 1 'ref' bleu ref -i hyp -tok spm --spm-model ref
refuses "ko-mecab" 2 'fork of MeCab' bleu ref -i hyp -tok ko-mecab
refuses "ko-mecab by the language" 2 'fork of MeCab' bleu ref -i hyp -l en-ko
if [ -z "$mecab" ]; then
  refuses "MeCab that is not installed" 2 'libmecab2 and mecab-ipadic-utf8' bleu ref -i hyp -tok ja-mecab
else
  ok "ja-mecab by the language, and in the signature" sh -c 'bleu ref -i hyp -l en-ja -f text | grep -q "tok:ja-mecab-0.996-IPA"'
  ok "ja-mecab gives the same on one thread and on four" sh -c 'seq 400 | sed "s/.*/&東京都に住む人。/" >ja && sed s/都// ja >ja.hyp &&
    [ "$(bleu ja -i ja.hyp --threads 1 -tok ja-mecab -w 9)" = "$(bleu ja -i ja.hyp --threads 4 -tok ja-mecab -w 9)" ]'
  ok "a word of Debian's dictionary that sacreBLEU's lacks is told of" sh -c 'echo 令和 >reiwa &&
    { [ ! -e /usr/share/doc/mecab-ipadic-utf8 ] || bleu reiwa -i reiwa -tok ja-mecab 2>&1 >/dev/null | grep -q 令和; }'
  refuses "a folder without a dictionary" 1 'no dictionary that MeCab can read' bleu ref -i hyp -tok ja-mecab --mecab-dictionary .
fi
ok "columns with CRLF, joined, score as with LF" sh -c 'sed "s/$/\r/" hyp >hyp.cr && sed "s/$/\r/" ref >ref.cr && paste ref.cr ref.cr >two.cr && paste ref ref >two &&
  for m in bleu chrf ter; do paste hyp.cr hyp.cr | bleu two.cr -nr 2 -m $m -b -w 9 >cr.out && paste hyp hyp | bleu two -nr 2 -m $m -b -w 9 | diff cr.out - || exit 1; done'
commands() { printf 'a \033[2J b\n' >esc && bleu esc -i esc --worst 1 >worst.out && ! grep -q "$(printf '\033')" worst.out && grep -q 'reference: a  \[2J b' worst.out; }
ok "text that commands a terminal is shown without" commands
refuses "an unknown smoothing" 2 "'x' is none of none, floor" bleu ref -i hyp -s x
refuses "an unknown metric" 2 "'meteor' is none of" bleu ref -i hyp -m meteor
refuses "no metric" 2 "'' is none of" bleu ref -i hyp -m ''
refuses "a width that is no number" 2 "--width: 'x'" bleu ref -i hyp -w x
refuses "an unknown flag" 2 'nonsense' bleu ref -i hyp --nonsense
refuses "too few columns of references" 1 'ref: line 1: 1 tab-separated columns, not 2' bleu ref -nr 2 -i hyp
refuses "columns that differ between lines" 1 'standard input: line 2: 1 tab-separated columns, not 2' \
  sh -c 'printf "a\tb\nc\n" | bleu ref'
refuses "sentence scores of two systems" 2 'one system' bleu ref -i hyp short -sl
refuses "sentence scores of two metrics" 2 'one metric' bleu ref -i hyp -sl -m bleu ter
refuses "two ways of showing sentences" 2 'exclude one another' bleu ref -i hyp -sl --per-sentence
refuses "a source without --worst" 2 'for --worst' bleu ref -i hyp --source ref
refuses "a source of another length" 1 'short has 1 lines' bleu ref -i hyp --worst 2 --source short
refuses "sentence scores with a test" 2 'no statistical test' bleu ref -i hyp -sl -ci
refuses "a paired test of one system" 2 'several systems' bleu ref -i hyp -pbs
refuses "an interval of two systems" 2 'one system' bleu ref -i hyp ref -ci
refuses "two paired tests" 2 'exclude each other' bleu ref -i hyp ref -pbs -par
refuses "a seed that is no number" 2 "'x' is neither" bleu ref -i hyp -ci --seed x
refuses "n-grams of no order" 2 'both 0' bleu ref -i hyp -m chrf -cc 0
refuses "n-grams of an order out of range" 2 "'21' is not a whole number from 0 to 20" bleu ref -i hyp -m chrf -cw 21
refuses "no resamples" 2 "'0' is not a whole number from 1" bleu ref -i hyp ref -pbs -pbsn 0
refuses "test sets" 2 '^bleu: --test-set: test sets are neither known nor downloaded' bleu -t wmt14 -l en-de
refuses "their lists and texts" 2 '^bleu: --echo: ' bleu --echo src ref
refuses "a flag's value that nothing uses" 2 "--chrf-beta: 'x'" bleu ref -i hyp --chrf-beta x
refuses "a count that nothing uses" 2 "--paired-ar-n: 'x'" bleu ref -i hyp -parn x
refuses "a language that is no pair" 2 'no pair of languages' bleu ref -i hyp -l de
refuses "a compressed file" 1 'hyp.gz: is compressed; name it as <\(zcat' sh -c 'gzip -k hyp && bleu ref -i hyp.gz'
ok "a compressed file through a pipe" bash -c '[ "$(bleu <(zcat hyp.gz) -i <(zcat hyp.gz) -b)" = 100.0 ]'
refuses "a folder as a file" 1 '^bleu: \.: ' bleu ref -i .
refuses "another encoding" 2 'only utf-8' bleu ref -i hyp -e latin1
refuses "a closed standard input" 1 'standard input: byte 0: cannot read' bash -c 'bleu ref <&-'
refuses "a full disk" 1 'standard output' sh -c 'bleu ref -i hyp >/dev/full'
done_testing
