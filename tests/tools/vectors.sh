# embed of word vectors as a user runs it: plain words' neighbours, analogies, sums, odd ones, agreement with people, maps, two spaces in one.
source "$(dirname "$0")/../shell.sh"

known=$here/tests/vectors/data/known # scripts/vectors-fixtures
vectors=$known/vectors.st
subwords=$known/subwords.st
v() { embed -q -m "$vectors" "$@"; }
# figures KIND: the recorded lines of that kind, without it; fields KIND: the same with | between fields, of which some are empty
figures() { grep "^$1	" "$known/figures.tsv" | cut -f 2-; }
fields() { figures "$1" | tr '\t' '|'; }
# same_neighbours WANTED: "word score word score ..." as the last two fields of standard input have them
same_neighbours() { awk -F '\t' -v wanted="$1" 'BEGIN { n = split(wanted, w, " ") } { d = $(NF - 1) - w[2 * NR]; t = 2e-6 * (1 + w[2 * NR]); if ($NF != w[2 * NR - 1] || d > t || d < -t) exit bad = 1 } END { exit bad || 2 * NR != n }'; }

nearest() { fields similar | awk -F '|' '$1 !~ / / && $2 == ""' >single && [ -s single ] && while IFS='|' read -r word _ answer; do echo "$word" | v --nearest 7 | same_neighbours "$answer" || return 1; done <single; }
ok "--nearest of a word is gensim's most_similar, the word itself left out" nearest
by_line() { printf 'ako\n\nalo akon\n' | v --nearest 2 | cut -f 1,2 | tr '\t\n' '= ' | grep -qx '1=1 1=2 3=1 3=2 '; }
ok "a line's neighbours are numbered; an empty line has none" by_line
phrase() { echo 'alo akon' | v --nearest 200 >p.tsv && [ "$(wc -l <p.tsv)" -eq 123 ] && ! cut -f 4 p.tsv | grep -qx 'alo\|akon'; }
ok "of several words, none is a neighbour of their mean" phrase
composed() { fields composed | while IFS='|' read -r word _ answer; do echo "$word" | embed -q -m "$subwords" --nearest 5 | same_neighbours "$answer" || exit 1; done; }
ok "a word that only n-grams know has gensim's neighbours" composed
live() { # each answer must come before the next line is sent; read waits for it
  coproc PIPE { v --nearest 1; }
  local pid=$PIPE_PID in=${PIPE[1]} out=${PIPE[0]} answer n
  for n in 1 2 3; do
    echo ako >&"$in"
    read -r -t 60 answer <&"$out" && [ "$(cut -f 1 <<<"$answer")" = $n ] || return 1
  done
  exec {in}>&-
  wait "$pid"
}
ok "a line typed by hand is answered at once" live
sums() { # every recorded sum of words without spaces in them, by both scores
  for kind in similar:cosadd cosmul:cosmul; do
    fields "${kind%:*}" | while IFS='|' read -r plus minus answer; do
      v --score "${kind#*:}" --nearest 7 --arithmetic "$(sed 's/ / + /g' <<<"$plus")${minus:+ - ${minus// / - }}" | same_neighbours "$answer" || exit 1
    done || return 1
  done
}
ok "--arithmetic is gensim's most_similar and most_similar_cosmul" sums
ten() { [ "$(v --arithmetic 'ako - akon + alo' | wc -l)" -eq 10 ] && v --arithmetic '0.5*ako + ako' | cmp - <(v --arithmetic ako); }
ok "--arithmetic gives ten, and takes weights" ten
odd() { figures odd | cut -f 1 | v --odd-one-out | cut -f 3 | cmp - <(figures odd | cut -f 2); }
ok "--odd-one-out is gensim's doesnt_match" odd
analogies() {
  for rows in 100 125; do
    v --most-frequent $rows --analogy "$known/questions.txt" >a.tsv || return 1
    for kind in gensim compute-accuracy; do
      cmp <(awk -F '\t' -v kind=$kind '$2 == kind && (kind == "gensim" || $3 !~ / accuracy$/) { print $3 "\t" $4 "\t" (kind != "gensim" && $5 == 0 ? 1 : $5) }' a.tsv) \
        <(figures $kind | awk -F '\t' -v rows=$rows '$1 == rows { print $2 "\t" $3 "\t" $4 }') || return 1
    done
  done
}
ok "--analogy counts sections and totals as gensim and compute-accuracy do" analogies
several() { v --analogy "$known/questions.txt" "$known/questions.txt" >two.tsv && [ "$(wc -l <two.tsv)" -eq 41 ] && v --analogy "$known/questions.txt" | tail -n +2 | cmp - <(tail -n 20 two.tsv) && v --score cosmul --analogy "$known/questions.txt" | grep -q "gensim	Total accuracy	[1-9]"; }
ok "several files of questions are answered in one run, by 3CosMul, too" several
threads() { v --threads 1 --analogy "$known/questions.txt" | cmp - <(v --threads 3 --analogy "$known/questions.txt"); }
ok "the threads change nothing" threads
similar() { figures pairs | while IFS=$'\t' read -r rows spearman found; do v --most-frequent "$rows" --similarity "$known/pairs.tsv" >s.tsv && grep -qx "found	$found" s.tsv && grep -qx "pairs	61" s.tsv && grep -qx "spearman	$(printf %.6f "$spearman")" s.tsv || exit 1; done; }
ok "--similarity is gensim's evaluate_word_pairs, case and all, with the coverage" similar
coverage() { printf 'ako\tunheard\t1\nKo\tako\t2\n%s\t%s\t3\n' "$(echo dso | tr d D)" cmon >c.tsv && embed -m "$subwords" --similarity c.tsv "$known/pairs.tsv" >c.out && [ "$(grep -c ^file c.out)" -eq 2 ] && grep -qx 'found	3' c.out && grep -qx 'both words in the table	1' c.out; }
ok "words that are composed of n-grams are found, and not in the table" coverage
plotted() { printf 'ako\nalo akon\n' | v --plot p.tsv && tail -n +2 p.tsv | cut -f 3 | tr '\n' ' ' | grep -qx 'ako alo akon ' && printf 'ako\nalo akon\n' | v --pool mean --plot p.svg && grep -q '>alo akon<' p.svg; }
ok "--plot maps words, or lines with --pool" plotted
exported() { v --vocab --format text >v.txt && [ "$(head -n 1 v.txt)" = '125 12' ] && tail -n +2 v.txt | cut -d ' ' -f 2- | sed 's/ $//' >numbers && tensor cat -t lines.vectors "$vectors" | paste -d ' ' numbers - | awk '{ for (i = 1; i <= 12; ++i) if (($i - $(i + 12)) ^ 2 > 1e-10) exit 1 }'; }
ok "--vocab writes the table" exported
stream() { printf 'ako\n\nalo akon\n' | v --pool mean -o lines.st && tensor ls lines.st | grep -q 'F32 *\[3, 12\]' && printf 'ako\n\nalo akon\n' | v --static -o words.st && tensor ls words.st | grep -q 'F32 *\[3, 12\]' && tensor cat -t lines.offsets words.st | tr '\n' ' ' | grep -qx '0 1 1 3 '; }
ok "without a question, words' or lines' vectors are a stream" stream

