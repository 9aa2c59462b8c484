# attn-dump as a user runs it: the stream, alignments, summaries, answers line by line, refusals.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(1); for (i = 0; i < 200; ++i) { a = b = ""; k = 2 + int(rand() * 5)
  for (j = 0; j < k; ++j) { w = "w" int(rand() * 40); a = a w " "; b = w " " b } print a "\t" b } }' | sed 's/ \t/\t/; s/ $//' >train.tsv
cut -f1 train.tsv >train.src
tokenize -q --learn --no-byte-fallback --vocab-size 46 -o spm.model train.src
tokenize -q --learn --no-byte-fallback --vocab-size 40 -o other.model train.src
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
train -q --data train.st --encoder-layers 3 --decoder-layers 2 --d-model 32 --d-ff 64 --heads 2 --max-tokens 400 --lr 0.01 --warmup 20 --steps 120 -o model.st
head -n 30 train.tsv >pairs.tsv
cut -f1 pairs.tsv >test.src
tokenize -q -m model.st <test.src >test.st
tokenize -q -m other.model --columns src,tgt <pairs.tsv >other.st
tokenize -q -m model.st --columns src,tgt <pairs.tsv >pairs.st
awk -F '\t' '{ n = split($1, w, " "); s = ""; for (i = 0; i < n; ++i) s = s (i ? " " : "") i "-" n - 1 - i; print s }' pairs.tsv >gold.align

dump() { attn-dump -q -m model.st "$@"; }
# meta KEY: its value in a stream's first document
meta() { tensor ls "$2" | awk -v k="$1" '$1 == k { $1 = ""; sub(/^ /, ""); print; exit }'; }

says() {
  dump <pairs.st >all.st && [ "$(meta storm.kind all.st)" = attention ] && [ "$(meta attention.values all.st)" = probabilities ] &&
    [ "$(meta attention.kinds all.st)" = encoder,decoder,cross ] && [ "$(meta attention.encoder.layers all.st)" = 1,2,3 ] &&
    [ "$(meta attention.cross.layers all.st)" = 1,2 ] && [ "$(meta attention.cross.heads all.st)" = 1,2 ] &&
    [ "$(tensor cat -t src.offsets all.st | tr ' ' '\n' | wc -l)" -eq 31 ]
}
ok "the stream says what it is" says
saved() { dump -o saved.st <pairs.st && tensor cat -t cross.weights saved.st | cmp - <(tensor cat -t cross.weights all.st); }
ok "-o writes the same to a file" saved
some() {
  dump --kinds cross --layers 2 --heads 2 <pairs.st >some.st && [ "$(meta attention.kinds some.st)" = cross ] &&
    [ "$(meta attention.cross.layers some.st)" = 2 ] && ! tensor ls some.st | grep -q encoder &&
    [ $(($(tensor cat -t cross.weights --raw all.st | wc -c) / 4)) -eq "$(tensor cat -t cross.weights --raw some.st | wc -c)" ]
}
ok "--kinds, --layers and --heads leave out the others" some
logits() { dump --logits <pairs.st >logits.st && [ "$(meta attention.values logits.st)" = logits ] && tensor cat -t decoder.weights logits.st | grep -q -- -inf; }
ok "--logits gives what the softmax is taken of" logits
own() { # decode's own output, forced, gives the maps that --decode gives
  decode -q -m model.st --beam 3 <test.st >own.st && dump --decode --beam 3 <test.st >decoded.st || return 1
  paste test.src <(tokenize -d own.st) | tokenize -q -m model.st --columns src,tgt --empty keep | dump >forced.st &&
    tensor cat -t tgt.ids decoded.st | cmp - <(tensor cat -t tgt.ids forced.st) &&
    tensor cat -t cross.weights --raw decoded.st | cmp - <(tensor cat -t cross.weights --raw forced.st) &&
    [ "$(tensor cat -t tgt.ids decoded.st | wc -w)" -eq $(($(tensor cat -t tgt.ids own.st | wc -w) + 60)) ] &&
    dump --decode --beam 3 <pairs.st | tensor cat -t tgt.ids | cmp - <(tensor cat -t tgt.ids decoded.st)
}
ok "--decode shows the model's own beam search output" own
nothing() { tokenize -q -m model.st --columns src,tgt </dev/null | dump >none.st && [ "$(meta storm.kind none.st)" = attention ] && [ "$(tensor cat -t src.offsets none.st)" = 0 ]; }
ok "no sentences give a stream without sentences" nothing

