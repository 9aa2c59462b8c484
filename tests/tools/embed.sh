# embed as a user runs it: vectors by piece, word and line, neighbours, agreement with people, exports, refusals.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(1); n = split("ka lo mi tu re sy", part, " ")
  for (i = 0; i < 300; ++i) { a = b = ""; k = 2 + int(rand() * 6)
  for (j = 0; j < k; ++j) { w = part[1 + int(rand() * n)]; if (j % 2) w = w part[1 + int(rand() * n)]; a = a w " "; b = w " " b } print a "\t" b } }' >train.tsv
cut -f1 train.tsv | sed 's/ $//' >train.src
head -n 30 train.src >test.src
tokenize -q --learn --no-byte-fallback --vocab-size 50 -o spm.model train.src
tokenize -q --learn --no-byte-fallback --vocab-size 40 -o other.model train.src
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
train -q --data train.st --layers 2 --d-model 16 --d-ff 32 --heads 2 --max-tokens 400 --steps 5 -o model.st
train -q --data train.st --layers 1 --d-model 8 --d-ff 16 --heads 2 --max-tokens 400 --steps 1 -o narrow.st
tokenize -q -m model.st <test.src >test.st
tokenize -q -m other.model <test.src >other.st
e() { embed -q -m model.st "$@" <test.st; }
shape() { tensor ls "$1" | awk -v t="${2:-lines.vectors}" '$1 == t { print $2, $3, $4, $5 }'; }
pieces=$(tokenize -q -m model.st --output ids <test.src | awk '{ n += NF } END { print n }')
words=$(wc -w <test.src)
# near FILE FILE [TOLERANCE]: tables of numbers that are the same
near() { paste -d ' ' "$1" "$2" | awk -v t="${3:-0.00001}" '{ if (NF % 2) exit bad = 1; n = NF / 2
  for (i = 1; i <= n; ++i) { d = $i - $(i + n); if (d > t || d < -t) exit bad = 1 } } END { exit bad || NR == 0 }'; }
vectors() { tensor cat -t lines.vectors "${1:--}"; }