# A model's table by its vocabulary, and the same words and rows as a stream.
awk 'BEGIN { srand(2); for (i = 0; i < 200; ++i) { l = ""; for (j = 0; j < 5; ++j) l = l "w" int(rand() * 40) " "; print l } }' | sed 's/ $//' >text
tokenize -q --learn --type list -o words.list text
tokenize -q -m words.list --columns text text | train -q --arch rnn-lm --layers 1 --d-model 12 --max-tokens 400 --steps 2 -o model.st 2>err || cat err
tail -n +6 words.list | tokenize -q -m words.list | embed -q -m model.st --static --level word -o table.st
m() { embed -q -m model.st --static "$@"; }
awk 'BEGIN { srand(3); print ": some"; for (i = 0; i < 60; ++i) print "w" int(rand() * 40), "w" int(rand() * 40), "w" int(rand() * 40), "W" int(rand() * 40) }' >questions
of_model() {
  m --arithmetic 'w1 - w2 + w3' | cmp - <(embed -q -m table.st --arithmetic 'w1 - w2 + w3') && m --arithmetic 'w1 - w2 + w3' | [ "$(wc -l)" -eq 10 ] &&
    m --analogy questions | cmp - <(embed -q -m table.st --analogy questions) && m --analogy questions | grep -q 'gensim	some	[0-9]*	60	60' &&
    echo w1 w2 w3 w4 | m --odd-one-out | cmp - <(echo w1 w2 w3 w4 | embed -q -m table.st --odd-one-out)
}
ok "a model's table is asked as word vectors are" of_model

