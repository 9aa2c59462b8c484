# Tasks that put a head on whatever encodes text: classification, regression, tagging and question answering.
source "$(dirname "$0")/../shell.sh"

# Texts whose words say what they are: the label, the number, the tags, and where the answer stands.
rows() { awk -v seed="$1" -v n="$2" 'BEGIN { srand(seed); split("red green blue", colours); split("Ann Bob Cleo", names)
  for (i = 0; i < n; ++i) { c = 1 + int(rand() * 3); k = 1 + int(rand() * 3); who = names[1 + int(rand() * 3)]; place = "w" int(rand() * 20)
    text = "w" int(rand() * 20) " " who " is " colours[c] " times " k " in " place
    tags = "O B-PER O O O O O B-LOC"
    begin = index(text, who) - 1
    print text "\t" colours[c] "\t" k "\t" tags "\tWho is " colours[c] " ?\t" begin "\t" begin + length(who) } }'; }
rows 1 200 >train.tsv
rows 2 40 >test.tsv
cut -f1,5 train.tsv | tr '\t' '\n' | tokenize -q --learn --type wordpiece --uncased no --vocab-size 60 -o pieces.json
cut -f2 train.tsv | tokenize -q --learn --type labels -o labels.list
cut -f4 train.tsv | tokenize -q --learn --type labels -o tags.list
small=(train -q --device cpu --d-model 32 --max-tokens 400 --schedule constant --lr 0.003 --warmup 0 --threads 1 --steps 120)
bert=(--preset bert-tiny --d-ff 64 --layers 1 --heads 2)

cut -f1,2 train.tsv | tokenize -q -m text=pieces.json,label=labels.list >label.st
classified() {
  "${small[@]}" "${bert[@]}" --task classification --data label.st -o label.model || return 1
  cut -f1 test.tsv | tokenize -q -m label.model | decode -q -m label.model | tokenize -d >said
  paste said <(cut -f2 test.tsv) | awk '$1 == $2 { ++good } END { exit good < 38 }'
}
ok "a classifier learns what a word says, and decode names the label" classified
nbest() {
  cut -f1 test.tsv | head -n 2 | tokenize -q -m label.model | decode -q -m label.model --nbest 3 | tokenize -d >said
  [ "$(wc -l <said)" -eq 6 ] && awk -F ' [|][|][|] ' '{ sum[$1] += exp($3) } END { for (i in sum) if (sum[i] < 0.9999 || sum[i] > 1.0001) exit 1 }' said
}
ok "the probabilities of all labels add up to 1" nbest
scored() {
  cut -f1,2 test.tsv | tokenize -q -m text=label.model,label=label.model | decode -q -m label.model --score >scores
  cut -f1 test.tsv | tokenize -q -m label.model | decode -q -m label.model --nbest 3 | tokenize -d >all
  awk -F ' [|][|][|] ' 'NR == FNR { split($0, row, "\t"); label[FNR - 1] = row[2]; next } $2 == label[$1] { print $3 }' test.tsv all | cmp - scores
}
ok "--score is the log p of the label that a row has" scored
for how in first last mean attention kernel kernel-fixed; do
  pooled() { "${small[@]}" "${bert[@]}" --task classification --pool $how --data label.st -o pool.model --steps 200 && cut -f1 test.tsv | tokenize -q -m pool.model | decode -q -m pool.model | tokenize -d | paste - <(cut -f2 test.tsv) | awk '$1 == $2 { ++good } END { exit good < 30 }'; }
  ok "--pool $how makes a vector that a classifier learns from" pooled
done

for layer in 0 1 mix; do
  layered() { "${small[@]}" "${bert[@]}" --task classification --pool mean --head-layer $layer --data label.st -o layer.model --steps 200 && cut -f1 test.tsv | tokenize -q -m layer.model | decode -q -m layer.model | tokenize -d | paste - <(cut -f2 test.tsv) | awk '$1 == $2 { ++good } END { exit good < 30 }'; }
  ok "--head-layer $layer is what a head reads" layered
