# Trainings of a part of a model through the tools: frozen parameters, LoRA, bottleneck adapters, new rows; their files.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(1); split("a b c d", first); split("one red fox;two blue cats;three green dogs;four old owls", rest, ";")
  for (i = 0; i < 200; ++i) { k = 1 + int(rand() * 4); print first[k] " " rest[k] } }' >text.txt
tokenize -q --learn --type list -o words.txt text.txt
tokenize -q -m words.txt --columns text <text.txt >text.st
awk '{ print $1 " " $3 " " $2 " " $4 }' text.txt | tokenize -q -m words.txt --columns text >other.st
paste text.txt text.txt | tokenize -q -m words.txt --columns src,tgt >pairs.st
export OMP_NUM_THREADS=1
small=(--layers 2 --d-model 32 --heads 2 --dropout 0.1 --attention-dropout 0)
train -q --device cpu --preset gpt-tiny "${small[@]}" --max-positions 12 --data text.st --max-tokens 120 --warmup 10 --lr 0.01 --steps 60 -o base.st
run=(train -q --device cpu --data other.st --init base.st --max-tokens 120 --warmup 5 --lr 0.01 --steps 24 --save-every 8)
same_data() { cmp <(tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1") <(tail -c +$((9 + $(od -An -t u8 -N 8 "$2"))) "$2"); }
value() { tensor cat -t "$1" "$2"; }
names() { tensor ls "$1" | awk '/^  [a-z]/ && NF > 3 { print $1 }'; }
ppl() { tokenize -q -m "$1" <"$2" | decode -q --device cpu -m "$1" --score --stats 2>&1 >/dev/null | grep -oE '"perplexity": *[0-9.]+' | grep -oE '[0-9.]+$'; }

# kind NAME FLAGS...: a run with an adapter's file, killed and gone on with, and merged again.
kind() {
  what=$1
  shift
  merges() { "${run[@]}" "$@" --save-adapter $what.adapter -o $what.st && tensor merge base.st $what.adapter -o $what.merged && same_data $what.st $what.merged; }
  ok "$what: the adapter's file with its base is the model that was written" merges "$@"
  resumes() {
    "${run[@]}" "$@" --steps 8 -o $what.on.st && "${run[@]}" "$@" --save-adapter $what.on.adapter --resume -o $what.on.st 2>err &&
      same_data $what.st $what.on.st && same_data $what.adapter $what.on.adapter
  }
  ok "$what: a run that was ended and gone on with ends in the same bits" resumes "$@"
  stopped() {
    rm -f $what.kill.st*
    "${run[@]}" "$@" --save-every 1 -o $what.kill.st &
    until [ -s $what.kill.st.checkpoint ]; do kill -0 $! 2>/dev/null || [ -s $what.kill.st.checkpoint ] || return 1; done
    kill -KILL $!
    wait $! 2>/dev/null
    "${run[@]}" "$@" --save-every 1 --resume -o $what.kill.st 2>err && same_data $what.st $what.kill.st
  }
  ok "$what: and so does one that was killed" stopped "$@"
  light() { cmp <(names $what.adapter | sort) <(names $what.st.checkpoint | grep -v '^adam\|^vocab' | sort); }
  ok "$what: its checkpoint is of what was trained alone" light
  goes_on() { "${run[@]}" --init-adapter $what.adapter --steps 1 --save-adapter $what.further -o $what.further.st && cmp <(names $what.adapter) <(names $what.further); }
  ok "$what: --init-adapter goes on with it" goes_on
}
kind lora --lora 4 --lora-alpha 8
kind everywhere --lora 2 --lora-dropout 0.1 --lora-layers '*' --freeze '*.1.*'
kind adapters --adapters 4
kind frozen --freeze 'embedding.*,positions.*,layers.0.*'

frozen() { cmp <(value layers.0.ffn.up.weight base.st) <(value layers.0.ffn.up.weight frozen.st) && ! cmp -s <(value layers.1.ffn.up.weight base.st) <(value layers.1.ffn.up.weight frozen.st); }
ok "--freeze leaves what it names, and trains the rest" frozen
plain() { cmp <(names base.st) <(names lora.st) && ! tensor ls lora.st | grep -q adaptation && cmp <(value layers.0.ffn.up.weight base.st) <(value layers.0.ffn.up.weight lora.st); }
ok "LoRA's model is a plain one, in which its layers alone are others" plain
adapted() { names adapters.st | grep -q 'layers.1.ffn.down.adapter.up.weight' && echo a | tokenize -q -m adapters.st | decode -q --device cpu -m adapters.st | tokenize -d | grep -q .; }
ok "a model keeps its bottleneck adapters, and decodes with them" adapted
again() { "${run[@]}" --init adapters.st --steps 2 -o all.st && ! cmp -s <(value layers.0.ffn.up.weight base.st) <(value layers.0.ffn.up.weight all.st) &&
  "${run[@]}" --init adapters.st --adapters 4 --steps 2 -o some.st && cmp <(value layers.0.ffn.up.weight base.st) <(value layers.0.ffn.up.weight some.st); }
ok "it is trained further as a whole, or its adapters alone" again
learns() {
  awk '{ print $1 " " $3 " " $2 " " $4 }' text.txt | head -n 20 >other.txt
  "${run[@]}" --lora 4 --lora-layers '*' --steps 100 -o learnt.st && awk -v a="$(ppl base.st other.txt)" -v b="$(ppl learnt.st other.txt)" 'BEGIN { exit !(b < a / 2) }'
}
ok "LoRA learns another language" learns
best() { "${run[@]}" --lora 4 --valid other.st --validate-every 8 --average-of best --save-adapter best.adapter -o best.st && tensor merge base.st best.adapter -o best.merged && same_data best.st best.merged; }
ok "--average-of best: the best model and its adapter" best
mean() { "${run[@]}" --freeze 'embedding.*' --average 2 --save-adapter mean.adapter -o mean.st && tensor merge base.st mean.adapter -o mean.merged && same_data mean.st mean.merged; }
ok "--average: the mean of what was trained, in the model and alone" mean

printf 'unheard\nnewer\n' >new.txt
tokenize -q --learn --extend words.txt --symbols-file new.txt -o larger.txt
sed 's/red/unheard/; s/old/newer/' text.txt | tokenize -q -m larger.txt --columns text >larger.st
rows() {
  "${run[@]}" --data larger.st --train-new-rows --save-adapter rows.adapter -o rows.st 2>/dev/null && n=$(value embedding.weight base.st | wc -l) &&
    cmp <(value embedding.weight base.st) <(value embedding.weight rows.st | head -n "$n") && [ "$(value embedding.weight rows.st | wc -l)" = $((n + 2)) ] &&
    [ "$(value embedding.weight.new rows.adapter | wc -l)" = 2 ] && cmp <(value layers.0.ffn.up.weight base.st) <(value layers.0.ffn.up.weight rows.st) &&
    tensor merge base.st rows.adapter -o rows.merged && same_data rows.st rows.merged && [ "$(tensor cat -t vocab --raw rows.merged | tail -n 1)" = newer ]
}
ok "--train-new-rows trains the rows of new pieces alone, of a table that is the output layer's, too" rows
resumed_rows() { "${run[@]}" --data larger.st --train-new-rows --steps 8 -o rows.on.st 2>/dev/null && "${run[@]}" --data larger.st --train-new-rows --resume -o rows.on.st 2>err && same_data rows.st rows.on.st; }
ok "and goes on to the same bits" resumed_rows
with_lora() { "${run[@]}" --data larger.st --lora 2 --save-adapter both.adapter -o both.st 2>/dev/null && names both.adapter | grep -qx embedding.weight.new && tensor merge base.st both.adapter -o both.merged && same_data both.st both.merged; }
ok "LoRA trains new rows, too" with_lora

translation=(train -q --device cpu --data pairs.st --max-tokens 200 --warmup 5 --lr 0.01 --steps 8)
"${translation[@]}" --preset tiny --layers 2 --d-model 32 --heads 2 -o translates.st
pairs() { # shellcheck disable=SC2068
  "${translation[@]}" --init translates.st $@ --save-adapter pairs.adapter -o pairs.out.st && tensor merge translates.st pairs.adapter -o pairs.merged && same_data pairs.out.st pairs.merged; }
ok "a translation model: LoRA of both attentions, with its rates by layers" pairs --lora 4 --layer-decay 0.8
layers() { names pairs.adapter | grep -qx decoder.1.cross.kv.lora_b && names pairs.adapter | grep -qx decoder.1.cross.q.lora_a && names pairs.adapter | grep -qx encoder.0.self.qkv.lora_a; }
ok "queries and values of all of them" layers
ok "a translation model: bottleneck adapters" pairs --adapters 4
awk '{ print $0 "\t" ($1 == "a" || $1 == "b" ? "early" : "late") }' text.txt >labelled.tsv
cut -f2 labelled.tsv | tokenize -q --learn --type labels -o labels.list
tokenize -q -m text=words.txt,label=labels.list labelled.tsv >labelled.st
heads() {
  "${run[@]}" --data labelled.st --task classification --lora 4 --head-lr-scale 2 --save-adapter head.adapter -o head.st 2>err && names head.adapter | grep -q '^head\.' &&
    tensor merge base.st head.adapter -o head.merged && same_data head.st head.merged &&
    "${run[@]}" --data labelled.st --task classification --lora 4 --head-lr-scale 2 --steps 8 -o head.on.st 2>err &&
    "${run[@]}" --data labelled.st --task classification --lora 4 --head-lr-scale 2 --resume -o head.on.st 2>err && same_data head.st head.on.st
}
ok "a head on a model, with LoRA below it: the adapter's file has both, and a resumed run the same bits" heads
dry() { [ "$("${run[@]}" --lora 4 --dry-run -o x.st | awk -F '\t' '$1 == "trained" { print $2 }')" = $((2 * (2 * 4 * 32 + 2 * 32 * 4))) ]; }
ok "--dry-run says how many parameters are trained" dry

refuses "a rank larger than the matrix" 2 "--lora 40: layers.0.self.qkv.q is a matrix of \[32, 32\]" "${run[@]}" --lora 40 -o x.st
refuses "a pattern that matches nothing" 2 "--freeze: 'encoder.\*' matches nothing; there are embedding.weight, " "${run[@]}" --freeze 'encoder.*' -o x.st
refuses "layers that there are not" 2 "--lora-layers: '\*.query' matches nothing; there are layers.0.self.qkv, " "${run[@]}" --lora 2 --lora-layers '*.query' -o x.st
refuses "nothing that is trained" 2 'nothing is left to be trained' "${run[@]}" --freeze '*' -o x.st
refuses "LoRA of no model" 2 '--lora needs --init MODEL' train --data other.st --preset gpt-tiny --lora 2 -o x.st
refuses "new rows of the same vocabulary" 2 'has no pieces that base.st lacks' "${run[@]}" --train-new-rows -o x.st
refuses "an adapter's file of a whole training" 2 '--save-adapter needs --init MODEL, and a part' "${run[@]}" --save-adapter x.adapter -o x.st
refuses "a mean of LoRA" 2 '--average: the mean of low-rank updates is none' "${run[@]}" --lora 2 --average 2 -o x.st
refuses "a head's rate without a head" 2 '--head-lr-scale: the model has no head' "${run[@]}" --head-lr-scale 5 -o x.st
refuses "flags of LoRA without it" 2 '--lora-alpha has no meaning without --lora' "${run[@]}" --lora-alpha 5 -o x.st
refuses "an adapter on another base" 1 'lora.st: is not the model that lora.adapter was made for' tensor merge lora.st lora.adapter -o x.st
refuses "an adapter to go on with on another base" 1 'lora.st: is not the model that lora.adapter was made for' "${run[@]}" --init lora.st --init-adapter lora.adapter -o x.st
refuses "a model as an adapter" 1 "lora.st: byte 0: holds 'model', not 'adapter'" tensor merge base.st lora.st -o x.st
refuses "an adapter as a model" 1 "lora.adapter: holds 'adapter', not a model" decode -m lora.adapter
cp lora.st.checkpoint alone.st.checkpoint
refuses "--resume without the base" 1 'alone.st.checkpoint: holds what was trained alone; give the model that it began with, --init MODEL' train --data other.st --resume -o alone.st
refuses "--resume on another base" 1 'lora.st: is not the model that alone.st.checkpoint was made for' "${run[@]}" --init lora.st --resume --lora 4 -o alone.st
refuses "--resume of another rank" 2 'what is trained is not what alone.st.checkpoint says' "${run[@]}" --resume --lora 5 -o alone.st
refuses "a checkpoint of what was trained as a model" 1 'alone.st.checkpoint: holds what was trained alone' decode -m alone.st.checkpoint
refuses "a mean of adapters" 1 'lora.adapter: holds what was trained alone; merge it with its model first' tensor average lora.adapter lora.adapter -o x.st
refuses "a folder with no room for bottleneck adapters" 2 'a folder has no room for' tensor export adapters.st x
peft() { tensor export lora.adapter peft && grep -q '"r": 8' peft/adapter_config.json && tensor import peft --base base.st -o peft.adapter &&
  tensor merge base.st peft.adapter -o peft.st && [ "$(ppl peft.st other.txt)" = "$(ppl lora.st other.txt)" ]; }
ok "an adapter goes to a folder of PEFT's and comes back" peft
refuses "a folder of PEFT's without its model" 2 'import of an adapter needs --base MODEL' tensor import peft -o x.adapter
done_testing
