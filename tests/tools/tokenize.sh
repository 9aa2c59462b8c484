# tokenize: vocabularies, streams and back, agreement with spm_encode, and every bad input's error.
. "$(dirname "${BASH_SOURCE[0]}")/../shell.sh"
datasets=${STORM_DATASETS:-$here/../shared/datasets}

# A text that needs no file: some hundred sentences, the same everywhere.
for s in "The old dog" "A small cat" "Grandmother Jürgen" "One grey bird" "The 3 children"; do
  for v in sees follows "does not like" "sings to"; do
    for o in "the old dog" "a small cat" "3.14 “quoted” words" "the child’s coat"; do echo "$s $v $o."; done
  done
done >text
sed 's/the/der/g; s/a small/ein kleiner/g; s/sees/sieht/g' text >text.de
tokenize -q --learn --vocab-size 380 -o m.model text text.de || exit 1
tokenize -q --learn --vocab-size 380 --no-normalize -o exact.model text text.de || exit 1
tokenize -m m.model text >text.st

prints() { # prints WANTED COMMAND...: standard output is exactly this
  local wanted=$1
  shift
  "$@" >prints.out && printf "$wanted" | diff - prints.out
}
same() { diff <(eval "$1") <(eval "$2"); }
rows() { tensor cat --tensor "${2:-src}.offsets" "$1" | awk '$1 == 0 { n-- } { n++ } END { print n }'; }
silent() { "$@" 2>silent.err && ! [ -s silent.err ]; }

# Offsets: which bytes of its line each piece stands for, and the line.
printf 'storm.words 1\n<pad>\n<unk>\n<s>\n</s>\nred\nfox\n' >offsets.list
printf ' red  f\303\266x fox\n\nfox\n' | tokenize -q -m offsets.list --offsets >offsets.st
ok "--offsets says where pieces begin" prints '1\n6\n11\n0\n' tensor cat --tensor src.begins offsets.st
ok "--offsets says where pieces end" prints '4\n10\n14\n3\n' tensor cat --tensor src.ends offsets.st
ok "--offsets says where lines begin, empty ones, too" prints '0\n14\n14\n17\n' tensor cat --tensor src.text.offsets offsets.st
ok "a stream with offsets decodes as one without" same 'tokenize -m m.model --offsets text | tokenize -d' 'tokenize -m m.model text | tokenize -d'
ok "offsets of rows that are cut are cut" eval 'test "$(tokenize -q -m m.model --offsets --max-length 2 text | tensor cat --tensor src.ends - | wc -l)" = "$(tokenize -q -m m.model --max-length 2 text | tensor cat --tensor src.ids - | wc -l)"'
ok "the same bytes with one thread and with three" same 'tokenize -m m.model --offsets --threads 1 text | tensor cat --tensor src.begins -' 'tokenize -m m.model --offsets --threads 3 text | tensor cat --tensor src.begins -'
refuses "--offsets in text" 2 '--offsets goes into a stream' tokenize -m m.model --offsets --output ids text
refuses "--offsets with BPE-dropout" 2 '--offsets has no meaning with --bpe-dropout' tokenize -m m.model --offsets --bpe-dropout 0.1 text