# A copy of the table that is turned in two planes, and whose words have other names.
tensor cat -t lines.vectors "$vectors" | awk '{ a = $1; b = $2; $1 = 0.6 * a - 0.8 * b; $2 = 0.8 * a + 0.6 * b; a = $5; $5 = -$9; $9 = a; print }' >turned
python=${STORM_PYTHON:-python3}
if "$python" -c 'import numpy, safetensors' 2>/dev/null; then
  "$python" - "$vectors" <<'EOF'
import sys, numpy, safetensors, safetensors.numpy
old = safetensors.safe_open(sys.argv[1], "np")
t = {k: old.get_tensor(k) for k in old.keys()}
t["lines.vectors"] = numpy.loadtxt("turned", dtype="f4")
text, o = t["texts.bytes"].tobytes(), t["texts.offsets"]
words = ["über-".encode() + text[a:b] for a, b in zip(o, o[1:])]
t["texts.bytes"] = numpy.frombuffer(b"".join(words), dtype="u1")
t["texts.offsets"] = numpy.cumsum([0] + [len(w) for w in words])
safetensors.numpy.save_file(t, "other.st", old.metadata())
open("all.tsv", "w").writelines(f"{text[a:b].decode()}\t{w.decode()}\n" for a, b, w in zip(o, o[1:], words))
EOF
  head -n 80 all.tsv >train.tsv
  tail -n 45 all.tsv >held-out.tsv
  aligned() { v --align other.st --dictionary train.tsv --test-dictionary held-out.tsv -o turned.st >figures.out && grep -qx 'used	80' figures.out && grep -qx 'mean cosine	1.000000' figures.out && grep -qx 'found	45' figures.out && grep -qx 'precision@1	1.000000' figures.out; }
  ok "--align finds a rotation, and held-out words their translations" aligned
  bilingual() { cut -f 1 all.tsv | embed -q -m turned.st --nearest 1 --index other.st >b.tsv && cut -f 4 b.tsv | cmp - <(cut -f 2 all.tsv) && awk -F '\t' '$3 < 0.99999 { exit 1 }' b.tsv; }
  ok "what it writes has neighbours in the other space" bilingual
  grams() { embed -q -m "$subwords" --align other.st --dictionary train.tsv -o g.st >/dev/null && diff <(echo unheard | embed -q -m "$subwords" --nearest 5) <(echo unheard | embed -q -m g.st --nearest 5); }
  ok "n-grams are turned, too" grams
  "$python" - "$vectors" <<'EOF'
import sys, numpy, safetensors, safetensors.numpy
old = safetensors.safe_open(sys.argv[1], "np")
t = {k: old.get_tensor(k) for k in old.keys()}
t["lines.vectors"] = numpy.zeros((125, 12), dtype="f4")
safetensors.numpy.save_file(t, "zero.st", old.metadata())
EOF
  # Vectors of pieces, which carry their vocabulary, in another order than its own.
  awk 'BEGIN { srand(4); n = split("ka lo mi tu", part, " "); for (i = 0; i < 300; ++i) { l = ""; for (j = 0; j < 4; ++j) l = l part[1 + int(rand() * n)] (rand() < 0.6 ? " " : ""); print l } }' | sed 's/ $//' >syllables
  tokenize -q --learn --no-byte-fallback --vocab-size 30 -o spm.model syllables
  tokenize -q -m spm.model --columns text syllables | train -q --arch rnn-lm --layers 1 --d-model 12 --max-tokens 400 --steps 2 -o pieces-model.st
  embed -q -m pieces-model.st --vocab -o pieces.txt
  "$python" - <<'EOF'
