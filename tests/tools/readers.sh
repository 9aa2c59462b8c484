# The readers of data in scripts/: CoNLL's columns and SQuAD's JSON as rows for tokenize.
. "$(dirname "${BASH_SOURCE[0]}")/../shell.sh"
conll=$here/scripts/conll squad=$here/scripts/squad

printf -- '-DOCSTART- -X- -X- O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\n\nGerman JJ I-NP B-MISC\r\n' >a.conll
printf 'New\tB-LOC\nYork \tI-LOC\n\t\n-DOCSTART-\n@user\tO' >b.conll
ok "sentences become rows of words and tags" eval '"$conll" a.conll b.conll >rows && printf "EU rejects\tB-ORG O\nGerman\tB-MISC\nNew York\tB-LOC I-LOC\n@user\tO\n" | cmp - rows'
ok "standard input is read where no file is named" eval '"$conll" <b.conll | diff - <("$conll" b.conll)'
ok "columns are chosen" eval '[ "$("$conll" --word 2 --tag 3 a.conll)" = "$(printf "NNP VBZ\tI-NP I-VP\nJJ\tI-NP")" ]'
ok "words or tags alone" eval '[ "$("$conll" --only tags b.conll)" = "$(printf "B-LOC I-LOC\nO")" ] && [ "$("$conll" --only words b.conll)" = "$(printf "New York\n@user")" ]'
ok "a file's name may look like an assignment" eval 'cp b.conll only=x && "$conll" only=x | diff - <("$conll" b.conll)'
ok "tags alone are what f1 reads" eval '"$conll" --only tags a.conll >tags && f1 -q tags --spans iob2 -b -m entity_f1 <tags | grep -qx 1.0000'
refuses "a line of other columns names file and line" 1 '^conll: c.conll: line 2: 1 columns, but 2 before it$' sh -c 'printf "a O\nb\n" >c.conll; "$1" c.conll' . "$conll"
refuses "a word without a tag" 1 'c.conll: line 1: the word is the tag' sh -c 'printf "a\n" >c.conll; "$1" c.conll' . "$conll"
refuses "an empty tag" 1 'standard input: line 1: no tag' sh -c 'printf "a\t\n" | "$1"' . "$conll"
refuses "a word that would be two" 1 'line 2: a space in "x y"' sh -c 'printf "a\tO\nx y\tO\n" | "$1"' . "$conll"
refuses "a column that is not there" 1 'line 1: no column 3, only 2' sh -c 'echo a O | "$1" --tag 3' . "$conll"
refuses "a column that is no number" 2 'tag needs the number' "$conll" --tag x
refuses "an unknown argument" 2 'unknown argument' "$conll" --words
refuses "a missing file" 1 'missing: cannot open' "$conll" missing
ok "nothing is written before an error" eval '! printf "a O\n\nb\n" | "$conll" >out 2>/dev/null && [ ! -s out ]'

if ! python3 -c '' 2>/dev/null; then
  skip "SQuAD's JSON" "there is no python3"
  done_testing
fi
cat >squad.json <<'END'
{"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "Caf\u00e9\n\ud83d\ude00 the\tcat sat.", "qas": [
 {"id": "1", "question": " Who\nsat? ", "answers": [{"text": "the\tcat", "answer_start": 7}, {"text": "cat", "answer_start": 11}]},
 {"id": "2", "question": "Why?", "is_impossible": true, "answers": [], "plausible_answers": [{"text": "cat", "answer_start": 11}]}]}]}]}
END
ok "questions become rows with the bytes of their answers" eval '"$squad" squad.json >rows &&
  printf "Who sat?\tCafé 😀 the cat sat.\t11\t18\nWhy?\tCafé 😀 the cat sat.\t0\t0\n" | cmp - rows && [ "$(cut -f2 rows | head -1 | cut -b12-18)" = "the cat" ]'
ok "all answers of a question are a line" eval '"$squad" --answers squad.json >answers && printf "the cat\tcat\n\n" | cmp - answers'
ok "they are what f1 reads" eval '[ "$(printf "Cat\n\n" | f1 answers --squad -b)" = "$(printf "1.0000\n1.0000")" ]'
refuses "an answer elsewhere" 1 "^squad: far.json: question 1: the answer 'cat' is not at character 12" sh -c 'sed "s/start\": 11/start\": 12/" squad.json >far.json; "$1" far.json' . "$squad"
refuses "what is no JSON" 1 'rows: not JSON in UTF-8' "$squad" rows
refuses "JSON of something else" 1 "other.json: not as SQuAD's files are: KeyError: 'data'" sh -c 'echo "{}" >other.json; "$1" other.json' . "$squad"
refuses "a missing file" 1 'missing: No such file' "$squad" missing
refuses "no file" 2 'no file given' "$squad"
refuses "an unknown argument" 2 "unknown argument '--all'" "$squad" --all squad.json
done_testing