# Learning.
learn_again() { tokenize -q --learn --vocab-size 380 <"$1" >again.model && cmp again.model m.model; }
cat text text.de >both
ok "learning from standard input gives the same vocabulary as from files" learn_again both
ok "learning says nothing when told to be quiet" silent tokenize -q --learn --vocab-size 380 -o x.model text text.de
ok "SentencePiece's log is shown when wanted" eval 'tokenize --learn --vocab-size 380 --verbose -o x.model both 2>&1 | grep -q trainer'
symbols() { tokenize -q --learn --vocab-size 380 --symbols '<a>,<b>' -o s.model both && echo 'x<a>y<b>' | tokenize -m s.model --output pieces | grep -q '<a> .*<b>'; }
ok "user-defined symbols are pieces" symbols
for type in unigram:297 char:295 word:290; do
  learn_type() { tokenize -q --learn --type "$1" --vocab-size "$2" -o $1.model both && tokenize -m $1.model text | tokenize -d | cmp - text; }
  ok "a vocabulary of type ${type%:*} brings its text back" learn_type ${type%:*} ${type#*:}
done
unknown() { tokenize -q --learn --vocab-size 120 --no-byte-fallback -o nb.model both && echo 日本 | tokenize -m nb.model --output ids | grep -qw 1; }
ok "without byte fallback, unknown characters are unk" unknown
refuses "a vocabulary too large for its text" 1 'size too high \(30000\)' tokenize -q --learn --vocab-size 30000 -o x2.model text
refuses "learning from nothing" 1 'no text to learn' tokenize --learn --vocab-size 300 -o x2.model /dev/null
refuses "learning without a size" 2 'needs --vocab-size' tokenize --learn -o x2.model text
refuses "an unknown type" 2 "'bep' is none of bpe, unigram, char, word, list, labels, wordpiece, byte-bpe" tokenize --learn --vocab-size 300 --type bep -o x2.model text
refuses "a coverage out of range" 2 "from 0.98 to 1" tokenize --learn --vocab-size 300 --character-coverage 1.5 -o x2.model text
ok "what failed has written no model" test ! -e x2.model

# WordPiece and byte-level BPE.
for type in wordpiece:120 byte-bpe:340; do
  learn_type() { tokenize -q --learn --type "$1" --vocab-size "$2" --symbols '<a>' -o $1.json both && tokenize -m $1.json --output ids text both >$1.ids; }
  ok "a vocabulary of type ${type%:*} is learnt" learn_type ${type%:*} ${type#*:}
  again_type() { tokenize -q --learn --type "$1" --vocab-size "$2" --symbols '<a>' --threads 1 -o again.json both && cmp again.json $1.json; }
  ok "the same with one thread" again_type ${type%:*} ${type#*:}
  ok "its stream is a vocabulary, too" same "tokenize -m ${type%:*}.json text | tokenize -m - --output ids text" "tokenize -m ${type%:*}.json --output ids text"
done
ok "byte-level BPE brings every text back" same "printf 'a\\xe2\\x80\\xa8b  \\tc \\xe6\\x97\\xa5 \\xf0\\x9f\\x98\\x80 <a>\\n' | tokenize -m byte-bpe.json | tokenize -d" "printf 'a\\xe2\\x80\\xa8b  \\tc \\xe6\\x97\\xa5 \\xf0\\x9f\\x98\\x80 <a>\\n'"
ok "WordPiece lower-cases, and puts no space before punctuation back" prints 'grandmother jurgen sings to the old dog.\n' eval 'head -200 text | grep -m 1 Grandmother.*sings.*dog | tokenize -m wordpiece.json | tokenize -d'
ok "unless it is cased" prints 'Grandmother Jürgen sings to the old dog.\n' eval 'tokenize -q --learn --type wordpiece --uncased no --vocab-size 130 -o cased.json both && grep -m 1 Grandmother.*sings.*dog text | tokenize -m cased.json | tokenize -d'
ok "offsets cut the line" prints '0\n3\n6\n' eval 'printf "The<a>!\n" | tokenize -m wordpiece.json --offsets | tensor cat --tensor src.begins -'
printf '[PAD]\n[UNK]\nthe\nDog\ndog\n##s\n' >vocab.txt
ok "vocab.txt, uncased" prints '2 4 5 1\n' eval 'echo "The Dogs x" | tokenize -m vocab.txt --uncased yes --output ids'
ok "vocab.txt, cased" prints '1 3 5\n' eval 'echo "The Dogs" | tokenize -m vocab.txt --uncased no --output ids'
refuses "vocab.txt of either" 1 'vocab.txt: pieces alone, .*give --uncased yes or no' tokenize -m vocab.txt text
refuses "a case for another vocabulary" 1 'm.model: no list of pieces' tokenize -m m.model --uncased yes text
refuses "a tokenizer.json cut short" 1 'cut.json: byte 1000: no JSON, or cut short' eval 'head -c 999 byte-bpe.json >cut.json; tokenize -m cut.json text'
refuses "a tokenizer.json of another kind" 1 'other.json.model.type: Unigram is not supported' eval 'sed s/\"BPE\"/\"Unigram\"/ byte-bpe.json >other.json; tokenize -m other.json text'
refuses "a setting of SentencePiece for WordPiece" 2 'sample' tokenize --learn --type wordpiece --vocab-size 300 --sample 3 -o x2.model text
refuses "letter case for byte-level BPE" 2 'uncased' tokenize --learn --type byte-bpe --vocab-size 300 --uncased yes -o x2.model text
refuses "more pieces than a text has" 1 'the text has no more than [0-9]+ pieces; give more text, or --vocab-size' tokenize --learn --type byte-bpe --vocab-size 30000 -o x2.model text

led_symbol() { printf ' quickly\n' >led.txt && tokenize -q --learn --type $1 --vocab-size $2 --symbols-file led.txt -o led.json both && [ "$(tokenize -m led.json --output ids <<<'dog quickly' | sed 's/.* //')" = $3 ]; }
ok "a word with the space before it is a symbol of byte-level BPE" led_symbol byte-bpe 340 1
ok "and a word of WordPiece" led_symbol wordpiece 120 5
refuses "a symbol of invalid UTF-8" 2 'symbols: invalid UTF-8' tokenize --learn --type byte-bpe --vocab-size 300 --symbols $'x\xff' -o x2.model text

# A larger vocabulary.
printf ' myocardium\nIschämie\n the\n' >words.txt
for model in m.model:380 wordpiece.json:120 byte-bpe.json:340; do
  extends() {
    tokenize --learn --extend $1 --symbols-file words.txt -o larger.model 2>extend.err && grep -q 'new' extend.err &&
      diff <(tokenize -m $1 --output ids text) <(tokenize -m larger.model --output ids text) &&
      [ "$(tokenize -m larger.model --output ids <<<'the myocardium' | sed 's/.* //')" = $2 ]
  }
  ok "${model%:*} with more words keeps its ids" extends ${model%:*} ${model#*:}
done
refuses "an extension by nothing" 2 'needs pieces' tokenize --learn --extend m.model -o x2.model
refuses "an extension from a text" 2 'learns from no text' tokenize --learn --extend m.model --symbols '<b>' -o x2.model text
refuses "two words on a line" 1 "bad.txt: line 2: 'a b' is no word; give one a line" eval 'printf "x\na b\n" >bad.txt; tokenize --learn --extend m.model --symbols-file bad.txt -o x2.model'

# There and back.
ok "text comes back" same "tokenize -d text.st" "cat text"
exact() { printf '  two  spaces \n\n\ttab\nfullwidth Ａ ﬁ\nU+2028 \xe2\x80\xa8 inside\n \nlast, no line end' >odd && tokenize -m exact.model odd | tokenize -d >odd.out && diff <(cat odd && echo) odd.out; }
ok "without normalisation any text comes back exactly" exact
ok "a pair's columns come back, together or alone" eval 'paste text text.de | tokenize -m m.model --columns src,tgt >p.st &&
  same "tokenize -d p.st" "paste text text.de" && same "tokenize -d --column tgt p.st" "cat text.de"'
ok "each column may have its vocabulary" eval 'paste text text.de | tokenize -m src=m.model,tgt=exact.model >two.st &&
  same "tokenize -d two.st" "paste text text.de" && tensor ls two.st | grep -q vocab.tgt'
ok "a stream serves as a model, the right column of it" eval 'tokenize -m two.st text | tensor cat -t vocab --raw | cmp - m.model &&
  tokenize -m two.st --columns tgt text | tensor cat -t vocab --raw | cmp - exact.model'
ok "CRLF ends a line as LF does" same "printf 'a dog\r\nthe cat\r\n' | tokenize -m exact.model | tokenize -d" "printf 'a dog\nthe cat\n'"
ok "CR goes before a TAB between columns as before LF" same "paste <(printf 'a dog\r\n\r\r\n') <(printf 'ein Hund\r\nx\r\n') | tokenize -m exact.model --columns src,tgt --empty keep | tokenize -d" "printf 'a dog\tein Hund\n \tx\n'"
ok "and stays where a TAB is text" same "printf 'a\r\tb\r\n' | tokenize -m exact.model | tokenize -d" "printf 'a \tb\n'"
ok "empty lines stay lines" prints 'a\n\n\nb\n' eval "printf 'a\n\n\nb\n' | tokenize -m m.model | tokenize -d"
ok "empty input is a stream without rows, and that is no text" prints '' eval "tokenize -m m.model </dev/null | tokenize -d"
ok "the same text gives the same bytes, whatever the threads" eval 'for i in $(seq 60); do cat text; done >long.txt
  tokenize --threads 1 -m m.model long.txt -o t1.st && tokenize --threads 3 -m m.model long.txt -o t3.st &&
  cmp <(tail -c 100000 t1.st) <(tail -c 100000 t3.st)'

by_hand() {
  coproc HAND { tokenize -m m.model | tokenize -d; }
  local line answer to=${HAND[1]} from=${HAND[0]} pid=$HAND_PID
  for line in "The old dog" "" "A small cat sees"; do
    echo "$line" >&"$to"
    IFS= read -r -t 30 answer <&"$from" || return 1
    [ "$answer" = "$line" ] || return 1
  done
  exec {to}>&-
  wait "$pid"
}
ok "a line typed by hand is answered before the next one" by_hand

memory() {
  for i in $(seq 20); do cat long.txt; done | tokenize -m m.model --stats 2>big.json | cat >/dev/null
  tokenize -m m.model --stats long.txt 2>small.json | cat >/dev/null
  local big small
  big=$(grep -o '"peak_MiB": [0-9]*' big.json | grep -o '[0-9]*$') small=$(grep -o '"peak_MiB": [0-9]*' small.json | grep -o '[0-9]*$')
  echo "$small MiB, of twenty times as much $big MiB"
  [ "$big" -le $((small + 16)) ]
}
case ${BUILD:-} in # what is freed stays in the address sanitizer's quarantine
  *address*) skip "memory does not grow with the input" "not under the address sanitizer" ;;
  *) ok "memory does not grow with the input" memory ;;
esac

# What becomes of odd rows.
printf 'a\tb\n\tleer\nleer\t\nthe old dog sees the cat and 日本\tja\n' >odd.tsv
report() { tokenize -m m.model --columns src,tgt --max-length 5 "$@" odd.tsv 2>report.err >odd.st && rows odd.st; }
ok "pairs that are empty on one side or too long are dropped, counted and reported" eval '[ "$(report)" = 1 ] &&
  grep -q "^tokenize: 2 of 4 lines are empty on one side: dropped" report.err && grep -q "1 of 4 lines are longer than 5 tokens: dropped" report.err'
ok "or kept" eval '[ "$(report --empty keep --long keep)" = 4 ]'
ok "or cut" eval '[ "$(report --empty keep --long cut)" = 4 ] && tensor cat -t src.offsets odd.st | tail -1 | grep -qx "[0-9]*"'
refuses "or refused, by length" 1 'odd.tsv: line 4: [0-9]+ tokens in column src, more than --max-length 5$' tokenize -m m.model --columns src,tgt --max-length 5 --empty keep --long refuse odd.tsv
refuses "or refused, by emptiness" 1 'odd.tsv: line 2: empty on one side$' tokenize -m m.model --columns src,tgt --empty refuse odd.tsv
head -c 1000000 /dev/zero | tr '\0' x >line1m
ok "a line of 1 MB is cut at 4096 tokens" eval 'tokenize -m m.model line1m 2>cut.err | tensor cat -t src.ids | wc -l | grep -qx 4096 && grep -q "longer than 4096 tokens: cut" cut.err'
ok "or encoded whole" eval 'tokenize -m m.model --max-length 0 line1m | tokenize -d | cmp - <(cat line1m && echo)'
refuses "or refused" 1 'line1m: line 1: [0-9]+ tokens in column src' tokenize -m m.model --long refuse line1m
printf 'one\ttwo\nalone\n' >uneven.tsv
refuses "a line with too few columns" 1 'uneven.tsv: line 2: 1 column, not 2' tokenize -m m.model --columns src,tgt uneven.tsv
refuses "a line with too many" 1 'line 1: 3 columns, not 2' eval "printf 'a\tb\tc\n' | tokenize -m m.model --columns src,tgt"
ok "or dropped and counted" eval '[ "$(tokenize -q -m m.model --columns src,tgt --uneven drop uneven.tsv >u.st; rows u.st)" = 1 ]'
printf 'fine\nbad \xff byte\nfine\n' >invalid
refuses "invalid UTF-8" 1 'invalid: line 2: invalid UTF-8 at byte 4; ' tokenize -m m.model invalid
refuses "invalid UTF-8 to learn from" 1 'invalid: line 2: invalid UTF-8' tokenize --learn --vocab-size 300 invalid
ok "invalid UTF-8 can be mended" prints 'fine\nbad \xef\xbf\xbd byte\nfine\n' eval 'tokenize -q -m exact.model --replace-invalid invalid | tokenize -d'

# As spm_encode prints it.
if command -v spm_encode >/dev/null; then
  printf '\n \n  two  spaces \ttab\nﬁ Ａ Å 日本語 \U0001F600 ▁ <s> <unk> <0x0A>\n' >strange
  for model in m exact unigram char word nb s; do
    ok "pieces and ids are spm_encode's ($model)" eval "cat text strange $([ $model != m ] || echo line1m) >all.txt
      same 'tokenize -m $model.model --output pieces all.txt' 'spm_encode --model=$model.model --output_format=piece <all.txt' &&
      same 'tokenize -m $model.model --output ids all.txt' 'spm_encode --model=$model.model --output_format=id <all.txt'"
  done
else
  skip "pieces and ids are spm_encode's" "no spm_encode here (Debian package sentencepiece)"
fi

# Real text, a slice of each set.
real() { # real FILE: exactly without normalisation; with it, once normalised it stays so
  head -n 300 "$1" | tr -d '\r' >slice
  same "tokenize -m exact.model --max-length 0 slice | tokenize -d" "sed 's/▁/ /g' slice" || return 1
  tokenize -m m.model --max-length 0 slice | tokenize -d >once && tokenize -m m.model --max-length 0 once | tokenize -d | diff once -
}
found=0
for file in multi30k/train.en multi30k/train.de multi30k/val.de wikitext-2/test.txt sst2/dev.tsv sentencepiece/botchan.txt squad/dev-v1.1.json word-similarity/questions-words.txt; do
  [ -e "$datasets/$file" ] || continue
  found=1
  [ "$(head -n 1 "$datasets/$file" | wc -c)" -lt 1000000 ] || continue
  ok "real text survives: $file" real "$datasets/$file"
done
[ $found = 1 ] || skip "real text survives" "no datasets at $datasets"

# Bad streams and models.
size=$(wc -c <text.st)
head -c $((size - 1)) text.st >short.st
refuses "a truncated stream" 1 "short.st: byte $((size - 1)): truncated" tokenize -d short.st
refuses "a stream cut in its header" 1 "byte 5: truncated" eval 'head -c 5 text.st | tokenize -d'
refuses "nothing where a stream should be" 1 'standard input: byte 0: empty' eval 'tokenize -d </dev/null'
refuses "text where a stream should be" 1 'text: byte 0: not a tensor stream' tokenize -d text
tensor cat -t vocab text.st --raw >v && printf '{"__metadata__":{"storm.kind":"model"}}' >header.json
{ printf '\x27\0\0\0\0\0\0\0'; cat header.json; } >wrong.st
refuses "a stream of another kind" 1 "wrong.st: byte 0: holds 'model', not 'tokens'" tokenize -d wrong.st
refuses "a model without a vocabulary" 1 'wrong.st: byte 0: carries no vocabulary' tokenize -m wrong.st text
refuses "a stream of another vocabulary" 1 "exact.model: vocabulary differs from the input's \([0-9a-f]{16} ≠ [0-9a-f]{16}\); tokenize with -m exact.model" tokenize -d -m exact.model text.st
refuses "a column that is not there" 1 "has no column 'tgt'" tokenize -d --column tgt text.st
refuses "text where a model should be" 1 'text: neither a list, .* nor a SentencePiece model nor a tokenizer.json nor a stream that carries one$' tokenize -m text text
refuses "a model that is not there" 1 'nowhere.model: cannot open: No such file' tokenize -m nowhere.model text
refuses "text that is not there" 1 'nowhere.txt: cannot open: No such file' tokenize -m m.model nowhere.txt
broken_writer() { { for i in $(seq 300); do cat text; done; printf '\xff\n'; } | tokenize -m m.model 2>/dev/null | tokenize -d 2>&1 >/dev/null | grep -q truncated; }
ok "who reads from a tokenize that failed, fails too" broken_writer

# Places that cannot be written.
refuses "a full disk" 1 'standard output: byte 0: cannot write: No space left' eval 'tokenize -m m.model text >/dev/full'
refuses "a full disk, text" 1 'No space left' eval 'tokenize -d text.st >/dev/full'
refuses "a full disk, by name" 1 '/dev/full: byte 0: cannot write: No space left' tokenize -m m.model text -o /dev/full
refuses "a folder that is not there" 1 'nowhere/x.st: cannot write: No such file' tokenize -m m.model text -o nowhere/x.st
refuses "a folder in place of a file" 1 'cannot write: is a directory' tokenize -m m.model text -o .
refuses "bad input on the way to a file" 1 'invalid UTF-8' tokenize -m m.model invalid -o never.st
ok "leaves no file behind" eval '! ls | grep -q never'
closed() { yes "The old dog" | tokenize -m m.model 2>closed.err | head -c 1000 >/dev/null; [ "${PIPESTATUS[1]}" -eq 141 ] && ! [ -s closed.err ]; }
ok "a closed pipe ends it quietly" closed

# The command line.
refuses "no mode" 2 'give -m MODEL' tokenize text
refuses "an unknown flag" 2 'beam' tokenize -m m.model --beam 3 text
refuses "a seed where nothing is drawn" 2 '--seed has no meaning with --model' tokenize -m m.model --seed x text
refuses "a rate of BPE-dropout beyond 1" 2 "--bpe-dropout: .1.5. is not a number from 0 to 1" tokenize -m m.model --bpe-dropout 1.5 text
refuses "a flag of another mode" 2 '--vocab-size has no meaning with --model' tokenize -m m.model --vocab-size 300 text
refuses "a negative length" 2 "'-1' is not a whole number from 0" tokenize -m m.model --max-length=-1 text
refuses "a length that is none" 2 "'many' is not a whole number" tokenize -m m.model --max-length many text
refuses "an unknown rule" 2 "'throw' is none of keep, drop, cut, refuse" tokenize -m m.model --long throw text
refuses "columns named twice" 2 "two columns 'src'" tokenize -m m.model --columns src,src text
refuses "a column without a name" 2 'an empty name' tokenize -m m.model --columns src, text
refuses "columns named in two ways" 2 'already names the columns' tokenize -m src=m.model --columns src text
ok "help shows examples first" eval 'tokenize --help | sed -n 3p | grep -q Examples'

# Read by others.
python=${STORM_PYTHON:-python3}
if "$python" -c 'import numpy, safetensors' 2>/dev/null; then
  cat >read.py <<'PY'
import safetensors, safetensors.numpy, sys
with safetensors.safe_open("p1.st", "np") as f:
    meta = f.metadata()
    assert meta["storm.kind"] == "tokens" and meta["storm.version"] == "1" and meta["storm.columns"] == "src,tgt", meta
    names = {"src.ids": "int32", "src.offsets": "int64", "tgt.ids": "int32", "tgt.offsets": "int64", "vocab": "uint8"}
    assert {k: str(f.get_tensor(k).dtype) for k in f.keys()} == names
    assert f.get_tensor("vocab").tobytes() == open("m.model", "rb").read()
    ids, offsets = f.get_tensor("tgt.ids"), f.get_tensor("tgt.offsets")
    rows = [" ".join(map(str, ids[a:b])) for a, b in zip(offsets, offsets[1:])]
    assert rows == open("de.ids").read().splitlines()
PY
  by_python() { tensor cat p.st -o p1.st && tokenize -m m.model --output ids text.de >de.ids && "$python" read.py; }
  ok "the safetensors package reads a token stream" by_python
else
  skip "the safetensors package reads a token stream" "no Python with numpy and safetensors; name one in STORM_PYTHON"
fi
done_testing