import random, numpy, safetensors.numpy
rows = [line.rstrip("\n").split(" ") for line in open("pieces.txt", encoding="utf-8")][1:]
random.Random(1).shuffle(rows)
texts = [r[0].encode() for r in rows]
t = {"lines.vectors": numpy.array([r[1:] for r in rows], dtype="f4"), "lines.offsets": numpy.arange(len(rows) + 1),
     "texts.bytes": numpy.frombuffer(b"".join(texts), dtype="u1"), "texts.offsets": numpy.cumsum([0] + [len(x) for x in texts]),
     "vocab": numpy.frombuffer(open("spm.model", "rb").read(), dtype="u1")}
safetensors.numpy.save_file(t, "pieces.st", {"storm.kind": "embeddings", "storm.version": "1", "embeddings.layer": "static", "embeddings.level": "piece"})
EOF
  p() { embed -q -m pieces.st "$@"; }
  of_pieces() {
    p --arithmetic 'ka - lo + mi' >p.out && [ -s p.out ] && cmp p.out <(embed -q -m pieces-model.st --static --arithmetic 'ka - lo + mi') && ! grep '▁' p.out &&
      echo 'ka' | p --nearest 3 | [ "$(wc -l)" -eq 3 ] && ! echo 'ka' | p --nearest 30 | grep -q '▁ka$' && echo 'katulomi' | p --nearest 1 >/dev/null && [ "$(p --vocab | wc -l)" -eq 31 ]
  }
  ok "vectors of pieces are asked for words, which their vocabulary cuts" of_pieces
  refuses "a word that the pieces cannot spell" 1 "line 1: 'qq' has no row in pieces.st, nor have all of its pieces" eval 'echo qq | embed -m pieces.st --nearest 1'
  refuses "--align of pieces" 1 'pieces.st: its rows are pieces of a vocabulary' embed -m pieces.st --align other.st --dictionary train.tsv
  refuses "a zero vector's neighbours" 1 "line 1, 'ako': its vector is zero" eval 'echo ako | embed -m zero.st --nearest 2'
  refuses "a zero vector in a sum" 1 "the vector of 'ako' is zero" embed -m zero.st --arithmetic ako
  refuses "a zero vector among others" 1 "line 1: the vector of 'ako' is zero" eval 'echo ako alo akon | embed -m zero.st --odd-one-out'
  refuses "a zero vector in a question" 1 "zero.st: the vector of '.*' is zero" embed -m zero.st --analogy "$known/questions.txt"
  refuses "a zero vector in a pair" 1 'pairs.tsv: line [0-9]+: the vector of .* is zero' embed -m zero.st --similarity "$known/pairs.tsv"
  refuses "a zero vector in a dictionary" 1 "zero.st: the vector of '.*' is zero" embed -m zero.st --align other.st --dictionary train.tsv
else
  skip "--align, and vectors of zeros" "no Python with numpy and safetensors; name one in STORM_PYTHON"
fi

refuses "an unknown word" 1 "line 2: 'nowhere' has no row in .*vectors.st, which has no n-grams" eval 'printf "ako\nnowhere\n" | embed -m "$vectors" --nearest 2'
refuses "a line that is no UTF-8" 1 'line 1: not valid UTF-8' eval 'printf "\377\n" | embed -m "$vectors" --nearest 2'
for flag in '--layer 1' '--mix 1,2' '--max-tokens 9' '--device cpu' '--level word --word-pool first'; do
  refuses "$flag of word vectors" 2 "has no meaning with word vectors" eval "embed -m '$vectors' $flag </dev/null"
