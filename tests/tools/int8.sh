# Weights of int8 as a user has them: --precision int8, tensor convert --dtype int8, for every architecture, and what is refused.
source "$(dirname "$0")/../shell.sh"

reversed_language 300
tokenize -q --learn --type list -o both.model train.src train.tgt
tokenize -q -m both.model --columns src,tgt <train.tsv >train.st
tokenize -q -m both.model --columns text <train.src >text.st
head -n 40 train.src | tokenize -q -m both.model >test.st
head -n 40 train.tsv | tokenize -q -m both.model --columns src,tgt >pairs.st
run=(train -q --device cpu --max-tokens 400 --warmup 20 --steps 200)
small=(--layers 1 --d-model 32 --dropout 0)
"${run[@]}" --data train.st "${small[@]}" --d-ff 64 --heads 2 --lr 0.01 -o model.st

file() { tensor convert --dtype int8 model.st -o small.st && tensor ls small.st >ls && grep -q 'self.qkv.weight  *I8 ' ls && grep -q 'self.qkv.weight.scale  *F32 ' ls && grep -q 'embedding.weight  *I8' ls && grep -q 'norm.*F32' ls; }
ok "tensor convert --dtype int8 makes weights whole numbers with a scale a row" file
sizes() { awk -v a="$(wc -c <model.st)" -v b="$(wc -c <small.st)" 'BEGIN { exit !(b < 0.45 * a) }'; }
ok "and its file is smaller" sizes
same() { decode -q -m small.st --scores --nbest 3 <test.st >a.st && decode -q -m model.st --precision int8 --scores --nbest 3 <test.st >b.st && cmp <(tokenize -d a.st) <(tokenize -d b.st); }
ok "it decodes as it is, to the bits of --precision int8" same
near() {
  decode -q -m model.st --score <pairs.st >exact && decode -q -m small.st --score <pairs.st >rounded &&
    paste exact rounded | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > worst) worst = d; if (d > 0) ++n } END { exit !(NR == 40 && n > 20 && worst < 0.5) }'
}
ok "its scores are near those of the floats, and not the same" near
agree() { for m in model small; do decode -q -m $m.st <test.st | tokenize -d >$m.out || return 1; done; paste -d '|' model.out small.out | awk -F '|' '$1 == $2 { ++n } END { exit !(n >= 38) }'; }
ok "and nearly all answers are the same" agree
company() {
  decode -q -m small.st --scores <test.st | tokenize -d >all && [ "$(wc -l <all)" = 40 ] || return 1
  for flags in "--max-tokens 10" "--max-tokens 60" "--threads 1" "--threads 3"; do decode -q -m small.st --scores $flags <test.st | tokenize -d | cmp - all || return 1; done
}
ok "batches and threads change neither answers nor scores" company
kept() { tensor convert --dtype int8 --keep 'embedding.*,decoder.0.ffn.*' model.st -o kept.st && tensor ls kept.st >ls && grep -q 'embedding.weight  *F32' ls && grep -q 'decoder.0.ffn.up.weight  *F32' ls && grep -q 'encoder.0.ffn.up.weight  *I8' ls && decode -q -m kept.st <test.st | tokenize -d >/dev/null; }
ok "--keep leaves weights as floats" kept

architecture() { # NAME COLUMN FLAGS...
  local name=$1 data=$2 asked=test.st pairs=pairs.st
  shift 2
  [ "$data" = train.st ] || pairs=test.st
  "${run[@]}" --steps 60 --data "$data" "$@" -o "$name.st" && tensor convert --dtype int8 "$name.st" -o "$name.int8.st" && tensor ls "$name.int8.st" | grep -q ' I8 ' &&
    decode -q -m "$name.int8.st" --max-length 8 <$asked >one.st && decode -q -m "$name.st" --precision int8 --max-length 8 <$asked >two.st &&
    cmp <(tokenize -d one.st) <(tokenize -d two.st) && decode -q -m "$name.st" --score <$pairs >exact && decode -q -m "$name.int8.st" --score <$pairs >rounded &&
    paste exact rounded | awk '{ d = $1 - $2; if (d < 0) d = -d; sum += d; all += -$1; if (d > 0) ++n } END { exit !(n > 20 && sum < 0.02 * all) }'
}
ok "a Transformer with layers of its own for each side" architecture own train.st "${small[@]}" --d-ff 64 --heads 2 --share-embeddings none --norm pre
ok "a recurrent model with input feeding" architecture feeding train.st --preset rnn-tiny "${small[@]}" --attention general --input-feeding
ok "a recurrent model with additive attention" architecture additive train.st --preset rnn-attn-tiny "${small[@]}" --cell gru
ok "ConvS2S, whose output layer alone is of int8" architecture convs2s train.st --preset convs2s-tiny --d-model 32 --conv "32x3*2" --dropout 0
ok "GPT" architecture gpt text.st --preset gpt-tiny "${small[@]}" --heads 2 --rows
ok "a recurrent language model" architecture lm text.st --preset rnn-lm-tiny "${small[@]}" --rows

