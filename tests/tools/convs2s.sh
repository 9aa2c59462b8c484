# ConvS2S as a user meets it: its presets and flags, its checkpoints, either optimizer, and settings that do not fit.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(1); for (i = 0; i < 300; ++i) { a = ""; b = ""; k = 2 + int(rand() * 5)
  for (j = 0; j < k; ++j) { w = "w" int(rand() * 40); a = a w " "; b = b "v" w " " } print a "\t" b } }' >train.tsv
cut -f1 train.tsv >train.src
tr '\t' '\n' <train.tsv >both.txt
tokenize -q --learn --no-byte-fallback --vocab-size 50 -o spm.model both.txt
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
small=(--conv "24x3*2" --d-model 24 --max-positions 64 --dropout 0.1 --max-tokens 200 --warmup 20)
run=(train -q --data train.st --preset convs2s-tiny "${small[@]}" --report-every 10)

# The bytes of a file's tensors: all that follows the header.
data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1" | sha256sum; }
same_data() { [ "$(data_of "$1")" = "$(data_of "$2")" ]; }

learns() {
  "${run[@]}" --lr 0.01 --steps 150 --log run.tsv -o model.st || return 1
  awk -F '\t' 'NR == 2 { first = $6 } { last = $6 } END { exit !(last < first / 2) }' run.tsv
}
ok "a preset picks its architecture, and the perplexity falls" learns
decodes() { # in batches of any size, since no sentence sees another
  tokenize -q -m model.st <train.src >source.st
  for tokens in 1024 20; do decode -q -m model.st --max-length 20 --max-tokens $tokens <source.st | tokenize -q -d >$tokens.txt || return 1; done
  [ "$(wc -l <1024.txt)" -eq 300 ] && cmp 1024.txt 20.txt
}
ok "decode works as it is, in batches of any size" decodes
resumed() { # resumed OPTIMIZER...: stopped and gone on with, a run ends in the bits of one that was not stopped
  local long=(--steps 200 --save-every 10 "$@") pid
  rm -f stop.st* stop.tsv
  "${run[@]}" "${long[@]}" -o whole.st || return 1
  "${run[@]}" "${long[@]}" --log stop.tsv -o stop.st &
  pid=$!
  until [ -e stop.st.checkpoint ] && [ "$(wc -l <stop.tsv)" -gt 3 ]; do kill -0 $pid || break; done
  kill -TERM $pid
  wait $pid
  "${run[@]}" "${long[@]}" --log stop.tsv --resume -o stop.st && same_data whole.st stop.st && same_data whole.st.checkpoint stop.st.checkpoint
}
ok "a run of Adam goes on to the same bits" resumed --lr 0.01
ok "a run of Nesterov's momentum goes on to the same bits" resumed --optimizer nesterov --momentum 0.9 --lr 0.1
nesterov_learns() {
  "${run[@]}" --optimizer nesterov --steps 150 --log nesterov.tsv -o nesterov.st || return 1
  awk -F '\t' 'NR == 2 { first = $6 } { last = $6 } END { exit !(last < first / 2) }' nesterov.tsv
}
ok "with nesterov's own defaults (rate 0.25, clipped to 0.1) the perplexity falls" nesterov_learns
dry() { train --data train.st "$@" --dry-run | awk -F '\t' '$1 == "parameters_and_optimizer_MiB" { print $2 }'; }
lighter() { awk -v a="$(dry --preset convs2s-tiny)" -v n="$(dry --preset convs2s-tiny --optimizer nesterov)" 'BEGIN { exit !(n > 0.7 * a && n < 0.8 * a) }'; }
ok "a dry run counts one buffer of nesterov and two of adam" lighter
defaults() {
  for choice in "--arch convs2s" "--preset convs2s" "--preset convs2s --arch convs2s"; do train --data train.st $choice --conv 512x3 --dry-run | head -n 1; done | uniq -c | grep -q ' 3 parameters	[0-9]'
}
ok "an architecture without a preset has its own" defaults

refuses "a kernel that is missing" 2 "--conv: '24', character 3: 'x' and a kernel are missing; expected WIDTHxKERNEL" "${run[@]}" --conv 24 -o x.st
refuses "a kernel of zero" 2 "--conv: '24x0', character 4: a kernel of 0 is not from 1 to 1024" "${run[@]}" --conv 24x0 -o x.st
refuses "convolutions of one side that are none" 2 "--encoder-conv: '24x3;8x3', character 5: not understood" "${run[@]}" --encoder-conv '24x3;8x3' -o x.st
refuses "a setting of another architecture" 2 'convs2s has no setting --heads' "${run[@]}" --heads 2 -o x.st
refuses "convolutions for a Transformer" 2 'transformer has no setting --conv' train --data train.st --preset tiny --conv 24x3 -o x.st
refuses "a preset of another architecture" 2 "--preset: 'convs2s-tiny' is none of transformer's tiny," train --data train.st --arch transformer --preset convs2s-tiny -o x.st
refuses "--init with another architecture" 2 '--arch: the model of --init has its own' train --data train.st --init model.st --arch transformer -o x.st
refuses "--init with a setting of another architecture" 2 'convs2s has no setting --heads' train --data train.st --init model.st --heads 2 -o x.st
refuses "--resume with another architecture" 2 '--arch transformer is not what .* has \(convs2s\)' train --data train.st --arch transformer --resume -o model.st
refuses "--resume with other convolutions" 2 '--conv "24x5" is not what .* has \("24x3\*2"\)' train --data train.st --conv 24x5 --resume -o model.st
refuses "--resume with another optimizer" 2 '--optimizer nesterov is not what .* has \(adam\)' train --data train.st --optimizer nesterov --resume -o model.st
refuses "an optimizer that is none" 2 "--optimizer: 'sgd' is none of adam, nesterov" "${run[@]}" --optimizer sgd -o x.st
refuses "momentum for Adam" 2 '--momentum has no meaning with --optimizer adam' "${run[@]}" --momentum 0.9 -o x.st
refuses "Adam's decays for nesterov" 2 '--beta2 has no meaning with --optimizer nesterov' "${run[@]}" --optimizer nesterov --beta2 0.9 -o x.st
ok "nothing half-written is left" bash -c '! ls x.st* *.tmp 2>/dev/null | grep .'
done_testing
