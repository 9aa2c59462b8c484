# What the Transformer begins with decides whether it learns: on the embedded corpus, with post-norm and the default initialization.
source "$(dirname "$0")/../shell.sh"

"$here/$BUILD/data/make-corpus" --grammar "$here/data/english-german.grammar" --seed 1 --train 8000 --valid 100 --test 1 . >/dev/null
tokenize -q --learn --vocab-size 600 -o spm.model train.en train.de
for split in train valid; do paste $split.en $split.de | tokenize -q -m spm.model --columns src,tgt >$split.st; done
learn() { # learn OUT FLAGS...
  local out=$1
  shift
  train -q --device cpu --data train.st --valid valid.st --preset tiny --dropout 0.1 --max-tokens 1024 --lr 0.003 --warmup 100 --steps 300 \
    --validate-every 300 --seed 1 --log "$out.tsv" "$@" -o "$out.st"
}
ok "tiny learns the embedded corpus for 300 updates" learn default
# Weights drawn as PyTorch's nn.Linear draws them come to 1.092, 1.086 and 1.082 with seeds 1 to 3; Xavier's everywhere to 1.468.
bound() { awk -F '\t' 'END { print "loss " $9; exit !($9 > 0 && $9 <= 1.11) }' default.tsv; }
ok "its loss on valid.st is then not above that from PyTorch's start" bound
leaves() { # looking at every piece alike has the most entropy there can be
  attn-dump -q -m default.st --kinds cross --summary <valid.st |
    awk 'NR > 1 { ++heads; if ($5 < 0.9 * $12) ++looking; print } END { exit !(heads == 16 && looking == 16) }'
}
ok "every head of cross-attention has left the most entropy by update 300" leaves
ok "fairseq's and the paper's initialization are there to compare with" bash -c '
  for name in fairseq xavier; do train -q --device cpu --data train.st --preset tiny --initialization $name --steps 1 -o $name.st || exit; done
  ! cmp -s <(tensor cat -t encoder.0.ffn.up.weight fairseq.st) <(tensor cat -t encoder.0.ffn.up.weight xavier.st)'
refuses "an unknown initialization is refused" 2 'initialization: "lecun" is none of pytorch, xavier, fairseq' \
  train --data train.st --preset tiny --initialization lecun --dry-run
done_testing
