# What OpenMP delivers is not always what was asked for; no tool may do a part of its work.
. "$(dirname "$0")/../shell.sh"

"$here/$BUILD/data/make-corpus" --grammar "$here/data/english-german.grammar" --seed 1 --train 300 --valid 40 --test 1 . >/dev/null
tokenize -q --learn --vocab-size 400 -o spm.model train.en train.de
for split in train valid; do paste $split.en $split.de | tokenize -q -m spm.model --columns src,tgt >$split.st; done
few() { # few FLAGS...: a short training, its losses
  train -q --device cpu --data train.st --preset tiny --layers 1 --d-model 32 --heads 2 --max-tokens 512 --warmup 10 --steps 12 --report-every 1 \
    --log log.tsv -o model.st && cut -f 5 log.tsv
}
OMP_NUM_THREADS=4 few >wanted && decode -q --device cpu -m model.st --score <valid.st >wanted.scores
cp model.st trained.st

# A product may be summed in another order by another number of threads, so the last digits may differ, but not more.
close() { paste "$1" "$2" | awk 'NF != 2 { exit 1 } NR > 1 || $1 + 0 == $1 { off = $1 - $2; if (!(off * off < 1e-6)) exit 1; ++n } END { exit !(n > 0) }'; }
for limits in "OMP_NUM_THREADS=4 OMP_THREAD_LIMIT=1" "OMP_NUM_THREADS=4 OMP_THREAD_LIMIT=3" "OMP_NUM_THREADS=16 OMP_DYNAMIC=true"; do
  ok "scores are those of all threads under $limits" bash -c "env $limits decode -q --device cpu -m trained.st --score <valid.st >scores"
  ok "and no number differs" close wanted.scores scores
  ok "training's losses are those of all threads under $limits" bash -c "$(declare -f few); export $limits; few >losses"
  ok "and no loss differs" close wanted losses
done
done_testing