lines() { dump --align pharaoh <pairs.st >a.txt && [ "$(wc -l <a.txt)" -eq 30 ] && ! grep -qvE '^[0-9]+-[0-9]+( [0-9]+-[0-9]+)*$' a.txt; }
ok "--align pharaoh prints 0-0 1-2, a line a pair" lines
with_offsets() { tokenize -d pairs.st | tokenize -q -m model.st --columns src,tgt --offsets | dump --align pharaoh | cmp - a.txt; }
ok "words are the same where the input says what spaces separate" with_offsets
inside() { paste -d '\t' pairs.tsv a.txt | awk -F '\t' '{ n = split($1, x, " "); m = split($2, y, " "); k = split($3, l, " ")
  for (i = 1; i <= k; ++i) { split(l[i], p, "-"); if (p[1] >= n || p[2] >= m) exit 1 } if (k < m) exit 1 }'; }
ok "links are between words, and each target word has one" inside
empty() { printf 'w1 w2\tw3\n\t\nw1\t\n\tw1 w2\n' | tokenize -q -m model.st --columns src,tgt --empty keep | dump --align pharaoh >e.txt && [ "$(wc -l <e.txt)" -eq 4 ] && [ -n "$(sed -n 1p e.txt)" ] && [ -z "$(sed -n '2,4p' e.txt | tr -d '\n')" ]; }
ok "an empty side gives an empty line" empty
froms() {
  for from in 1.2 2.1 2.mean; do
    for level in word piece; do dump --align pharaoh --align-from $from --align-level $level <pairs.st >"$from.$level" && [ "$(wc -l <"$from.$level")" -eq 30 ] || return 1; done
  done
  dump --align pharaoh --align-from 2 <pairs.st | cmp - 2.mean.word && ! cmp -s 1.2.word 2.1.word && ! cmp -s 2.1.word 2.1.piece
}
ok "--align-from names a head or a layer's mean, --align-level words or pieces" froms
taken() { attn-dump -m model.st --align pharaoh <pairs.st 2>note >/dev/null && from=$(sed -n 's/.*(--align-from \([0-9.]*\)).*/\1/p' note) && dump --align pharaoh --align-from "$from" <pairs.st | cmp - a.txt; }
ok "what --align-from best takes is said, and gives the same again" taken
scored() { # against links made of the tool's own, and against none of them
  dump --align-score gold.align <pairs.st >s.tsv && [ "$(wc -l <s.tsv)" -eq 7 ] && head -n 1 s.tsv | grep -qP '^layer\thead\tlinks\tprecision\trecall\taer$' &&
    dump --align pharaoh --align-from 2.1 <pairs.st >own.align && dump --align-score own.align --align-from 2.1 <pairs.st | sed -n 2p | grep -qP '^2\t1\t\d+\t1.0000\t1.0000\t0.0000$'
}
ok "--align-score prints precision, recall and AER of each head" scored
both() { dump --align pharaoh --align-score gold.align -o both.txt <pairs.st | cmp - s.tsv && best=$(awk 'NR > 1 && $2 != "mean" { print $6, $1 "." $2 }' s.tsv | sort -s -g -k1,1 | head -n 1 | cut -d' ' -f2) && dump --align pharaoh --align-from "$best" <pairs.st | cmp - both.txt; }
ok "with a gold file the best head is that of the lowest AER" both
by_awk() { # precision, recall and AER of one head, computed by someone else
  sed 's/^\([0-9]*\)-\([0-9]*\)/\1?\2/' gold.align >possible.align
  dump --align pharaoh --align-from 1.2 <pairs.st >one.align
  paste -d '\t' one.align possible.align | awk -F '\t' '{ delete s; delete p; n = split($2, g, " "); for (i = 1; i <= n; ++i) { k = g[i]; if (sub(/[?]/, "-", k)) p[k]; else { p[k]; s[k]; ++S } }
    n = split($1, a, " "); for (i = 1; i <= n; ++i) { ++A; if (a[i] in s) ++x; if (a[i] in p) ++y } } END { printf "%.4f\t%.4f\t%.4f\n", y / A, x / S, 1 - (x + y) / (A + S) }' >want
  dump --align-score possible.align --align-from 1.2 <pairs.st | sed -n 2p | cut -f4-6 | cmp - want
}
ok "sure and possible links count as Och and Ney have them" by_awk