by_piece() { e >p.st && shape p.st | grep -qF "F32 [$pieces, 16]" && shape p.st lines.offsets | grep -qF '[31]' && tensor cat -t texts.bytes --raw p.st >texts && cmp texts <(tokenize -q -m model.st --output pieces <test.src | tr -d ' \n'); }
ok "a vector for each piece, with the pieces" by_piece
by_word() { e --level word >w.st && shape w.st | grep -qF "[$words, 16]" && tensor cat -t texts.bytes --raw w.st | cmp - <(tr -d ' \n' <test.src); }
ok "a vector for each word, with the words" by_word
by_line() { for p in mean max cls; do e --pool $p >l.st && shape l.st | grep -qF '[30, 16]' && tensor cat -t texts.bytes --raw l.st | cmp - <(tr -d '\n' <test.src) || return 1; done; }
ok "a vector for each line, with the line" by_line
# The means, maxima and firsts of the pieces' vectors, made by awk.
pooled() {
  e | vectors >rows && tensor cat -t lines.offsets p.st >offsets
  for how in mean max cls; do
    awk -v how=$how 'NR == FNR { off[NR] = $1; next } { ++r; while (r > off[line + 2]) { put(); ++line; n = 0 }
      ++n; for (i = 1; i <= NF; ++i) if (n == 1 || how == "max" && $i > x[i]) x[i] = $i; else if (how == "mean") x[i] += $i; w = NF } END { put() }
      function put(i) { for (i = 1; i <= w; ++i) printf "%.8g ", how == "mean" ? x[i] / n : x[i]; print "" }' offsets rows >want.$how
    e --pool $how | vectors >got.$how && near want.$how got.$how || return 1
  done
}
ok "a line's vector is the mean, the largest or the first of its pieces' vectors, without EOS" pooled
with_offsets() { tokenize -q -m model.st --offsets test.src | embed -q -m model.st --level word | cmp <(vectors <w.st) <(vectors) && tokenize -q -m model.st --offsets <<<'ka  ＫＡ lo' | embed -q -m model.st --level word | tensor cat -t texts.bytes --raw | grep -qx 'kaＫＡlo'; }
ok "words are what spaces separate, as the line has them, where the input says it" with_offsets
first_words() { e --level word --word-pool first --layer 0 | vectors | sort -u >a && e --layer 0 | vectors | sort -u >b && [ "$(comm -23 a b | wc -l)" -eq 0 ]; }
ok "--word-pool first takes rows of the pieces" first_words
layers() { for l in 0 1 2; do e --layer $l | vectors >layer$l; done; ! near layer0 layer1 && ! near layer1 layer2 && e | vectors | cmp - layer2; }
ok "--layer chooses the layer, the last by default" layers
static() { e --static | vectors | sort -u >rows && tensor cat -t embedding.weight model.st | sort -u >table && [ "$(comm -23 rows table | wc -l)" -eq 0 ] && tensor ls p.st | grep -qE 'embeddings.layer +2'; }
ok "--static gives the table's rows, to the bit" static
unit() { e --normalize | vectors | awk '{ s = 0; for (i = 1; i <= NF; ++i) s += $i * $i; if (s < 0.99999 || s > 1.00001) exit 1 }'; }
ok "--normalize gives vectors of length 1" unit
halves() { e >f.st && for t in bf16:BF16:0.02 f16:F16:0.002; do IFS=: read -r flag dtype t <<<"$t"; e --dtype $flag >h.st && shape h.st | grep -q "^$dtype" && near <(vectors h.st) <(vectors f.st) "$t" || return 1; e --dtype $flag | vectors | cmp - <(tensor convert --dtype $flag f.st | vectors) || return 1; done; }
ok "--dtype bf16 and f16 round as tensor convert does" halves
company() { e --pool mean | vectors >all; for t in 1 9 100; do e --pool mean --max-tokens $t | vectors >some && near all some || return 1; done; head -n 7 test.src | tail -n 1 | tokenize -m model.st | embed -q -m model.st --pool mean | vectors | near - <(sed -n 7p all); }
ok "a vector does not depend on what else is in its batch" company
threads() { e --threads 1 | vectors | near - <(e --threads 3 | vectors); }
ok "nor on the threads" threads
empty() { printf 'ka\n\nlolo mi\n' | tokenize -q -m model.st >empty.st; embed -q -m model.st --level word <empty.st | tensor cat -t lines.offsets | tr '\n' ' ' | grep -qx '0 1 1 3 ' && embed -q -m model.st --pool mean --normalize <empty.st | vectors >v && [ "$(wc -l <v)" -eq 3 ] && [ "$(sed -n 2p v | tr -d '0 ')" = "" ] && [ "$(sed -n 3p v | tr -d '0 ')" != "" ]; }
ok "an empty line has no pieces; its line's vector is zero" empty
none() { tokenize -q -m model.st </dev/null | embed -q -m model.st >none.st && shape none.st | grep -qF '[0, 16]'; }
ok "no lines give a stream that says so" none
merged() { cat test.st test.st test.st | embed -q -m model.st --pool max >three.st && head -n 3 test.src | while read -r l; do echo "$l" | tokenize -m model.st; done | embed -q -m model.st >many.st && cat many.st many.st | tensor cat >one.st && [ "$(tensor ls one.st | grep -c ': byte')" = 1 ] && tensor cat -t texts.offsets one.st | sort -nc && embed -q -m model.st --nearest 1 --index one.st <test.st >/dev/null; }
ok "tensor cat makes one document of a stream" merged
live() { # each answer must come before the next line is sent; read waits for it
  coproc PIPE { tokenize -q -m model.st | embed -q -m model.st --static --nearest 1; }
  local pid=$PIPE_PID in=${PIPE[1]} out=${PIPE[0]} line answer n=0
  while read -r line && [ $n -lt 5 ]; do
    echo "$line" >&"$in"
    read -r -t 60 answer <&"$out" || return 1
    n=$((n + 1))
    [ "$(cut -f 1 <<<"$answer")" = $n ] || return 1
  done <test.src
  exec {in}>&-
  wait "$pid"
}
ok "a line typed by hand is answered at once" live
piped() { # the first line's document comes before the second line is sent
  coproc PIPE { tokenize -q -m model.st | embed -q -m model.st --pool mean | tensor ls; }
  local pid=$PIPE_PID in=${PIPE[1]} out=${PIPE[0]} answer
  echo ka >&"$in"
  read -r -t 60 answer <&"$out" && [[ $answer == *embeddings* ]] || return 1
  exec {in}>&-
  cat <&"$out" >/dev/null
  wait "$pid"
}
ok "a stream is cut where its reader waits" piped
closed() { yes 'ka lolo' | head -n 30000 | tokenize -q -m model.st >many.tokens; (embed -q -m model.st <many.tokens; echo $? >code) 2>err | head -c 1 >/dev/null; [ "$(cat code)" -eq 141 ] && [ ! -s err ]; }
ok "a closed pipe ends it quietly" closed

