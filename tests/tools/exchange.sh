# tensor import and export as a user runs them: folders of tests/exchange/data through the pipe, flags that models set,
# what is written, refusals.
source "$(dirname "$0")/../shell.sh"
data=$here/tests/exchange/data
grep . "$data/lines.txt" >lines
for name in bert bert-classification bert-tagging bert-question-answering sentences gpt2 gpt2-shards marian marian-apart; do tensor import -q "$data/$name" -o "$name.st" || echo "not ok - $name is imported"; done

answers() { tokenize -q -m "$1.st" <lines | decode -q -m "$1.st" "${@:3}" | tensor cat -t "$2.ids" | cmp - "$data/$1/answers.ids"; }
ok "translations of an imported Marian are transformers'" answers marian tgt
ok "and of one with two vocabularies, other penalties and early stopping" answers marian-apart tgt
ok "greedy continuations of an imported GPT-2 are transformers'" answers gpt2 text --max-length 8
ok "and of one in shards, not tied" answers gpt2-shards text --max-length 8

vectors() {
  tokenize -q -m sentences.st <"$data/lines.txt" | embed -q -m sentences.st >v.st && tensor cat -t vectors "$data/sentences/expected.safetensors" >want &&
    tensor cat -t lines.vectors v.st | paste -d ' ' - want | awk '{ n = NF / 2; for (i = 1; i <= n; ++i) { d = $i - $(i + n); if (d > 1e-6 || d < -1e-6) exit bad = 1 } } END { exit bad || NR != 6 }'
}
ok "vectors of a sentence-transformers folder are pooled, normalised and cut as it says" vectors
limit() { tokenize -m sentences.st <"$data/lines.txt" 2>&1 >t.st | grep -q '3 of 6 lines are longer than 6 tokens: cut'; }
ok "the model says how long a text may be" limit
overruled() {
  tokenize -q -m sentences.st <lines | embed -q -m sentences.st --pool cls --normalize no >v.st && tensor ls v.st | grep -q 'embeddings.pool *cls' &&
    tensor ls v.st | grep -q 'embeddings.normalize *false' && tokenize -q -m sentences.st <lines | embed -q -m sentences.st --level piece | tensor ls | grep -q 'embeddings.pool *none' &&
    tokenize -q -m sentences.st --max-length 2 <lines | tensor ls | grep -q 'src.ids *I32 *\[9\]'
}
ok "the command line overrules what a model sets" overruled
greedy() { tokenize -q -m marian.st <lines | decode -q -m marian.st --beam 1 --max-length 3 | tensor cat -t tgt.offsets | tail -n 1 | grep -qx 15; }
ok "and its beam and lengths" greedy
said() { tokenize -q -m "$1.st" <lines | decode -q -m "$1.st" | tokenize -d | cmp - <(paste "$data/lines.txt" "$data/$1/answers.txt" | awk -F '\t' '$1 != "" { print $2 }'); }
ok "an imported classifier's labels are transformers'" said bert-classification
ok "and a tagger's, one of each word" said bert-tagging
asked() { printf 'the dog\tA cat sat on the mat\n' | tokenize -q -m bert-question-answering.st | decode -q -m bert-question-answering.st | tokenize -d >answer && grep -qF "$(cat answer)" <<<'A cat sat on the mat'; }
ok "an imported model answers with words of the context" asked
refuses "a task that is not the head's" 2 'its head is for tagging, and not for pair-classification' tensor import --task pair-classification "$data/bert-tagging" -o x.st
named() { tokenize -q -m bert.st <lines | attn-dump -q -m bert.st | tensor cat -t src.pieces.bytes --raw | grep -q '^\[CLS\].*\[SEP\]' && tokenize -q -m bert.st <lines | embed -q -m bert.st | tensor cat -t texts.bytes --raw - | grep -q '^\[CLS\].*\[SEP\]'; }
ok "[CLS] and [SEP] are rows with their names" named

again() {
  for name in bert-classification bert-tagging sentences gpt2-shards marian marian-apart; do
    tensor export -q $name.st out-$name && tensor import -q out-$name -o again.st &&
      cmp <(tensor ls --json $name.st | sed 's/"storm.command":"[^"]*"//') <(tensor ls --json again.st | sed 's/"storm.command":"[^"]*"//') || return 1
    for t in $(tensor ls $name.st | awk '$2 == "F32" || $2 == "U8" { print $1 }'); do cmp <(tensor cat -t "$t" --raw $name.st) <(tensor cat -t "$t" --raw again.st) || return 1; done
  done
}
ok "what is exported and imported again is the same" again
ok "the folder has the tokenizer's files" test -s out-marian/source.spm -a -s out-marian/vocab.json -a -s out-marian-apart/target_vocab.json -a -s out-gpt2-shards/tokenizer.json -a -s out-sentences/1_Pooling/config.json