done
refuses "a layer that there is not" 2 '--head-layer' "${small[@]}" "${bert[@]}" --task classification --head-layer 2 --data label.st -o x.st
dumped() {
  "${small[@]}" "${bert[@]}" --task classification --pool attention --data label.st -o pool.model --steps 200 && cut -f1 test.tsv | head -n 3 | tokenize -q -m pool.model | attn-dump -q -m pool.model --kinds pooling -o weights.st && tensor ls weights.st | grep -q pooling
}
ok "attn-dump shows what --pool attention weighs" dumped

paste <(cut -f1 train.tsv) <(cut -f3 train.tsv) | tokenize -q -m text=pieces.json,score:number >number.st
regressed() {
  "${small[@]}" "${bert[@]}" --task regression --data number.st -o number.model --steps 300 || return 1
  cut -f1 test.tsv | tokenize -q -m number.model | decode -q -m number.model | tokenize -d >said
  paste said <(cut -f3 test.tsv) | awk '{ d = $1 - $2; sum += d * d } END { exit sum / NR > 0.2 }'
}
ok "a regression learns a number" regressed

cut -f1,4 train.tsv | tokenize -q -m text=pieces.json,tags=tags.list --offsets >tags.st
tagged() {
  "${small[@]}" "${bert[@]}" --task tagging --data tags.st -o tags.model || return 1
  cut -f1 test.tsv | tokenize -q -m tags.model | decode -q -m tags.model | tokenize -d >said
  cut -f4 test.tsv | cmp - said
}
ok "a tagger learns a tag for each word, whatever its pieces" tagged

pieces_of() { [ "$(cut -f1 test.tsv | head -n 1 | tokenize -q -m tags.model --output pieces)" = "$(cut -f1 test.tsv | head -n 1 | tokenize -q -m pieces.json --output pieces)" ]; }
ok "and its model cuts text into pieces to be read" pieces_of

paste <(cut -f5 train.tsv) <(cut -f1,6,7 train.tsv) | tokenize -q -m question=pieces.json,context=pieces.json,begin:number,end:number --offsets >question.st
answered() {
  "${small[@]}" "${bert[@]}" --task question-answering --data question.st -o question.model || return 1
  paste <(cut -f5 test.tsv) <(cut -f1 test.tsv) | tokenize -q -m question.model | decode -q -m question.model | tokenize -d >said
  paste said test.tsv | awk -F '\t' '$1 == substr($2, $7 + 1, $8 - $7) { ++good } END { exit good < 38 }'
}
ok "an answer is printed as its context has it, in capitals" answered
windows() {
  "${small[@]}" --init question.model --data question.st --window 14 --overlap 4 -o windows.model --steps 40 || return 1
  paste <(cut -f5 test.tsv) <(cut -f1 test.tsv) | tokenize -q -m windows.model | decode -q -m windows.model --nbest 2 | tokenize -d >said
  [ "$(wc -l <said)" -eq 80 ]
}
ok "a context longer than a window is read in windows that overlap" windows

for preset in 'rnn-attn-tiny --layers 1' 'convs2s-tiny' 'gpt-tiny --d-ff 64 --layers 1 --heads 2' 'tiny --d-ff 64 --layers 1 --heads 2'; do
  other() { "${small[@]}" --preset $preset --task classification --data label.st -o other.model && cut -f1 test.tsv | tokenize -q -m other.model | decode -q -m other.model | tokenize -d | paste - <(cut -f2 test.tsv) | awk '$1 == $2 { ++good } END { exit good < 30 }'; }
  ok "a head stands on ${preset%% *} as well" other
done