nearest() { e --pool mean >index.st && e --nearest 3 --index index.st >near.tsv && [ "$(wc -l <near.tsv)" -eq 90 ] && awk -F '\t' '$2 == 1 { if ($3 < 0.999999) exit 1; print $4 }' near.tsv | cmp - test.src && awk -F '\t' '$1 != int((NR + 2) / 3) || $2 != (NR - 1) % 3 + 1 || ($2 > 1 && $3 > last) { exit 1 } { last = $3 }' near.tsv; }
ok "--nearest in an index finds each line itself first: line, rank, cosine, text" nearest
table() { tokenize -q -m model.st --output pieces <test.src | tr ' ' '\n' | grep '^▁.' | sort -u | head -n 8 | tr -d '▁' >words && tokenize -q -m model.st <words | embed -q -m model.st --static --nearest 1 >t.tsv && [ -s words ] && cut -f 4 t.tsv | tr -d '▁' | cmp - words; }
ok "--static --nearest looks up a word's vector in the table" table
halved() { e --pool mean --dtype bf16 >half.st && e --nearest 1 --index half.st | cut -f 4 | cmp - test.src; }
ok "an index may be of halves" halved
gap() { embed -q -m model.st --nearest 2 <empty.st | cut -f 1 | tr '\n' ' ' | grep -qx '1 1 3 3 '; }
ok "an empty line has no neighbours" gap
other_layer() { e --static --nearest 1 --index index.st 2>&1 >/dev/null | grep -q 'index.st: made with layer 2'; }
ok "an index of another layer is a warning" other_layer

printf 'word1\tword2\tscore\r\nka\tka\t10\r\nka\tlolo\t5\r\nmi\ttutu\t1\r\nka\tqqq\t3\r\n' >pairs.tsv
similar() { embed -m model.st --static --similarity pairs.tsv >sim.out && grep -qx "pairs	4" sim.out && grep -qx "found	3" sim.out && grep -qE '^spearman	-?[01]\.[0-9]{6}$' sim.out; }
ok "--similarity counts the pairs that the vocabulary can spell, and correlates" similar
perfect() { # the pairs' own cosines as the judgement
  printf 'ka\nlolo\nmi\ntutu\nresy\n' | tokenize -q -m model.st | embed -q -m model.st --layer 1 --pool mean --normalize | vectors >v
  awk 'BEGIN { split("ka lolo mi tutu resy", word, " ") } { for (i = 1; i <= NF; ++i) x[NR, i] = $i; n = NF } END { for (a = 1; a < NR; ++a) for (b = a + 1; b <= NR; ++b) { s = 0; for (i = 1; i <= n; ++i) s += x[a, i] * x[b, i]; printf "%s\t%s\t%.7f\n", word[a], word[b], s } }' v >own.tsv
  embed -m model.st --layer 1 --similarity own.tsv | grep -qx 'spearman	1.000000' && awk -F '\t' '{ print $1 "\t" $2 "\t" (-$3) }' own.tsv >against.tsv && embed -m model.st --layer 1 --similarity against.tsv | grep -qx 'spearman	-1.000000'
}
ok "--similarity is 1 for the model's own cosines and -1 for the opposite" perfect
plotted() { e --level word --static --plot points.tsv && [ "$(wc -l <points.tsv)" -eq $((words + 1)) ] && awk -F '\t' 'NR > 1 { x += $1; y += $2; xy += $1 * $2; xx += $1 * $1; yy += $2 * $2 } END { exit !(x * x < 1e-6 && y * y < 1e-6 && xy * xy < 1e-6 && xx > yy && yy > 0) }' points.tsv; }
drawn() { e --level word --static --plot "points.$1" && grep -q '>ka<' "points.$1" && ! grep -q 'http[s]*:' <(grep -v xmlns "points.$1"); }
ok "--plot draws an SVG with the words in it" drawn svg
ok "--plot draws a page that loads nothing" drawn html
ok "--plot's points are centred, uncorrelated, the wider component first" plotted
stats() { e --stats 2>stats.json >/dev/null && grep -q '"lines": 30[,}]' stats.json && grep -q "\"rows\": $pieces" stats.json && grep -q '"source_tokens/s"' stats.json; }
ok "--stats ends with one line of figures" stats