summary() { dump --summary <pairs.st >sum.tsv && [ "$(wc -l <sum.tsv)" -eq 15 ] && awk -F '\t' 'NF != 12 || (NR > 1 && ($5 < 0 || $5 > $12 + 0.0001 || $8 > 1 || ($1 == "decoder" && $9 != 0))) { exit 1 }' sum.tsv; }
ok "--summary prints a line a head" summary
agree() { for flags in "--max-tokens 7" "--threads 1" "--threads 3"; do dump --align pharaoh $flags <pairs.st | cmp - a.txt || return 1; done; }
ok "batches and threads do not change the alignments" agree
live() { # each answer must come before the next line is sent; read waits for it
  coproc PIPE { tokenize -q -m model.st --columns src,tgt | dump --align pharaoh --align-from 2.1; }
  local pid=$PIPE_PID in=${PIPE[1]} out=${PIPE[0]} line answer n=0
  while read -r line && [ $n -lt 5 ]; do
    echo "$line" >&"$in"
    read -r -t 60 answer <&"$out" || return 1
    n=$((n + 1))
    [ "$answer" = "$(sed -n "${n}p" 2.1.word)" ] || return 1
  done <pairs.tsv
  exec {in}>&-
  wait "$pid"
}
ok "a line typed by hand is answered at once" live
closed() { for _ in $(seq 40); do cat pairs.tsv; done | tokenize -q -m model.st --columns src,tgt >many.st; (dump <many.st; echo $? >code) 2>err | head -c 1 >/dev/null; [ "$(cat code)" -eq 141 ] && [ ! -s err ]; }
ok "a closed pipe ends it quietly" closed
stats() { attn-dump -q -m model.st --stats <pairs.st 2>stats.json >/dev/null && grep -q '"sentences": 30[,}]' stats.json && grep -q '"peak_MiB"' stats.json; }
ok "--stats ends with one line of figures" stats
merged() { cat all.st all.st | tensor cat -o two.st && [ "$(tensor cat -t cross.offsets two.st | tr ' ' '\n' | tail -n 1)" -eq $((2 * $(tensor cat -t cross.offsets all.st | tr ' ' '\n' | tail -n 1))) ]; }
ok "documents are merged with their offsets moved" merged

python=${STORM_PYTHON:-python3}
if "$python" -c 'import numpy, safetensors' 2>/dev/null; then
  cat >read.py <<'PY'
import numpy as np, safetensors, sys
pairs = [line.rstrip("\n").split("\t") for line in open("pairs.tsv")] * 2
with safetensors.safe_open("two.st", "np") as f:
    meta, d = f.metadata(), {k: f.get_tensor(k) for k in f.keys()}
kinds = meta["attention.kinds"].split(",")
names = {s + n: t for s in ("src", "tgt") for n, t in ((".ids", "int32"), (".offsets", "int64"), (".pieces.bytes", "uint8"), (".pieces.offsets", "int64"))}
names |= {k + n: t for k in kinds for n, t in ((".weights", "float32"), (".offsets", "int64"))}
assert {k: str(v.dtype) for k, v in d.items()} == names, names

def pieces(side):
    text, ends, rows = d[side + ".pieces.bytes"].tobytes(), d[side + ".pieces.offsets"], d[side + ".offsets"]
    every = [text[a:b].decode() for a, b in zip(ends, ends[1:])]
    assert len(every) == len(d[side + ".ids"])
    return [every[a:b] for a, b in zip(rows, rows[1:])]