gpt() { decode -q -m gpt.int8.st --text --max-length 5 <test.st >/dev/null && decode -q -m gpt.int8.st --sample --seed 3 --max-length 5 <test.st | tokenize -d >/dev/null; }
ok "generation and sampling" gpt
vectors() {
  for m in gpt.st gpt.int8.st; do embed -q -m $m --pool mean <test.st >$m.vectors || return 1; done
  embed -q -m gpt.st --precision int8 --pool mean <test.st >again && cmp <(tensor cat -t vectors again) <(tensor cat -t vectors gpt.int8.st.vectors) &&
    paste -d ' ' <(tensor cat -t vectors gpt.st.vectors) <(tensor cat -t vectors gpt.int8.st.vectors) |
    awk '{ h = NF / 2; a = b = c = 0; for (i = 1; i <= h; ++i) { a += $i * $i; b += $(h + i) * $(h + i); c += $i * $(h + i) } if (c / sqrt(a * b) < 0.99) exit 1 }'
}
ok "embed's vectors have a cosine of 0.99 and more" vectors
static() { embed -q -m gpt.int8.st --vocab --format text >a && embed -q -m gpt.st --vocab --format text >b && embed -q -m gpt.st --precision int8 --vocab --format text | cmp - a && ! cmp -s a b; }
ok "the table that embed exports is the rounded one" static
dump() { attn-dump -q -m small.st --summary <pairs.st >a && attn-dump -q -m model.st --precision int8 --summary <pairs.st | cmp - a && attn-dump -q -m small.st --decode <test.st | tensor ls - >/dev/null; }
ok "attn-dump looks into it" dump
classes() {
  awk -F '\t' '{ print $1 "\t" (index($1, "a1 ") ? "yes" : "no") }' train.tsv >labelled.tsv
  cut -f2 labelled.tsv | tokenize -q --learn --type labels -o labels.list
  tokenize -q -m text=both.model,label=labels.list labelled.tsv >labelled.st
  "${run[@]}" --preset rnn-tiny "${small[@]}" --task classification --data labelled.st -o labels.st && tensor convert --dtype int8 labels.st -o labels.int8.st &&
    for m in labels labels.int8; do decode -q -m $m.st <test.st | tokenize -d >$m.out; done && paste labels.out labels.int8.out | awk '$1 == $2 { ++n } END { exit !(n >= 38) }'
}
ok "a classifier" classes

refuses "train --init does not go on with int8" 1 'int8.*take the model of floats' train -q --data train.st --init small.st -o x.st
refuses "tensor average does not average int8" 1 'weight of int8' tensor average small.st small.st -o x.st
refuses "tensor convert makes no floats of int8" 1 'weight of int8' tensor convert --dtype f32 small.st -o x.st
refuses "tensor convert makes int8 of no int8 again" 1 'int8' tensor convert --dtype int8 small.st -o x.st
refuses "tensor export writes no int8" 1 'int8' tensor export small.st folder
refuses "--precision f32 of a file of int8" 1 'holds weights of int8' decode -q -m small.st --precision f32 <test.st
refuses "--keep that takes nothing" 2 "matches nothing" tensor convert --dtype int8 --keep 'none*' model.st -o x.st
refuses "--keep without int8" 2 "no meaning" tensor convert --dtype bf16 --keep 'embedding.*' model.st -o x.st
refuses "--precision int8 on a device" 2 'is for the CPU' decode -q -m model.st --precision int8 --device cuda <test.st
refuses "a file of int8 on a device" 2 'for the CPU' decode -q -m small.st --device cuda <test.st
refuses "train --precision int8" 2 'precision' train -q --data train.st --precision int8 -o x.st
ok "and nothing is written" test ! -e x.st
# Damage: the first scale's bytes become a NaN, a negative number; the name of one is changed.
data=$((8 + $(od -An -t u8 -N 8 small.st)))
begin=$(head -c $data small.st | tail -c +9 | grep -o '"[^"]*self.qkv.weight.scale":{[^}]*}' | head -n 1 | grep -o 'offsets":\[[0-9]*' | grep -o '[0-9]*$')
damaged() { cp small.st damaged.st && printf "$1" | dd of=damaged.st bs=1 seek=$((data + begin)) conv=notrunc 2>/dev/null; }
damaged '\377\377\377\177'
refuses "a scale that is no number" 1 'scale: row 0 is nan.*damaged' decode -q -m damaged.st <test.st
damaged '\000\000\200\277'
refuses "a negative scale" 1 'scale: row 0 is -1.*damaged' decode -q -m damaged.st <test.st
sed 's/self.qkv.weight.scale/self.qkv.weight.scaly/' small.st >damaged.st
refuses "a scale that is missing" 1 'scale.*missing' decode -q -m damaged.st <test.st

done_testing
