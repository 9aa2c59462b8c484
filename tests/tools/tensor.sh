# tensor: looking into streams, merging, averaging, converting, and every bad input's error.
. "$(dirname "${BASH_SOURCE[0]}")/../shell.sh"

for i in $(seq 40); do echo "the old dog $i sees the small cat and the grey bird number $((i * 7))"; done >text
tokenize -q --learn --vocab-size 300 -o m.model text || exit 1
tokenize -m m.model text >a.st
cat a.st a.st a.st >three.st

# document HEADER DATA: one document made by hand
document() {
  local length=${#1} bytes=''
  for _ in 1 2 3 4 5 6 7 8; do
    bytes+=$(printf '\\x%02x' $((length % 256)))
    length=$((length / 256))
  done
  printf "$bytes"
  printf '%s' "$1"
  printf "$2"
}
weights() { document '{"__metadata__":{"storm.kind":"model","config":"{}"},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"n":{"dtype":"I32","shape":[],"data_offsets":[16,20]}}' "$1"; }
weights '\0\0\x80\x3f\0\0\0\x40\0\0\0\0\0\0\x80\xbf\x07\0\0\0' >one.st  # 1 2 0 -1
weights '\0\0\x40\x40\0\0\0\x40\0\0\0\x3f\0\0\x80\xbf\x09\0\0\0' >two.st # 3 2 0.5 -1
prints() { # prints WANTED COMMAND...: standard output is exactly this
  local wanted=$1
  shift
  "$@" >prints.out && printf "$wanted" | diff - prints.out
}

ok "ls shows documents, metadata and tensors" eval 'tensor ls a.st >ls.out && grep -q "^a.st: byte 0: tokens, 3 tensors" ls.out &&
  grep -qE "^  storm.columns +src$" ls.out && grep -qE "^  src.offsets +I64 +\[41\] +328$" ls.out'
ok "ls shows each document of a stream, from a pipe as from a file" eval '[ "$(tensor ls three.st | grep -c ": byte ")" = 3 ] && [ "$(tensor ls <three.st | grep -c ": byte ")" = 3 ]'
ok "ls --json prints one object a document" eval '[ "$(tensor ls --json three.st | grep -c "^{\"byte\":[0-9]*,\"size\".*}$")" = 3 ]'
ok "cat --tensor prints a matrix by rows" prints '1 2\n0 -1\n' tensor cat --tensor w one.st
ok "cat --tensor prints a scalar" prints '7\n' tensor cat --tensor n one.st
ok "cat --tensor --raw gives its bytes" eval 'tensor cat --tensor vocab --raw a.st | cmp - m.model'
ok "cat merges a stream into one document with the same rows" eval 'tensor cat three.st -o merged.st && [ "$(tensor ls merged.st | grep -c ": byte ")" = 1 ] &&
  cmp <(tokenize -d merged.st) <(cat text text text)'
ok "cat merges what comes through a pipe" eval 'cat three.st | tensor cat | cmp - merged.st'
ok "cat merges several files" eval 'tensor cat a.st three.st | tokenize -d | cmp - <(cat text text text text)'
ok "average is the mean; integers are the last file's" eval 'tensor average one.st two.st -o mean.st && prints "2 2\n0.25 -1\n" tensor cat -t w mean.st && prints "9\n" tensor cat -t n mean.st'
ok "average of one is itself" eval 'tensor average one.st | tensor cat -t w | cmp - <(tensor cat -t w one.st)'
ok "convert changes floats and nothing else" eval 'tensor convert --dtype bf16 one.st -o half.st && tensor ls half.st | grep -qE "w +BF16 +\[2, 2\] +8" &&
  prints "1 2\n0 -1\n" tensor cat -t w half.st && prints "7\n" tensor cat -t n half.st && tensor convert --dtype f32 half.st | tensor cat -t w | cmp - <(tensor cat -t w one.st)'
ok "convert takes f16 and f64, and streams" eval 'for t in f16 f64; do prints "1 2\n0 -1\n1 2\n0 -1\n" eval "cat one.st one.st | tensor convert --dtype $t | tensor cat -t w" || exit 1; done'

# BOOL, a matrix of F4 whose rows end within bytes, and a float.
foreign() { document '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"mask":{"dtype":"BOOL","shape":[2],"data_offsets":[4,6]},"q":{"dtype":"F4","shape":[2,3],"data_offsets":[6,9]},"scale":{"dtype":"F8_E4M3FNUZ","shape":[1,1],"data_offsets":[9,10]}}' "$1"; }
foreign '\0\0\x80\x3f\01\0abcx' >foreign.st
foreign '\0\0\x40\x40\0\01defy' >foreign2.st
ok "ls shows tensors of all dtypes of safetensors" eval 'tensor ls foreign.st >ls.out && grep -qE "^  mask   BOOL         \[2\]     2$" ls.out &&
  grep -qE "^  q      F4           \[2, 3\]  3$" ls.out && grep -qE "^  scale  F8_E4M3FNUZ  \[1, 1\]  1$" ls.out &&
  tensor ls --json foreign.st | grep -qF "{\"name\":\"q\",\"dtype\":\"F4\",\"shape\":[2,3],\"bytes\":3}"'
ok "cat --tensor --raw gives the bytes of any dtype" eval 'prints abc tensor cat --tensor q --raw foreign.st && prints "\01\0" tensor cat --tensor mask --raw foreign.st'
ok "cat merges any dtype" eval 'tensor cat foreign.st foreign2.st -o both.st && prints abcdef tensor cat -t q --raw both.st && prints xy tensor cat -t scale --raw both.st &&
  prints "1\n3\n" tensor cat -t w both.st && tensor ls both.st | grep -qE "^  q +F4 +\[4, 3\] +6$"'
ok "convert passes over what is no float of its own" eval 'tensor convert --dtype f16 foreign.st -o x16.st && prints "1\n" tensor cat -t w x16.st &&
  prints abc tensor cat -t q --raw x16.st && tensor convert --dtype f32 x16.st | cmp - <(tensor cat foreign.st)'
ok "average takes the last file's tensors of other dtypes" eval 'tensor average foreign.st foreign2.st -o x2.st && prints "2\n" tensor cat -t w x2.st && prints def tensor cat -t q --raw x2.st'

document '{"__metadata__":{"k\u001b]0;x\u0007":"v\u009b31m\n\u007f"},"w\u001b[2J":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' 'xxxx' >commands.st
commands() { # no byte that commands a terminal, and in JSON the names as they are
  tensor ls commands.st >ls.out && grep -q 'k?]0;x?  v?31m??$' ls.out && grep -q '  w?\[2J  F32 ' ls.out && tensor ls --json commands.st >json.out &&
    ! grep -P '[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}]' ls.out json.out && grep -qF '"k\u001b]0;x\u0007":"v\u009b31m\n\u007f"' json.out
}
ok "names and metadata that command a terminal are shown without" commands

refuses "a truncated file" 1 'short.st: byte 400: truncated, the document that began at byte 0' eval 'head -c 400 a.st >short.st; tensor ls short.st'
refuses "a truncated pipe" 1 'standard input: byte 400: truncated' eval 'tensor ls <short.st'
refuses "an empty file" 1 '/dev/null: byte 0: empty' tensor ls /dev/null
refuses "a text file" 1 'text: byte 0: not a tensor stream' tensor ls text
document '{"w":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}}' 'xxxx' >hostile.st
refuses "a shape that overflows" 1 "hostile.st: byte 0: bad header: tensor 'w': shape \[9223372036854775807\] is too large" tensor ls hostile.st
document '{"w":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}' 'xx' >nibble.st
refuses "a shape of half bytes" 1 "nibble.st: byte 0: bad header: tensor 'w': shape \[3\] of F4 ends within a byte" tensor ls nibble.st
document '{"w":{"dtype":"F9","shape":[1],"data_offsets":[0,2]}}' 'xx' >f9.st
refuses "a dtype that safetensors does not know" 1 "f9.st: byte 0: bad header: tensor 'w': unknown dtype 'F9'" tensor ls f9.st
refuses "values of a dtype that is not read" 1 "foreign.st: byte 0: tensor 'q' is F4, and only values of U8, I8, I32, I64, F16, BF16, F32, F64 can be read; --raw gives its bytes" tensor cat -t q foreign.st
document '{"w\nx":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}' 'xxxxxxxx' >hole.st
refuses "a hole, under a name with a line end" 1 "tensor 'w\?x' begins at byte 4" tensor ls hole.st
refuses "a file that is not there" 1 'nowhere.st: cannot open' tensor ls nowhere.st
refuses "a tensor that is not there" 1 "a.st: no document holds a tensor 'x'" tensor cat -t x a.st
refuses "an average of unlike documents" 1 'kind or config differs' tensor average one.st a.st -o x.st
refuses "an average of tokens" 1 'holds tokens, whose mean has no meaning' tensor average a.st a.st -o x.st
refuses "an average of a stream" 1 'three.st: byte [0-9]+: a second document' tensor average three.st -o x.st
refuses "a merge of unlike documents" 1 "a.st: byte 0: storm.kind is 'tokens', in the stream's first document 'model'" tensor cat one.st a.st -o x.st
weights '\0\0\x80\x7f\0\0\0\x40\xff\xff\x7f\x7f\0\0\x80\xbf\0\0\0\0' >huge.st
refuses "a value beyond f16" 1 "tensor 'w': a value is beyond the range of F16" tensor convert --dtype f16 huge.st -o x.st
ok "what failed has written no file" test ! -e x.st
refuses "a full disk" 1 'cannot write: No space left' eval 'tensor cat a.st >/dev/full'
# Vectors of words.
vectors="$here/tests/vectors/data"
imports() { tensor import "$vectors/fasttext.bin" -o f.st 2>import.err && grep -q "fastText's .bin, 18 words of 4 numbers" import.err && tensor ls f.st | grep -qE 'embeddings.subwords +2,4,60$' && tensor ls f.st | grep -qE 'embeddings.level +word$'; }
ok "a file of vectors is imported, whatever its name, and what it is is said" imports
piped() { cp "$vectors/words.bin" a.txt && tensor import -q a.txt -o a.st && tensor import -q - <a.txt | cmp - <(tensor import -q - <"$vectors/words.bin") && cat a.txt | tensor import -q - -o b.st && prints "$(tensor cat -t lines.vectors a.st)\n" tensor cat -t lines.vectors b.st; }
ok "and one from a pipe" piped
twice() { printf 'a 1\nb 2\na 3\n%s' "$(for i in 1 2 3 4 5 6; do echo 'b 0'; done)" >twice.txt && tensor import -q twice.txt -o twice.st 2>twice.err && prints '1\n2\n' tensor cat -t lines.vectors twice.st &&
  [ "$(wc -l <twice.err)" = 6 ] && grep -q "line 3: 'a' comes for the second time" twice.err && tail -n 1 twice.err | grep -q '2 more rows are left out'; }
ok "a word that comes twice keeps its first vector, with five warnings and a count" twice
printf '2 2\na 1 2\nb 3\n' >short.txt
refuses "a row that is too short is named by its line" 1 'short.txt: line 3: a row of 1 numbers, not of 2' tensor import short.txt -o lacking.st
ok "and nothing is left of the stream" eval '[ ! -e lacking.st ]'
refuses "a file that is none of vectors" 1 'LICENSE: neither an ARPA file .*, nor a file of vectors' tensor import "$here/LICENSE" -o x.st
refuses "--base with vectors" 2 '--base has no meaning with a file' tensor import short.txt --base one.st -o x.st

refuses "no command" 2 'give ls, cat, average, merge, convert, import or export' tensor
refuses "an unknown command" 2 "'list' is none of ls, cat" tensor list a.st
refuses "an unknown dtype" 2 "'int4' is none of f32" tensor convert --dtype int4 one.st
refuses "a flag of another command" 2 '--dtype goes with convert, not ls' tensor ls --dtype f32 a.st
refuses "an unknown flag" 2 'sort' tensor ls --sort a.st

python=${STORM_PYTHON:-python3}
if "$python" -c 'import numpy, safetensors' 2>/dev/null; then
  by_python() {
    "$python" -c 'import safetensors.numpy as s, numpy as n
w = s.load_file("mean.st")
assert w["w"].tolist() == [[2, 2], [.25, -1]] and w["n"].shape == () and w["n"] == 9
s.save_file({"a": n.arange(6, dtype=n.float64).reshape(2, 3), "b": n.array([1, 2], dtype=n.uint8)}, "py.st", {"k": "v"})' &&
      prints '0 1 2\n3 4 5\n' tensor cat -t a py.st && tensor ls py.st | grep -qE '^  k  v$'
  }
  every_dtype() { # a name that the package does not know makes it list those that it knows; 24 elements fill bytes in each
    "$python" -c 'import json, re, safetensors
def document(header, data):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data
try: safetensors.deserialize(document({"t": {"dtype": "?", "shape": [], "data_offsets": [0, 0]}}, b""))
except Exception as e: names = re.findall("`(\\w+)`", str(e))
header, end = {}, 0
for name in names:
    bits = 8 if name == "BOOL" else int(re.search("[0-9]+", name)[0])
    header[name] = {"dtype": name, "shape": [3, 8], "data_offsets": [end, end + 3 * bits]}
    end += 3 * bits
assert len(names) >= 8
open("every.st", "wb").write(document(header, bytes(i % 251 for i in range(end))))' &&
      tensor cat every.st -o copy.st && tensor cat every.st copy.st -o twice.st && "$python" -c 'import safetensors
every, copy, twice = (dict(safetensors.deserialize(open(f, "rb").read())) for f in ("every.st", "copy.st", "twice.st"))
assert every == copy
assert twice == {name: {"dtype": t["dtype"], "shape": [6, 8], "data": t["data"] * 2} for name, t in every.items()}'
  }
  ok "the safetensors package reads what tensor writes, and tensor what it writes" by_python
  ok "tensor copies and merges each dtype that the package knows, and the package reads the copy" every_dtype
else
  skip "the safetensors package and tensor read each other" "no Python with numpy and safetensors; name one in STORM_PYTHON"
fi
done_testing