# A Transformer and a GPT of train's own.
printf 'a b c\tx y z\nb c a\ty z x\nc a b\tz x y\n%.0s' 1 2 3 4 5 6 7 8 9 >train.tsv
tr '\t' '\n' <train.tsv >text
tokenize -q --learn --no-byte-fallback --vocab-size 16 -o spm.model text
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
small=(--layers 1 --d-model 8 --d-ff 8 --heads 2 --max-tokens 100 --steps 2)
train -q --data train.st "${small[@]}" -o own.st
tokenize -q --learn --type byte-bpe --vocab-size 258 -o bpe.json text
tokenize -q -m bpe.json --columns text <text >text.st
train -q --data text.st --preset gpt-tiny "${small[@]}" --max-positions 32 -o gpt.st
tokenize -q -m spm.model --columns text <text >spm.st
train -q --data spm.st --preset gpt-tiny "${small[@]}" --max-positions 32 -o gpt-spm.st
own() {
  for m in own gpt; do
    tensor export $m.st out-$m 2>note && tensor import -q out-$m -o again.st && cmp <(tensor ls $m.st | grep config) <(tensor ls again.st | grep config) || return 1
    for t in $(tensor ls $m.st | awk '$2 == "F32" || $2 == "U8" { print $1 }'); do cmp <(tensor cat -t "$t" --raw $m.st) <(tensor cat -t "$t" --raw again.st) || return 1; done
  done
}
ok "models of train's own come back as they were, interleaved positions and all" own
warned() { tensor export own.st out-warned 2>&1 | grep -q 'warning: the embedding that decoding starts from (id 2) has the length'; }
ok "that CTranslate2 starts otherwise is said" warned
weights() { tensor export gpt-spm.st out-spm 2>&1 | grep -q 'no tokenizer is written' && test -s out-spm/model.safetensors -a ! -e out-spm/tokenizer.json; }
ok "of a GPT with SentencePiece's vocabulary the weights are written, and a line says so" weights
export_only() { train -q --data train.st "${small[@]}" "$@" -o odd.st && tensor export odd.st out-odd; }
refuses "pre-norm has no place in a folder of Marian" 2 '^tensor: --norm: .* only be .* post$' export_only --norm pre
refuses "nor have learned positions" 2 '^tensor: --positions: ' export_only --positions learned
refuses "nor heads of another width" 2 '^tensor: --d-k: ' export_only --d-k 3
train -q --data train.st --preset rnn-tiny --layers 1 --d-model 8 --max-tokens 100 --steps 1 -o rnn.st
refuses "an architecture without a family is refused with those that have one" 2 'architecture rnn has no family.*transformer, gpt, bert' tensor export rnn.st out-rnn
refuses "a folder that is there is not written over" 1 'out-own: is there already' tensor export own.st out-own
refuses "a model that is none is refused" 1 "holds 'tokens', not a model" tensor export train.st out-tokens
refuses "import wants a folder" 2 'import takes one folder' tensor import
refuses "export wants a folder" 2 'export takes a model and a folder' tensor export own.st
refuses "a folder that is not there is said" 1 'none: no folder' tensor import none -o none.st
ok "and leaves nothing behind" test ! -e none.st -a ! -e out-odd -a ! -e out-rnn
LC_ALL=C sed 's/\\"pool\\":\\"mean\\"/\\"save\\":\\"here\\"/' sentences.st >hostile.st # as many bytes
tokenize -q -m sentences.st <lines >lines.st
refuses "a model sets no flag that names files" 1 'sets --save of embed, which no model may' embed -m hostile.st <lines.st
ok "and nothing was written there" test ! -e here
# A model whose defaults are nested without end: copying them would exhaust the stack.
awk 'BEGIN { for (i = 0; i < 200000; ++i) a = a "{\\\"a\\\":"; printf "{\\\"defaults\\\":{\\\"tokenize\\\":%s0", a; for (i = 0; i < 200002; ++i) printf "}" }' >nested
size=$(stat -c %s spm.model)
printf '{"__metadata__":{"config":"%s","storm.kind":"model","storm.version":"1"},"vocab":{"dtype":"U8","shape":[%s],"data_offsets":[0,%s]}}' "$(cat nested)" "$size" "$size" >header
n=$(stat -c %s header)
{ for i in 0 8 16 24 32 40 48 56; do printf "\\x$(printf %02x $(((n >> i) & 255)))"; done; cat header spm.model; } >nested.st
ok "defaults that are nested without end are passed over by tokenize, which reads the vocabulary alone" tokenize -q -m nested.st -o nested.out text
refuses "and refused by what reads the model" 1 'nested too deeply' embed -m nested.st
done_testing
