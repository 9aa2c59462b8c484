# What train does against learning by heart: each flag learns, resumes to the bit, and says where it has no meaning.
source "$(dirname "$0")/../shell.sh"

reversed_language 300
tokenize -q --learn --no-byte-fallback --vocab-size 29 -o bpe.model train.src train.tgt
tokenize -q -m bpe.model --columns src,tgt <train.tsv >train.st
head -n 40 train.tsv | tokenize -q -m bpe.model --columns src,tgt >valid.st
training=(-q --data train.st --valid valid.st --layers 1 --d-model 32 --d-ff 64 --heads 2 --dropout 0.1 --max-tokens 300
  --warmup 20 --lr 0.01 --validate-every 20 --report-every 5)
bits() { for name in $(tensor ls "$1" | awk 'NR > 1 && $2 ~ /F32/ { print $1 }'); do tensor cat -q --tensor "$name" --raw "$1"; done | sha256sum; }

train "${training[@]}" --steps 40 -o plain.st
resumes() { # FLAGS...
  rm -f whole.st* parts.st*
  train "${training[@]}" "$@" --steps 40 --log whole.tsv -o whole.st && train "${training[@]}" "$@" --steps 20 -o parts.st &&
    train "${training[@]}" "$@" --steps 40 --resume -o parts.st && [ "$(bits whole.st)" = "$(bits parts.st)" ] &&
    [ "$(bits whole.st.checkpoint)" = "$(bits parts.st.checkpoint)" ] && [ "$(bits whole.st)" != "$(bits plain.st)" ] &&
    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == "valid_loss") c = i } $c != "" { last = $c } END { print last; exit !(last < 3.6) }' whole.tsv
}
ok "--r-drop learns, and resumes to the bit" resumes --r-drop 3
ok "--ema learns, and resumes to the bit" resumes --ema 0.9
ok "--bpe-dropout learns, and resumes to the bit" resumes --bpe-dropout 0.1
ok "--switchout does" resumes --switchout 0.3
ok "--word-dropout does" resumes --word-dropout 0.05
ok "--layer-drop does, norms in front" resumes --layer-drop 0.1 --norm pre
ok "--layer-drop does, norms behind" resumes --layer-drop 0.1
ok "--drop-head does" resumes --drop-head 0.1
ok "--accumulate-warmup does" resumes --accumulate 2 --accumulate-warmup 10
ok "all of them do" resumes --r-drop 1 --ema 0.8 --bpe-dropout 0.1 --switchout 0.1 --word-dropout 0.02 --layer-drop 0.05 --drop-head 0.05 --accumulate 2 --accumulate-warmup 10
off() { train "${training[@]}" --steps 40 --r-drop 0 --ema 0 --bpe-dropout 0 --switchout 0 --word-dropout 0 --layer-drop 0 --drop-head 0 --restarts 0 --accumulate-warmup 0 -o off.st && [ "$(bits off.st.checkpoint)" = "$(bits plain.st.checkpoint)" ]; }
ok "off, they leave the bits alone" off

cut -f 1 train.tsv | tokenize -q -m bpe.model --columns text >text.st
refuses "--bpe-dropout of running text" 2 "bpe-dropout: language-model counts pieces" train -q --data text.st --preset gpt-tiny --bpe-dropout 0.1 --steps 1 -o lm.st
refuses "--r-drop of streams" 2 "r-drop runs each row twice" train -q --data text.st --preset rnn-lm-tiny --streams 2 --block 8 --r-drop 1 --steps 1 -o lm.st
tokenize -q --learn --type wordpiece --vocab-size 30 -o wp.json train.src
cut -f 1 train.tsv | sed 'n;G' | tokenize -q -m wp.json --columns text >docs.st
refuses "--switchout of masked words" 2 "switchout: masked-language-model has no words" train -q --data docs.st --preset bert-tiny --switchout 1 --steps 1 -o bert.st
lm() { train -q --data text.st --preset gpt-tiny --layers 1 --d-model 32 --heads 2 --switchout 0.3 --word-dropout 0.1 --layer-drop 0.1 --drop-head 0.1 --r-drop 1 --ema 0.9 --steps 30 --max-tokens 500 --log lm.tsv -o lm.st && [ "$(tail -n 1 lm.tsv | cut -f 1)" = 30 ]; }
ok "a language model takes all but --bpe-dropout" lm
refuses "--restarts of what does not end" 2 "restarts: inverse-sqrt does not end" train -q --data train.st --preset tiny --restarts 2 --steps 1 -o lm.st
refuses "--accumulate-warmup to one batch" 2 "accumulate-warmup: an update has one batch" train -q --data train.st --preset tiny --accumulate-warmup 2 --steps 1 -o lm.st
refuses "a rate that is none" 2 "bpe-dropout" train -q --data train.st --preset tiny --bpe-dropout 1.5 --steps 1 -o lm.st
refuses "a decay that is none" 2 "ema" train -q --data train.st --preset tiny --ema 1 --steps 1 -o lm.st
tokenize -q --learn --type list -o words.model train.src train.tgt
tokenize -q -m words.model --columns src,tgt <train.tsv >words.st
refuses "--bpe-dropout of a list of words" 1 "BPE-dropout needs a BPE model" train -q --data words.st --preset tiny --bpe-dropout 0.1 --steps 1 -o lm.st
done_testing