exported() { embed -m model.st --vocab -o table.txt && head -n 1 table.txt | grep -qx '50 16' && tail -n +2 table.txt | cut -d ' ' -f 2- | near - <(tensor cat -t embedding.weight model.st) 0 && ! tail -n +2 table.txt | awk 'NF != 17 { exit 0 } END { exit 1 }'; }
ok "--vocab writes the table as text, every number to the bit" exported
python=${STORM_PYTHON:-python3}
tokenize -q --learn --vocab-size 310 -o odd.model train.src
tokenize -q -m odd.model --columns src,tgt <train.tsv | train -q --layers 1 --d-model 16 --d-ff 32 --heads 2 --max-tokens 400 --steps 1 -o odd.st 2>/dev/null
if "$python" -c 'import gensim, numpy, safetensors' 2>/dev/null; then
  by_gensim() {
    embed -m odd.st --vocab --format text -o odd.txt && embed -m odd.st --vocab --format binary -o odd.bin &&
      "$python" -W ignore -c 'import numpy as n, gensim.models as m, safetensors.numpy as s
table = s.load_file("odd.st")["embedding.weight"]
for name in ("odd.txt", "odd.bin"):
    v = m.KeyedVectors.load_word2vec_format(name, binary=name == "odd.bin")
    assert len(v) == len(table) == 310, (name, len(v))
    assert n.array_equal(v.vectors, table), name
    assert v.index_to_key[:4] == ["<pad>", "<unk>", "<s>", "</s>"], v.index_to_key[:4]'
  }
  ok "gensim reads --vocab back, text and binary" by_gensim
else
  skip "gensim reads --vocab back" "no Python with gensim, numpy and safetensors; name one in STORM_PYTHON"
fi
if "$python" -c 'import numpy, safetensors' 2>/dev/null; then
  by_numpy() {
    e --pool mean >index.st && e --nearest 3 --index index.st >near.tsv && "$python" -c 'import numpy as n, safetensors.numpy as s
f = s.load_file("index.st"); v = f["lines.vectors"].astype("f8"); o = f["texts.offsets"]; b = f["texts.bytes"].tobytes()
texts = [b[i:j].decode() for i, j in zip(o, o[1:])]
v /= n.linalg.norm(v, axis=1, keepdims=True); c = v @ v.T
for line in open("near.tsv"):
    l, r, score, text = line.rstrip("\n").split("\t")
    row = c[int(l) - 1]; best = sorted(range(len(row)), key=lambda i: -row[i])[int(r) - 1]
    assert abs(row[best] - float(score)) < 2e-6 and abs(row[texts.index(text)] - row[best]) < 2e-6, line'
  }
  ok "the safetensors package reads the stream, and numpy finds the same neighbours" by_numpy
else
  skip "the safetensors package reads the stream" "no Python with numpy and safetensors; name one in STORM_PYTHON"
fi