src, tgt = pieces("src"), pieces("tgt")
assert len(src) == len(tgt) == len(pairs)
for i, (source, target) in enumerate(pairs):
    assert src[i][-1] == "</s>" and tgt[i][0] == "<s>" and tgt[i][-1] == "</s>"
    assert "".join(src[i][:-1]).replace("▁", " ").strip() == source, (src[i], source)
    assert "".join(tgt[i][1:-1]).replace("▁", " ").strip() == target, (tgt[i], target)
    for kind in kinds:
        layers, heads = (len(meta[f"attention.{kind}.{what}"].split(",")) for what in ("layers", "heads"))
        rows, cols = (len(src[i]) if kind == "encoder" else len(tgt[i]) - 1), (len(tgt[i]) - 1 if kind == "decoder" else len(src[i]))
        w = d[kind + ".weights"][slice(*d[kind + ".offsets"][i : i + 2])].reshape(layers, heads, rows, cols)
        assert np.abs(w.sum(-1, dtype=np.float64) - 1).max() <= 1e-6
        assert kind != "decoder" or not np.triu(w, 1).any()
PY
  cat >align.py <<'PY'
import numpy as np, safetensors.numpy as st, sys
d, shift = st.load_file("all.st"), int(sys.argv[1])
for i in range(len(d["cross.offsets"]) - 1):
    s, t = (d[side + ".offsets"][i + 1] - d[side + ".offsets"][i] for side in ("src", "tgt"))
    w = d["cross.weights"][slice(*d["cross.offsets"][i : i + 2])].reshape(2, 2, t - 1, s)[1, 0]
    best = w[shift : shift + t - 2, :-1].argmax(-1)
    print(" ".join(f"{a}-{b}" for a, b in sorted(zip(best, range(t - 2)))))
PY
  rows() { "$python" align.py 0 | cmp - 2.1.piece && dump --align pharaoh --align-from 2.1 --align-level piece --align-row reads <pairs.st >reads.txt && ! cmp -s reads.txt 2.1.piece && "$python" align.py 1 | cmp - reads.txt; }
  ok "alignments are the stream's largest weights, of the row that --align-row says" rows
  ok "the safetensors package reads an attention stream; rows sum to 1, causal zeros are 0" "$python" read.py
else
  skip "alignments are the stream's largest weights; the safetensors package reads an attention stream" "no Python with numpy and safetensors; name one in STORM_PYTHON"
fi

