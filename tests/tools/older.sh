# Files that the version before rows, networks and tasks wrote (tests/tools/older) load, resume and decode as they did
# there. NAME.st: a model of each architecture; NAME.checkpoint: what it was trained from; pairs.st: its data. NAME.out and
# NAME.scores: what that version translated and scored of them; NAME.valid: its validation after 50 more updates.
source "$(dirname "$0")/../shell.sh"

cp "$here"/tests/tools/older/* .
export OMP_NUM_THREADS=1
near() { paste "$1" "$2" | awk -v within="$3" 'NF % 2 || !NF { exit 1 } { for (i = 1; i <= NF / 2; ++i) if (($i - $(NF / 2 + i)) ^ 2 > within ^ 2) exit 1 }'; }
for arch in transformer rnn rnn-attn convs2s; do
  decodes() { decode -q --device cpu -m $arch.st --beam 2 <pairs.st | tokenize -q -d | head -n 5 >$arch.now && cmp $arch.now $arch.out; }
  ok "$arch: a model of before translates as it did" decodes
  scores() { decode -q --device cpu -m $arch.st --score <pairs.st | head -n 5 >$arch.scored && near $arch.scored $arch.scores 1e-4; }
  ok "$arch: and scores as it did" scores
  resumes() {
    cp $arch.checkpoint $arch.on.st.checkpoint
    train -q --device cpu --data pairs.st --valid pairs.st --steps 200 --save-every 50 --validate-every 50 --valid-bleu --average 2 --log $arch.tsv --resume -o $arch.on.st 2>err || { cat err; return 1; }
    [ "$(tail -n 1 $arch.tsv | cut -f1)" = 200 ] && tail -n 1 $arch.tsv | cut -f9,11 >$arch.validated && near $arch.validated $arch.valid 0.005
  }
  ok "$arch: a checkpoint of before is gone on from, and comes out where it did" resumes
done
done_testing
