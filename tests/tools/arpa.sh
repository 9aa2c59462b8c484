# ARPA files of n-gram models through tensor import and export.
source "$(dirname "$0")/../shell.sh"

cat >lm.arpa <<'END'
\data\
ngram 1=5
ngram 2=5
ngram 3=2

\1-grams:
-1.25	<unk>	0
-99	<s>	-0.30103
-0.75	</s>	0
-0.5	ein	-0.25
-0.875	Bär	-0.125

\2-grams:
-0.25	<s> ein	-0.5
-0.375	ein Bär	-0.0625
-0.3	Bär ein	-0.1
-0.6	ein <unk>	1e-08
-0.45	Bär </s>	0

\3-grams:
-0.125	<s> ein Bär
-0.2	ein Bär </s>

\end\
END
lines() { LC_ALL=C sort "$@"; } # n-grams come in another order

imports() { tensor import lm.arpa -o lm.st 2>import.err && grep -q 'lm.arpa: ARPA, 3-gram model of 5, 5, 2 n-grams$' import.err && tensor ls lm.st | grep -q '^lm.st: byte 0: ngram, ' && tensor ls lm.st | grep -qE 'ngram.counts +5,5,2$'; }
ok "an ARPA file is imported, and what it is is said" imports
exports() { tensor export lm.st out.arpa && lines out.arpa | diff - <(lines lm.arpa) && diff <(head -n 11 out.arpa) <(head -n 11 lm.arpa); }
ok "its export has the same lines" exports
again() { tensor import -q out.arpa -o again.st && tensor export again.st - | cmp - out.arpa; }
ok "and is read and written again to the byte, to standard output too" again
piped() { tensor import -q - -o piped.st < <(cat lm.arpa) && tensor export piped.st - | cmp - out.arpa && tensor import -q - <lm.arpa | cmp - <(cat lm.arpa | tensor import -q -); }
ok "a file comes from a pipe, or goes to one" piped
named() { cp lm.arpa vectors.txt && tensor import -q vectors.txt -o named.st && tensor export named.st - | cmp - out.arpa; }
ok "its content tells what it is, not its name" named
by_hand() { { printf 'made by hand\n\n' && sed '/<unk>/d; s/ngram 1=5/ngram 1=4/; s/ngram 2=5/ngram 2=4/; s/\t/ /g; s/$/\r\n\r/' lm.arpa; } | tensor import - -o hand.st 2>hand.err &&
  grep -q 'standard input: has no <unk>, which gets a log10 probability of -100$' hand.err && tensor export hand.st - | lines | diff - <(sed 's/^-1.25\t<unk>/-100\t<unk>/; /ein <unk>/d; s/ngram 2=5/ngram 2=4/' lm.arpa | lines); }
ok "text before it, CRLF, blank lines, spaces and a missing <unk> are read" by_hand
missing() { sed 's/^-0.2\t.*/-0.2\tein Bär ein/; /Bär ein\t/d; s/ngram 2=5/ngram 2=4/' lm.arpa | tensor import - -o missing.st 2>missing.err && grep -q '; of some, the last words are none of them$' missing.err && tensor ls missing.st | grep -qE 'ngram.suffixes +some$'; }
ok "an n-gram whose last words are missing is read, and a line says so" missing
folder() { tensor export lm.st to/lm.arpa 2>err; [ $? -eq 1 ] && [ "$(wc -l <err)" -eq 1 ] && mkdir to && tensor export lm.st to/lm.arpa && cmp to/lm.arpa out.arpa; }
ok "export writes where the path says" folder
closed() {
  awk 'BEGIN { print "\\data\\\nngram 1=40003\n\\1-grams:\n-1 <unk>\n0 <s>\n-1 </s>"; for (i = 0; i < 40000; ++i) print "-2 w" i; print "\\end\\" }' | tensor import -q - -o many.st || return 1
  (tensor export many.st -; echo $? >code) 2>err | head -c 1 >/dev/null
  [ "$(cat code)" -eq 141 ] && [ ! -s err ]
}
ok "a closed pipe ends the export quietly" closed

damaged() { sed "$1" lm.arpa >damaged.arpa && tensor import -q damaged.arpa -o bad.st; } # by a sed script
refuses "counts that lie" 1 '^tensor: damaged.arpa: line 20: the 2-grams end after 5, and .data. says 6$' damaged 's/ngram 2=5/ngram 2=6/'
refuses "a probability above 0" 1 '^tensor: damaged.arpa: line 15: a log10 probability of 0.375, which is above 0$' damaged 's/-0.375/0.375/'
refuses "an order that jumps" 1 "^tensor: damaged.arpa: line 4: 'ngram 4' stands where 'ngram 3' is wanted" damaged 's/ngram 3/ngram 4/'
refuses "a section that is missing" 1 "line 13: '.3-grams:' stands where .2-grams: is wanted" damaged 's/^.2-grams:/\\3-grams:/'
refuses "an n-gram that comes twice" 1 "line 16: the 2-gram 'ein Bär' comes for the second time" damaged 's/Bär ein/ein Bär/'
refuses "a file that was cut short" 1 'standard input: line 10: the file ends in the 1-grams after 4 of 5; was it cut short' eval 'head -n 10 lm.arpa | tensor import - -o bad.st'
ok "and leaves nothing behind" eval '[ ! -e bad.st ] && ! ls *.tmp 2>/dev/null | grep .'
refuses "--task with a file" 2 '--task has no meaning with a file; it goes with a folder' tensor import lm.arpa --task pair-regression -o bad.st
refuses "--save with export" 2 '--save has no meaning with export, which names its place' tensor export lm.st out.arpa -o x
refuses "an export onto the model itself" 2 'lm.st is what is read; give it another name' tensor export lm.st lm.st
refuses "an import onto its file" 2 'lm.arpa is what is read; give it another name' tensor import lm.arpa -o lm.arpa
refuses "an export from a pipe" 2 'export reads its document from a file, not from standard input' eval 'tensor export - out.arpa <lm.st'
refuses "a full disk" 1 'cannot write: No space left' tensor export lm.st /dev/full
# The counts of 2-grams and 3-grams: what is damaged is refused by the reader, and nothing is written.
LC_ALL=C sed 's/"5,5,2"/"5,2,5"/' lm.st >counts.st
refuses "a model whose tables are damaged" 1 'counts.st: byte 0: ' tensor export counts.st damaged.out
ok "and no file is made of it" test ! -e damaged.out
done_testing