page() { dump --html page.html --sentences 3 <pairs.st && [ "$(grep -c '</html>' page.html)" -eq 1 ] && ! grep -qE '(src|href)="' page.html && [ -s page.html ]; }
ok "--html draws one page that loads nothing" page
svgs() { dump --svg figures --kinds cross --layers 2 --heads 1 --sentences 2 <pairs.st && [ "$(ls figures | tr '\n' ' ')" = "s1-cross-l2-h1.svg s1-cross.svg s2-cross-l2-h1.svg s2-cross.svg " ] && grep -q '</text>' figures/s1-cross-l2-h1.svg; }
ok "--svg draws what was chosen, text as text" svgs
positions() { attn-dump -m model.st --positions p.html </dev/null && grep -q '</html>' p.html && attn-dump -m model.st --positions p </dev/null && [ "$(ls p | wc -l)" -eq 4 ]; }
ok "--positions draws a page or files, and reads no input" positions
only() { attn-dump -q -m model.st --html only.html --sentences 2 --stats <pairs.st 2>stats.json && grep -q '"sentences": 2[,}]' stats.json && [ "$(grep -c 'class="sentence"' only.html)" -eq 2 ]; }
ok "what is not drawn is not computed" only
chosen_by() { printf 'שלום 你好\tשלום 你好\n' | tokenize -q -m bytes.model --columns src,tgt | attn-dump -q -m bytes.st --html bytes.html && grep -q 'data-text="שלום 你好"' bytes.html; }
tokenize -q --learn --vocab-size 300 -o bytes.model train.src
tokenize -q -m bytes.model --columns src,tgt <pairs.tsv | train -q --layers 1 --d-model 8 --d-ff 8 --heads 1 --steps 1 -o bytes.st
ok "a sentence of byte pieces is chosen by its text" chosen_by
# A BERT of random weights with a vocabulary of syllables (scripts/torch-fixture-bert).
bert=$here/tests/models/bert.st
printf 'ka lo, kalo?\n\nmituresy\n' | tokenize -q -m "$bert" >bert.tok
of_bert() { attn-dump -q -m "$bert" "$@" <bert.tok; }
bert_stream() { of_bert >b.st && tensor ls b.st | grep -qE 'attention.kinds +encoder$' && [ "$(tensor cat -t src.pieces.bytes --raw b.st)" = '[CLS]▁ka▁lo▁,▁kalo▁?[SEP][CLS][SEP][CLS]▁mituresy[SEP]' ] && [ "$(tensor cat -t encoder.offsets b.st | tr '\n' ' ')" = "0 $((6 * 49)) $((6 * 53)) $((6 * 89)) " ] && tensor ls b.st | awk '$1 == "tgt.ids" { exit $3 != "[0]" }'; }
ok "BERT's attention is of the source over itself, from [CLS] to [SEP]" bert_stream
bert_heads() { of_bert --summary >b.tsv && [ "$(cut -f 1-4 b.tsv | tail -n +2 | tr '\t\n' ' ,')" = "$(for l in 1 2; do for h in 1 2 3; do echo "encoder $l $h 15"; done; done | tr '\n' ',')" ]; }
ok "--summary has every head of BERT" bert_heads
bert_drawn() { of_bert --html b.html --svg b.svgs && [ "$(grep -c 'class="sentence"' b.html)" -eq 3 ] && grep -q 'CLS' b.svgs/s2-encoder-l2-h3.svg; }
ok "BERT's heads are drawn" bert_drawn
refuses "an alignment of BERT, which has no target" 2 'read off cross-attention' attn-dump -m "$bert" --align pharaoh <bert.tok
refuses "a translation by BERT" 2 '--decode has no meaning with the task masked-language-model' attn-dump -m "$bert" --decode <bert.tok
refuses "BERT's cross-attention" 2 '--kinds: .*bert.st has no cross attention' attn-dump -m "$bert" --kinds cross <bert.tok
refuses "a text that is too long for BERT" 1 'sentence 1: 13 tokens with \[CLS\] and \[SEP\] are longer' eval 'echo ka ka ka ka ka ka ka ka ka ka ka | tokenize -q -m "$bert" | attn-dump -m "$bert" -o x.st'
refuses "an SVG for --positions" 2 'give a folder for SVGs, or a page' attn-dump -m model.st --positions p.svg
refuses "a page without a name" 2 '--html is given nothing' attn-dump -m model.st --html "" <pairs.st
refuses "gold links and pairs from one place" 2 'put the gold links into a file' attn-dump -m model.st --align-score - <pairs.st
refuses "pictures beside another output" 2 'outputs of their own' attn-dump -m model.st --html x.html --summary <pairs.st
refuses "a number of sentences without pictures" 2 '--sentences has no meaning without' attn-dump -m model.st --sentences 3 <pairs.st
refuses "a flag that --positions has no use for" 2 '--kinds has no meaning with --positions' attn-dump -m model.st --positions x.html --kinds cross
refuses "a page where none can be written" 1 'nowhere/x.html: cannot' attn-dump -m model.st --html nowhere/x.html <pairs.st
refuses "no model" 2 '-m MODEL is missing' attn-dump <pairs.st
refuses "a missing target" 1 "has no column 'tgt'; tokenize with --columns src,tgt, or .*--decode" attn-dump -m model.st <test.st
refuses "a stream of another vocabulary" 1 'model.st: vocabulary differs from the input.s \(.* ≠ .*\); tokenize with -m model.st' attn-dump -m model.st <other.st
refuses "a stream of another kind" 1 "standard input: byte 0: holds 'attention', not 'tokens'" attn-dump -m model.st <all.st
refuses "a model that is none" 1 "pairs.st: holds 'tokens', not a model" attn-dump -m pairs.st <pairs.st
refuses "text" 1 'standard input: byte 0' attn-dump -m model.st <test.src
refuses "empty input" 1 'standard input: byte 0: empty' attn-dump -m model.st </dev/null
head -c $(($(stat -c %s pairs.st) - 3)) pairs.st >cut.st
refuses "a truncated stream" 1 'standard input: byte [0-9]+.*truncated' attn-dump -m model.st -o x.st <cut.st
refuses "a layer out of range" 2 '--layers: 4 is outside 1 to 3, the layers of model.st' attn-dump -m model.st --layers 1,4 <pairs.st
refuses "a layer out of the kind's range" 2 '--layers: 3 is outside 1 to 2, the layers of model.st' attn-dump -m model.st --kinds cross --layers 3 <pairs.st
refuses "a head out of range" 2 '--heads: 3 is outside 1 to 2, the heads of model.st' attn-dump -m model.st --heads 3 <pairs.st
refuses "layers that are none" 2 "--layers: 'first' is no number and no range" attn-dump -m model.st --layers first <pairs.st
refuses "an unknown kind" 2 "--kinds: 'self' is none of encoder, decoder, cross, pooling" attn-dump -m model.st --kinds self <pairs.st
refuses "an unknown alignment format" 2 "--align: 'moses' is none of pharaoh" attn-dump -m model.st --align moses <pairs.st
refuses "an unknown row" 2 "--align-row: 'both' is none of predicts, reads" attn-dump -m model.st --align pharaoh --align-row both <pairs.st
refuses "an alignment head out of range" 2 '--align-from: head 3 is outside 1 to 2' attn-dump -m model.st --align pharaoh --align-from 1.3 <pairs.st
refuses "an alignment without cross-attention" 2 'read off cross-attention' attn-dump -m model.st --align pharaoh --kinds encoder <pairs.st
refuses "an alignment's flag without an alignment" 2 '--align-from has no meaning without' attn-dump -m model.st --align-from 1.1 <pairs.st
refuses "two outputs in one place" 2 'send the links to a file with -o FILE' attn-dump -m model.st --align pharaoh --align-score gold.align <pairs.st
refuses "a summary and an alignment" 2 'ask for one at a time' attn-dump -m model.st --summary --align pharaoh <pairs.st
refuses "a summary of logits" 2 '--logits are for the stream' attn-dump -m model.st --summary --logits <pairs.st
refuses "a beam without --decode" 2 '--beam has no meaning without --decode' attn-dump -m model.st --beam 3 <pairs.st
head -n 29 gold.align >short.align
refuses "a gold file that is too short" 1 'short.align: ends after line 29' attn-dump -m model.st --align-score short.align <pairs.st
cat gold.align gold.align >long.align
refuses "a gold file that is too long" 1 "long.align: has more lines than the input's 30 sentences" attn-dump -q -m model.st --align pharaoh --align-score long.align -o x.st <pairs.st
(head -n 4 gold.align; echo '0-0 1:1') >bad.align
refuses "a gold file with what is no link" 1 "bad.align: line 5: '1:1' is no link" attn-dump -m model.st --align-score bad.align <pairs.st
(head -n 4 gold.align; echo '0-99') >far.align
refuses "a gold link outside the sentence" 1 'far.align: line 5: link 0-99 is outside a pair of [0-9]+ and [0-9]+ tokens' attn-dump -m model.st --align-score far.align <pairs.st
refuses "a gold file that is not there" 1 'nowhere.align: cannot open' attn-dump -m model.st --align-score nowhere.align <pairs.st
refuses "a full device" 1 'cannot write: No space left' bash -c 'attn-dump -m model.st <pairs.st >/dev/full'
refuses "a file size limit" 1 'x.st: byte [0-9]+: cannot write: File too large' bash -c 'ulimit -f 20; env --default-signal=XFSZ attn-dump -m model.st -o x.st <pairs.st'
refuses "an unknown flag" 2 'see attn-dump --help' attn-dump -m model.st --layer 3 <pairs.st
refuses "a device that is not there" 1 '--device cuda: ' attn-dump -m model.st --device cuda <pairs.st
ok "nothing half-written is left" bash -c '! ls x.st* nowhere* 2>/dev/null | grep .'
help() { attn-dump --help | grep -q '^Examples:' && attn-dump --version | grep -q '^attn-dump (STORM)'; }
ok "help and version" help
done_testing