resumed() {
  "${small[@]}" "${bert[@]}" --task tagging --data tags.st -o whole.model --steps 20 --save-every 10 &&
    "${small[@]}" "${bert[@]}" --task tagging --data tags.st -o part.model --steps 10 --save-every 10 &&
    "${small[@]}" "${bert[@]}" --task tagging --data tags.st -o part.model --steps 20 --save-every 10 --resume && cmp whole.model part.model
}
data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1"; }
resumed_bits() { resumed || cmp <(data_of whole.model) <(data_of part.model); }
ok "a tagger's training that is gone on with ends in the same bits" resumed_bits
fine_tuned() {
  "${small[@]}" --init tags.model --data tags.st -o whole.model --steps 20 --save-every 10 && "${small[@]}" --init tags.model --data tags.st -o part.model --steps 10 --save-every 10 &&
    "${small[@]}" --init tags.model --data tags.st -o part.model --steps 20 --save-every 10 --resume && cmp <(data_of whole.model) <(data_of part.model)
}
ok "and so does one that began with --init, by the same command with --resume" fine_tuned
measured() {
  "${small[@]}" "${bert[@]}" --task tagging --data tags.st --valid tags.st --measure entity_f1,accuracy --validate-every 60 --log log.tsv -o x.model --steps 120 &&
    [ "$(head -n 1 log.tsv | cut -f11,12)" = "$(printf 'valid_entity_f1\tvalid_accuracy')" ] && [ "$(tail -n 1 log.tsv | cut -f12)" = 1.00 ]
}
ok "--measure entity_f1,accuracy are in the log" measured

awk -F '\t' 'NR == 3 { print $1 "\tO O"; next } { print $1 "\t" $4 }' train.tsv | tokenize -q -m text=pieces.json,tags=tags.list --offsets >uneven.st
refuses "a row with fewer tags than words" 1 'row 3: has 8 words and 2 tags' "${small[@]}" "${bert[@]}" --task tagging --data uneven.st -o x.st
refuses "pieces whose places are not told" 1 'does not say where the pieces of text stand in their lines; make it with tokenize --offsets' "${small[@]}" "${bert[@]}" --task tagging --data <(cut -f1,4 train.tsv | tokenize -q -m text=pieces.json,tags=tags.list) -o x.st
refuses "a label that training has not seen" 1 "'purple'" tokenize -q -m text=label.model,label=label.model <<<$'w1 is purple\tpurple'
refuses "an answer that is not in its context" 1 'row 1: the answer at bytes 0 to 900 is not in its context' "${small[@]}" "${bert[@]}" --task question-answering --data <(printf 'Who ?\tw1 Ann is red\t0\t900\n' | tokenize -q -m question=pieces.json,context=pieces.json,begin:number,end:number --offsets) -o x.st
refuses "a question without an answer" 1 'row 1 has no answer: it begins and ends at byte 0; give --no-answer yes' "${small[@]}" "${bert[@]}" --task question-answering --data <(printf 'Who ?\tw1 Ann is red\t0\t0\n' | tokenize -q -m question=pieces.json,context=pieces.json,begin:number,end:number --offsets) -o x.st
refuses "a search for a label" 2 '--beam has no meaning with the task classification' decode -m label.model --beam 3 <label.st
paste <(cut -f1 train.tsv) <(cut -f3 train.tsv) | tokenize -q -m text=pieces.json,label:number >numbers.st
refuses "a number where ids are wanted" 1 "column 'label' holds numbers, training needs ids" "${small[@]}" "${bert[@]}" --task classification --data numbers.st -o x.st
refuses "a setting of another task" 2 '--window has no meaning with the task classification' "${small[@]}" "${bert[@]}" --task classification --window 20 --data label.st -o x.st
# As many bytes, so that all lengths stay.
sed 's/\\"task\\":\\"classification\\"/\\"task\\":\\"translation\\"   /' label.model >edited.model
refuses "a model whose configuration names another task" 1 'edited.model: its configuration names the task translation, which a model of the architecture bert with this head cannot do' decode -m edited.model <label.st
refuses "and its export" 2 'no folder has a head for the task translation' tensor export edited.model folder
refuses "--score of numbers" 2 '--score has no meaning for regression' decode -m number.model --score <number.st
done_testing
