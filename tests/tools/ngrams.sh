#!/usr/bin/env bash
# train --preset N-gram as a user runs it: from files, pipes and pieces, within a budget, and what it refuses.
source "$(dirname "$0")/../shell.sh"

# Words of natural frequencies, half of which hang on the one before.
awk 'BEGIN { srand(3); for (l = 0; l < 3000; ++l) { s = ""; b = 0; for (w = int(rand() * 12); w > 0; --w) { b = rand() < 0.5 ? int(1 / (rand() + 1e-4)) : (b * 7 + int(rand() * 3)) % 50; s = s " w" b } print substr(s, 2) } }' >text
count() { train -q --preset 3-gram "$@"; }
tables() { for t in 2 3; do tensor cat --tensor "ngram.$t" --raw "$1"; done; for t in log_probs backoffs next; do tensor cat --tensor "ngram.1.$t" "$1"; done; }

files() { count --data text -o a.st && count <text -o b.st && cat text | count -o c.st && tables a.st >a && tables b.st | cmp - a && tables c.st | cmp - a; }
ok "a file, standard input and a pipe give the same model" files
says() { train --preset 3-gram --data text -o s.st 2>said && grep -q '^train: 3000 sentences, [0-9]* tokens; n-grams of each order: [0-9]*, ' said; }
ok "a run says how much text there was, and how many n-grams of each order" says
stats() { count --stats --data text -o s.st 2>&1 | grep -q '"sentences": 3000, "tokens": '; }
ok "--stats has sentences, tokens and the n-grams of each order" stats
small() { for k in 1 2 3 4 5 6 7 8 9 10; do sed "s/w/w$k/g" text; done >long && count --data long -o l.st && count --memory 100K --threads 1 --data long -o m.st && tables l.st >a && tables m.st | cmp - a; }
ok "--memory and threads change no bit, when runs are on disk as well" small
orders() { for n in 1 2 4 5 6 7; do train -q --preset $n-gram --discount-fallback --data text -o n.st || return 1; [ "$(tensor ls n.st | grep -c 'ngram\.[2-7] ')" = $((n - 1)) ] || return 1; done; }
ok "models of all orders from 1 to 7" orders 2>/dev/null
counts() { tensor ls "$1" | sed -n 's/^  ngram.counts *//p'; }
pruned() {
  words=$(($(tr ' ' '\n' <text | grep . | sort -u | wc -l) + 3))
  count --prune 0,1 --data text -o p.st && [[ $(counts p.st) = $words,* && $(counts a.st) = $words,* ]] &&
    [ "$(counts p.st | cut -d, -f2)" -lt "$(counts a.st | cut -d, -f2)" ] && [ "$(counts p.st | cut -d, -f3)" -lt "$(counts a.st | cut -d, -f3)" ]
}
ok "--prune leaves out rare n-grams, and no words" pruned
pieces() {
  tokenize -q --learn --vocab-size 60 --no-byte-fallback -o spm.model text && tokenize -q -m spm.model text | count -o pieces.st &&
    tensor ls pieces.st | grep -q 'ngram.column  *src' && tensor cat --tensor vocab --raw pieces.st | cmp - spm.model
}
ok "a token stream's pieces are counted, and the model carries their vocabulary" pieces
words() { tokenize -q --learn --type list -o words.list text && tokenize -q -m words.list text | count -o words.st && tables words.st | cmp - <(tables a.st); }
ok "the words of a list are counted as plain words are" words
unknown() { sed 's/w1\b/<unk>/g' text | count -o u.st && [ "$(tensor cat --tensor ngram.1.log_probs u.st | head -1)" != "$(tensor cat --tensor ngram.1.log_probs a.st | head -1)" ]; }
ok "<unk> in a text is the unknown word, and is counted" unknown
fallback() { printf 'a b\nb a\n' >few && train --preset 2-gram --data few --discount-fallback -o f.st 2>said && grep -q 'warning: the discounts of the 1-grams cannot be estimated.*0.5, 1 and 1.5' said; }
ok "--discount-fallback says for which orders it was needed" fallback

printf 'a b\nb a\n' >few
refuses "a text without discounts names the flag that helps" 1 "few|discounts of the 1-grams cannot be estimated.*--discount-fallback" train --preset 2-gram --data few -o x.st
refuses "a sentence's begin in the text is refused with its line" 1 "standard input: line 2: holds <s>" count -o x.st < <(printf 'a\nb <s>\n')
refuses "a sentence's end in the text is refused with its line" 1 "line 1: holds </s>" count -o x.st < <(printf '</s>\n')
refuses "words that are no UTF-8 are refused with line and byte" 1 "line 2: invalid UTF-8 at byte 2" count -o x.st < <(printf 'a\nb \377\n')
refuses "a text without words" 1 "holds no word" count -o x.st < <(printf '\n \n')
refuses "a stream of two columns" 1 "has 2 columns" count -o x.st < <(paste text text | tokenize -q -m spm.model --columns src,tgt --empty keep)
refuses "an order out of range names those that are there" 2 "'8-gram' is none of .*7-gram" train --preset 8-gram --data text -o x.st
refuses "counts of --prune may not fall" 2 "1 after 2" count --prune 0,2,1 --data text -o x.st
refuses "--prune keeps single words" 2 "single words are never left out" count --prune 1 --data text -o x.st
refuses "--prune is not for more orders than there are" 2 "has 4 counts" count --prune 0,0,0,1 --data text -o x.st
refuses "flags of networks have no meaning" 2 "epochs has no meaning with --preset 3-gram" count --epochs 3 --data text -o x.st
refuses "flags of n-grams have none with networks" 2 "prune has no meaning with --preset tiny" train --preset tiny --prune 0,1 --data text -o x.st
refuses "a seed has no meaning" 2 "--seed has no meaning for n-gram models" count --seed 3 --data text -o x.st
refuses "a device is refused" 2 "counted on the CPU" count --device cuda --data text -o x.st
refuses "the text is not overwritten" 2 "is what --data reads" count --data text -o text
refuses "no output is named" 2 "-o MODEL is missing" count --data text
refuses "a folder for temporary files that is not there" 1 "cannot spool to /nowhere/at/all.*TMPDIR" env TMPDIR=/nowhere/at/all train -q --preset 3-gram --data text -o x.st
nothing() { [ ! -e x.st ]; }
ok "nothing is left of what was refused" nothing
done_testing
