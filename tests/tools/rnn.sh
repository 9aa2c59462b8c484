# The recurrent architectures as a user trains and decodes them.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(1); for (i = 0; i < 300; ++i) { a = ""; b = ""; k = 2 + int(rand() * 4)
  for (j = 0; j < k; ++j) { w = "w" int(rand() * 20); a = a w " "; b = w " " b } print a "\t" b } }' >train.tsv
cut -f1 train.tsv >train.src
tokenize -q --learn --no-byte-fallback --vocab-size 26 -o spm.model train.src
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
tokenize -q -m spm.model <train.src >source.st
run=(train -q --data train.st --d-model 24 --max-tokens 300 --warmup 20 --lr 0.01 --steps 30 --validate-every 10)
ran() { "${run[@]}" "$@" && decode -q -m "${!#}" --beam 3 <source.st | tokenize -q -d | awk 'END { exit NR != 300 }'; }

ok "--preset alone finds its architecture" ran --preset rnn-attn-tiny --valid train.st -o attn.st
ok "--arch alone takes its own preset" ran --arch rnn --valid train.st -o plain.st
ok "switches take no value, and =no takes them back" ran --preset rnn-attn-tiny --bidirectional=no --reverse-source --attention dot --input-feeding --valid train.st -o feeding.st
ok "a kernel in place of a product" ran --preset rnn-tiny --attention kernel --valid train.st -o kernel.st
ok "and one of a fixed width, fed back" ran --preset rnn-tiny --cell gru --attention kernel-fixed --input-feeding --valid train.st -o fixed.st
# The first pair's scores are -1/2 sums of squares, so none is above 0, and their softmax is the weights.
scores() {
  head -n 1 train.tsv | tokenize -q -m kernel.st --columns src,tgt >pair.st
  for what in "" --logits; do attn-dump -q -m kernel.st $what <pair.st | tensor cat -t cross.weights | tr '\n' ' ' >w$what || return 1; done
  n=$(attn-dump -q -m kernel.st <pair.st | tensor cat -t src.ids | wc -l)
  awk -v n="$n" 'NR == 1 { split($0, p); next } { for (r = 0; r < NF / n; ++r) { sum = 0; for (j = 1; j <= n; ++j) { s = $(r * n + j); if (s > 0) exit bad = 1; sum += exp(s) }
    for (j = 1; j <= n; ++j) { d = exp($(r * n + j)) / sum - p[r * n + j]; if (d > 0.0001 || d < -0.0001) exit bad = 1 } } rows = r } END { exit bad || rows < 2 }' <(cat w; echo; cat w--logits)
}
ok "attn-dump shows a kernel's weights, and as logits its scores" scores
clips() { train --data train.st --preset "$1" --d-model 24 --dry-run >/dev/null && train --help >help && grep -q "auto: off, but 5 for rnn" help; }
ok "the help says what recurrent models are clipped to" clips rnn-tiny

data_of() { tail -c +$((9 + $(od -An -t u8 -N 8 "$1"))) "$1" | sha256sum; }
resumes() {
  "${run[@]}" --preset rnn-attn-tiny --valid train.st --steps 10 -o part.st &&
    "${run[@]}" --resume --valid train.st -o part.st && [ "$(data_of attn.st)" = "$(data_of part.st)" ]
}
ok "a stopped and resumed run ends in the same bits" resumes

refuses "a preset of another architecture" 2 "--preset: 'tiny' is none of rnn's" train --data train.st --arch rnn --preset tiny -o x.st
refuses "a setting of another architecture" 2 'rnn has no setting --heads' train --data train.st --preset rnn-tiny --heads 2 -o x.st
refuses "two ways to read the source backwards" 2 '--reverse-source: a bidirectional' train --data train.st --preset rnn-tiny --bidirectional -o x.st
refuses "input feeding without attention" 2 '--input-feeding: feeds what attention' train --data train.st --preset rnn-tiny --input-feeding -o x.st
refuses "input feeding with additive attention" 2 '--input-feeding: additive' train --data train.st --preset rnn-attn-tiny --input-feeding -o x.st
refuses "dot products of unequal widths" 2 '--attention: dot needs' train --data train.st --preset rnn-attn-tiny --attention dot -o x.st
refuses "a recurrent model with a Transformer's flags" 2 'rnn has no setting --heads' train --data train.st --init attn.st --heads 2 -o x.st
refuses "a recurrent model as another architecture" 2 '--arch: the model of --init has its own' train --data train.st --init attn.st --arch transformer -o x.st
refuses "a recurrent checkpoint as another architecture" 2 '--arch transformer is not what' train --data train.st --resume --arch transformer -o attn.st

done_testing