done
refuses "--layer, and why" 2 '--layer has no meaning with word vectors: .* holds a row for each word, and no network' embed -m "$vectors" --layer 1
refuses "--level piece of word vectors" 2 '--level piece has no meaning with word vectors' embed -m "$vectors" --level piece
refuses "a pool that word vectors lack" 2 '--pool cls has no meaning with word vectors, which know mean and max' embed -m "$vectors" --pool cls
refuses "a model's words of another layer" 2 '--arithmetic asks the words of the embedding table; give --static' embed -m model.st --arithmetic w1
refuses "an unknown word of a sum" 1 "--arithmetic: 'nowhere' is no word of .*vectors.st" embed -m "$vectors" --arithmetic 'ako - nowhere'
refuses "a sum without a sign" 2 "--arithmetic: 'ako alo': column 5: \+ or - is wanted before 'alo'" embed -m "$vectors" --arithmetic 'ako alo'
refuses "a sum that ends in a sign" 2 'column 6: a word is wanted' embed -m "$vectors" --arithmetic 'ako +'
refuses "no sum" 2 'column 1: a word is wanted' embed -m "$vectors" --arithmetic ''
refuses "a sum of zeros" 1 'the sum is zero' embed -m "$vectors" --arithmetic 'ako - ako'
refuses "weights with cosmul" 2 '--score cosmul weighs no words' embed -m "$vectors" --score cosmul --arithmetic '2*ako + alo'
refuses "two words, of which none is odd" 1 'line 2: .*fewer than three words' eval 'printf "ako alo akon\nako alo\n" | embed -m "$vectors" --odd-one-out'
printf ': some\nako alo akon alon\nako alo akon\n' >three
refuses "a question of three words" 1 'three: line 3: 3 words, not the four of a question' embed -m "$vectors" --analogy three
refuses "a question without a section" 1 'line 1: a question before the first section' eval 'echo a b c d >q; embed -m "$vectors" --analogy q'
refuses "no questions" 1 'holds no question' eval ': >q; embed -m "$vectors" --analogy q'
refuses "no known question" 1 'no question has four words that are among the 125 most frequent' eval 'printf ": x\nq w e r\n" >q; embed -m "$vectors" --analogy q'
refuses "no known pair" 1 '0 of 1 pairs have words' eval "printf 'q\tw\t1\n' >q; embed -m '$vectors' --similarity q"
refuses "no pairs" 1 'holds no pair of words' eval ': >q; embed -m "$vectors" --similarity q'
refuses "a missing dictionary" 2 '--align needs --dictionary FILE' embed -m "$vectors" --align "$vectors"
refuses "a model for --align" 1 'model.st: --align takes streams of word vectors' eval "printf 'a\tb\n' >d; embed -m model.st --align '$vectors' --dictionary d"
refuses "a dictionary that is none" 1 'd: line 1: not source TAB target' eval 'echo a >d; embed -m "$vectors" --align "$vectors" --dictionary d'
refuses "a dictionary of unknown words" 1 'none of the 1 pairs of the dictionary' eval "printf 'q\tw\n' >d; embed -m '$vectors' --align '$vectors' --dictionary d"
refuses "--align to standard output" 2 '--align prints figures on standard output' embed -m "$vectors" --align "$vectors" --dictionary d -o -
refuses "--most-frequent of a model's pairs" 2 '--most-frequent has no meaning with the --similarity of a model' embed -m model.st --static --similarity "$known/pairs.tsv" --most-frequent 9
refuses "two questions at once" 2 'give one of --nearest, --arithmetic' embed -m "$vectors" --analogy q --odd-one-out
refuses "--score of neighbours" 2 '--score has no meaning without --analogy or --arithmetic' embed -m "$vectors" --nearest 2 --score cosmul
refuses "--most-frequent of neighbours" 2 '--most-frequent has no meaning without' embed -m "$vectors" --nearest 2 --most-frequent 9
refuses "--dictionary alone" 2 '--dictionary has no meaning without --align' embed -m "$vectors" --dictionary d
refuses "--pool with --analogy" 2 '--pool has no meaning with --analogy, which asks words' embed -m "$vectors" --analogy q --pool mean
refuses "--dtype with --arithmetic" 2 '--dtype has no meaning' embed -m "$vectors" --arithmetic ako --dtype f16
refuses "an unknown score" 2 "--score: 'add' is none of cosadd, cosmul" embed -m "$vectors" --analogy q --score add
ok "nothing half-written is left" bash -c '! ls *.tmp 2>/dev/null | grep .'
done_testing