# A BERT of random weights with a vocabulary of syllables (scripts/torch-fixture-bert).
bert=$here/tests/models/bert.st
printf 'ka lo, kalo?\n\nMiturésy\n' >bert.txt
tokenize -q -m "$bert" <bert.txt >bert.tok
b() { embed -q -m "$bert" "$@" <bert.tok; }
texts_of() { tensor cat -t texts.bytes --raw "$1"; }
bert_pieces() { b >b.st && shape b.st | grep -qF '[15, 24]' && [ "$(texts_of b.st)" = '[CLS]kalo,kalo?[SEP][CLS][SEP][CLS]mi##tu##re##sy[SEP]' ]; }
ok "[CLS] and [SEP] stand around BERT's pieces, and in an empty line" bert_pieces
bert_words() { b --level word >w.st && shape w.st | grep -qF '[12, 24]' && [ "$(texts_of w.st)" = '[CLS]kalo,kalo?[SEP][CLS][SEP][CLS]mituresy[SEP]' ]; }
ok "and are words of their own" bert_words
placed() { tokenize -q -m "$bert" --offsets bert.txt | embed -q -m "$bert" --level word >o.st && [ "$(texts_of o.st)" = '[CLS]kalo,kalo?[SEP][CLS][SEP][CLS]Miturésy[SEP]' ] && shape o.st | grep -qF '[10, 24]'; }
ok "also where the input says where words stand" placed
bert_lines() { # pooled by awk: all of a line's tokens
  b | vectors >rows && for how in mean cls last; do
    awk -v how=$how 'function put(i) { for (i = 1; i <= NF; ++i) { printf "%.8g ", how == "mean" ? x[i] / n : x[i]; x[i] = 0 } print ""; n = 0 }
      { ++n; for (i = 1; i <= NF; ++i) x[i] = how == "mean" ? x[i] + $i : how == "cls" && n > 1 ? x[i] : $i } NR == 7 || NR == 9 || NR == 15 { put() }' rows >want.$how
    b --pool $how | vectors | near - want.$how || return 1
  done
}
ok "a line of BERT is pooled over all its tokens, or is [CLS]'s; an empty line has a vector" bert_lines
pooler() { b --pool pooler >p.st && shape p.st | grep -qF '[3, 24]' && tensor ls p.st | grep -qE 'embeddings.pool +pooler' && vectors p.st | awk '{ for (i = 1; i <= NF; ++i) if ($i < -1 || $i > 1) exit 1 }' && ! near <(vectors p.st) <(b --pool cls | vectors) 0.1; }
ok "--pool pooler is the model's own" pooler
bert_static() { b --static >s.st && shape s.st | grep -qF '[9, 24]' && b --static --nearest 1 | cut -f 1,4 | tr '\t\n' '= ' | grep -q '^1=.* 3='; }
ok "--static has no [CLS] and [SEP]" bert_static
bert_alone() { b --pool mean | vectors >all; for t in 1 9; do b --pool mean --max-tokens $t | vectors | near - all || return 1; done; }
ok "BERT's vectors do not depend on what else is in a batch" bert_alone
bert_found() { b --pool mean --normalize >index.b && b --pool mean --nearest 1 --index index.b | cut -f 1,2,4 | tr '\t\n' ':|' | grep -qx '1:1:ka lo, kalo?|2:1:|3:1:miturésy|\|1:1:ka lo, kalo?|2:1:|3:1:mituresy|'; }
ok "BERT's lines find themselves in an index" bert_found
bert_pairs() { # the lines' own cosines as the judgement
  printf 'ka\nkalo\nmi re\ntusy\n' | tokenize -q -m "$bert" | embed -q -m "$bert" --pool mean --normalize | vectors >v
  awk 'BEGIN { split("ka:kalo:mi re:tusy", word, ":") } { for (i = 1; i <= NF; ++i) x[NR, i] = $i; n = NF } END { for (a = 1; a < NR; ++a) for (b = a + 1; b <= NR; ++b) { s = 0; for (i = 1; i <= n; ++i) s += x[a, i] * x[b, i]; printf "%s\t%s\t%.7f\n", word[a], word[b], s } }' v >b.tsv
  embed -m "$bert" --similarity b.tsv | grep -qx 'spearman	1.000000'
}
ok "--similarity puts [CLS] and [SEP] around words" bert_pairs
bert_table() { embed -m "$bert" --vocab | head -n 4 | cut -d ' ' -f 1 | tr '\n' ' ' | grep -qx '37 \[PAD\] \[UNK\] \[CLS\] '; }
ok "--vocab exports BERT's table" bert_table
refuses "a pooler of another layer" 2 '--pool pooler reads the last layer, 2 of .*bert.st' embed -m "$bert" --layer 1 --pool pooler <bert.tok
refuses "a pooler without a pass" 2 '--pool pooler reads the last layer' embed -m "$bert" --static --pool pooler <bert.tok
refuses "a pooler of a model that has none" 2 'architecture transformer has no pooler' embed -m model.st --pool pooler <test.st
refuses "a text that is too long for BERT" 1 'line 1: 13 tokens with \[CLS\] and \[SEP\], the model takes 12' eval 'echo ka ka ka ka ka ka ka ka ka ka ka | tokenize -q -m "$bert" | embed -m "$bert"'
refuses "a layer out of range" 2 '--layer 3: model.st has layers 0 to 2' embed -m model.st --layer 3 <test.st
refuses "a layer that is no number" 2 "--layer: 'x'" embed -m model.st --layer x <test.st
refuses "a stream of another vocabulary" 1 'model.st: vocabulary differs from the input.s \(.* ≠ .*\); tokenize with -m model.st' embed -m model.st <other.st
refuses "an index of another width" 1 'index.st: its vectors have 16 numbers, those of narrow.st have 8' eval 'tokenize -q -m narrow.st <test.src | embed -m narrow.st --nearest 1 --index index.st'
tensor cat index.st >plain.st && sed "s/\"embeddings.vocabulary\":\"..../\"embeddings.vocabulary\":\"0000/" plain.st >foreign.st
refuses "an index of another vocabulary" 1 "foreign.st: made with another vocabulary than model.st's \(0000.* ≠ .*\)" embed -m model.st --nearest 1 --index foreign.st <test.st
refuses "an index that is no embeddings stream" 1 "test.st: byte 0: holds 'tokens', not 'embeddings'" embed -m model.st --nearest 1 --index test.st <test.st
head -c $(($(stat -c %s index.st) - 3)) index.st >cut.st
refuses "a truncated index" 1 'cut.st: byte [0-9]+: truncated' embed -m model.st --nearest 1 --index cut.st <test.st
# The last tensors of a file are bytes; the vectors end before them.
bytes=$(shape index.st texts.bytes | awk '{ print $NF }')
nan() { local at=$(($(stat -c %s "$1") - $2 - 4 * $3)); { head -c $at "$1"; printf '\0\0\xc0\x7f'; tail -c +$((at + 5)) "$1"; }; }
nan index.st "$bytes" 5 >nan.st
refuses "NaN in an index" 1 'nan.st: byte 0: row 29 of the vectors holds NaN' embed -m model.st --nearest 1 --index nan.st <test.st
python_nan() { "$python" -c 'import safetensors.numpy as s, safetensors, numpy as n
m = safetensors.safe_open("model.st", "np").metadata(); f = s.load_file("model.st"); f["embedding.weight"][:] = float("nan") if "'"$1"'" == "nan" else 0; s.save_file(f, "'"$1"'.st", m)'; }
if "$python" -c 'import numpy, safetensors' 2>/dev/null && python_nan nan && python_nan zero; then
  refuses "a model of NaN" 1 "line 1, '▁.*': number 1 of its vector is NaN" embed -m nan.st <test.st
  refuses "a zero vector that is to be normalised" 1 "line 1, '▁.*': its vector is zero" embed -m zero.st --static --normalize <test.st
  refuses "a zero vector's neighbours" 1 "line 1, '.*': its vector is zero and has no neighbours" embed -m zero.st --static --nearest 2 <test.st
  refuses "a zero vector's similarity" 1 "own.tsv: line 1: the vector of 'ka' is zero" embed -m zero.st --static --similarity own.tsv
  refuses "NaN in an export" 1 "'<pad>': its vector holds NaN" embed -m nan.st --vocab -o x.txt
else
  skip "models of NaN and zeros are refused" "no Python with numpy and safetensors; name one in STORM_PYTHON"
fi
refuses "a missing index" 1 'nowhere.st: cannot open' embed -m model.st --nearest 1 --index nowhere.st <test.st
refuses "pairs that are none" 1 'test.src: line 1: not word TAB word TAB score' embed -m model.st --similarity test.src
refuses "pairs that the vocabulary cannot spell" 1 '0 of 1 pairs have words' eval "printf 'qq\tzz\t1\n' >q.tsv; embed -m model.st --similarity q.tsv"
refuses "text for a stream" 1 'standard input: byte 0' embed -m model.st <test.src
refuses "empty input" 1 'standard input: byte 0: empty' embed -m model.st </dev/null
refuses "a model that is none" 1 'test.st: holds .tokens., not a model' embed -m test.st <test.st
refuses "one point" 1 '1 points make no picture' eval 'echo ka | tokenize -q -m model.st | embed -m model.st --pool mean --plot x.tsv'
refuses "a full device" 1 'cannot write: No space left' bash -c 'embed -m model.st <test.st >/dev/full'
refuses "no model" 2 '-m MODEL is missing' embed <test.st
refuses "two modes" 2 'give one of' embed -m model.st --vocab --nearest 3
refuses "--layer with --static" 2 '--layer has no meaning with --static' embed -m model.st --static --layer 1 <test.st
refuses "analogies of a layer" 2 '--layer has no meaning with --analogy, which asks words of the table' embed -m model.st --layer 1 --analogy pairs.tsv
refuses "analogies of the last layer" 2 '--analogy asks the words of the embedding table; give --static' embed -m model.st --analogy "$here/tests/vectors/data/known/questions.txt"
refuses "spaces of models" 1 'model.st: --align takes streams of word vectors' embed -m model.st --align index.st --dictionary pairs.tsv
refuses "--index alone" 2 '--index has no meaning without --nearest' embed -m model.st --index index.st <test.st
refuses "--level with --pool" 2 '--level has no meaning with --pool' embed -m model.st --level word --pool mean <test.st
refuses "--word-pool without words" 2 '--word-pool has no meaning without --level word' embed -m model.st --word-pool first <test.st
refuses "--dtype where no stream is written" 2 '--dtype has no meaning' embed -m model.st --dtype f16 --nearest 2 <test.st
refuses "--save with --plot" 2 '--save has no meaning with --plot' embed -m model.st --plot x.tsv -o x.st <test.st
refuses "an unknown pool" 2 "--pool: 'sum' is none of none, mean, max, cls" embed -m model.st --pool sum <test.st
refuses "an unknown dtype" 2 "--dtype: 'f64' is none of f32" embed -m model.st --dtype f64 <test.st
refuses "a plot where none can be written" 1 'nowhere/x.svg: cannot' embed -m model.st --plot nowhere/x.svg <test.st
refuses "--nearest 0" 2 "--nearest: '0'" embed -m model.st --nearest 0 <test.st
if [[ ${BUILD:-} != *address* ]] && ldd "$(command -v embed)" | grep -q libdnnl; then
  lazily() { for program in train decode embed attn-dump; do ! ldd "$(command -v $program)" | grep openblas || return 1; done; }
  ok "no program opens OpenBLAS before it needs eigenvectors" lazily
  refuses "a plot without address space for OpenBLAS, which would try for ever" 1 'out of memory' bash -c 'ulimit -v 400000; embed -q -m model.st --pool mean --plot x.svg <test.st'
else skip "OpenBLAS is opened when it is needed" "this build takes its products from it, or is under the address sanitizer"; fi
refuses "a picture of an unknown kind" 2 "'x.png' ends with none of .svg" embed -m model.st --plot x.png <test.st
refuses "an operand" 2 "unexpected operand" embed -m model.st test.st
ok "nothing half-written is left" bash -c '! ls x.* 2>/dev/null | grep .'
help() { embed --help | grep -q '^Examples:' && embed --version | grep -q '^embed (STORM)'; }
ok "help and version" help
done_testing
