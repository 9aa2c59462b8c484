# What all tools make of their words: operands, values, and the command that they record.
source "$(dirname "$0")/../shell.sh"

awk 'BEGIN { srand(1); for (i = 0; i < 200; ++i) { a = ""; k = 2 + int(rand() * 5); for (j = 0; j < k; ++j) a = a "w" int(rand() * 40) " "; print a "\t" a } }' >train.tsv
tokenize -q --learn --no-byte-fallback --vocab-size 46 -o spm.model <(cut -f1 train.tsv)
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
small=(--layers 1 --d-model 16 --d-ff 16 --heads 2 --max-tokens 400 --steps 2)

echo 'w1 w2' >a && echo 'w3 w4' >b && echo 'w5 w6' >a,b
comma() { [ "$(tokenize -q -m spm.model a,b | tokenize -d)" = 'w5 w6' ]; }
ok "a comma is a character of an operand's name" comma
refuses "and a file with a comma in its name that is not there is not two others" 1 'c,d: cannot open' bleu c,d -i a
score() { [ "$(bleu a,b -i a,b -b -w 2 --smooth-method floor | tr -d '\n')" = "$(bleu b -i b -b -w 2 --smooth-method floor | tr -d '\n')" ]; }
ok "nor does bleu take it for two references" score

cp spm.model $'a\nb'
newline() { tokenize -q --model=$'a\nb' a | tokenize -d | cmp - a; }
ok "a line end is a character of a value" newline
equals() { tokenize -q --model=spm.model a | tokenize -d | cmp - a; }
ok "a value may stand behind =" equals
refuses "a value that is no UTF-8 is told what it may be" 2 'activation: .* is none of relu, gelu, gelu-tanh, swish' train --data train.st --dry-run --activation $'\xff'
yes_no() { train -q --device cpu --data train.st --preset rnn-tiny --bidirectional no --d-model 8 --max-tokens 400 --steps 1 -o rnn.st; }
ok "a value that may be left out may stand behind a space" yes_no

cp train.st $'caf\xe9.st'
latin() { train -q --device cpu --data $'caf\xe9.st' "${small[@]}" -o latin.st && tensor ls latin.st | grep -q 'storm.command'; }
ok "a file name that is no UTF-8 does not keep a model from being written" latin
cp train.st "it's.st"
again() { train -q --device cpu --data "it's.st" "${small[@]}" -o it.st && eval "$(tensor ls it.st | sed -n 's/^ *storm.command *//p' | sed 's/it\.st/again.st/')" && cmp <(tail -c 500 it.st) <(tail -c 500 again.st); }
ok "a recorded command with an apostrophe can be run again" again
done_testing
