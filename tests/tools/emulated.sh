# The tools with --device cuda, on kernels that run on the CPU (tests/cuda/emulation): the same figures and files as without.
. "${STORM_ROOT:?}/tests/shell.sh"
build=$(cd "$here" && realpath "${BUILD:-build}")
programs=$(dirname "$(readlink -f "$(command -v train)")")
mkdir bin lib
ln -s "$programs/../lib/storm" lib/storm # where the tarball of make dist has its libraries
for tool in train decode embed attn-dump; do cp "$programs/$tool" bin; done
ln -s "$build/stand-in/emulated/libstorm_cuda.so" bin
export LD_LIBRARY_PATH=$build/stand-in STAND_IN_DEVICES=1

for i in $(seq 40); do echo "w$((i % 7)) w$((i * 5 % 11)) w$((i % 3))	w$((i % 3)) w$((i * 5 % 11)) w$((i % 7))"; done >train.tsv
head -n 12 train.tsv >test.tsv
cut -f1 train.tsv >train.src
tokenize -q --learn --no-byte-fallback --vocab-size 18 -o spm.model train.src
tokenize -q -m spm.model --columns src,tgt <train.tsv >train.st
tokenize -q -m spm.model --columns src,tgt <test.tsv >pairs.st
cut -f1 test.tsv | tokenize -q -m spm.model >test.st

training=(-q --data train.st --valid pairs.st --layers 1 --d-model 16 --d-ff 32 --heads 2 --max-tokens 100 --lr 0.01 --report-every 1)
bin/train "${training[@]}" --device cpu --steps 12 --log cpu.tsv -o cpu.st
trains() {
  bin/train "${training[@]}" --device cuda --steps 12 --log cuda.tsv -o cuda.st || return 1
  paste <(cut -f5 cpu.tsv) <(cut -f5 cuda.tsv) | awk 'NR > 1 { if (($1 - $2) ^ 2 > 1e-8) bad = 1 } END { exit bad || NR != 13 }'
}
ok "12 updates have the CPU's losses, to 1e-4" trains
resumes() {
  bin/train "${training[@]}" --device cuda --steps 6 -o half.st && bin/train "${training[@]}" --device cuda --steps 12 --resume -o half.st &&
    cmp <(tail -c 4096 half.st) <(tail -c 4096 cuda.st)
}
ok "a run that was ended and resumed has the same bits" resumes
says() { bin/train "${training[@]:1}" --device auto --steps 1 -o said.st 2>&1 | grep -E '^train: on .*\(cuda:0\)'; }
ok "--device auto takes the device and says which" says

# A model that has something to say: after 12 updates the best of all is to end at once.
bin/train "${training[@]}" --device cpu --warmup 20 --steps 200 -o cpu.st

# same WHAT COMMAND...: prints the same with --device cpu and cuda
same() { diff <("$@" --device cpu) <("$@" --device cuda) && [ -n "$("$@" --device cpu | head -c 1 | tr -d '\0')" ]; }
decodes() { bin/decode -q -m cpu.st --max-length 8 "$@" <test.st | tokenize -d; }
ok "beam search gives the CPU's translations" same decodes
listed() { decodes --nbest 3 --beam 4 "$@" | sed 's/ ||| [^ ]*$//'; } # scores may differ in their last digit
ok "... an n-best list" same listed
ok "... and greedy search" same decodes --beam 1
ok "... and an ensemble's" same decodes -m half.st
ok "sampling draws the CPU's samples" same decodes --sample --seed 3
ok "... of the likeliest few" same decodes --sample --seed 4 --top-k 5
begun() { bin/decode -q -m cpu.st --prefix --max-length 8 "$@" <pairs.st | tokenize -d; }
ok "outputs go on from prefixes as the CPU's" same begun
rounded() { for p in tf32 bf16 f16; do [ "$(decodes --device cuda --precision $p | wc -l)" = 12 ] || return 1; done; }
ok "products of every precision decode" rounded
scores() { bin/decode -q -m cpu.st --score "$@" <pairs.st; }
near() { paste <("$@" --device cpu) <("$@" --device cuda) | awk '{ for (i = 1; i <= NF / 2; ++i) if (($i - $(i + NF / 2)) ^ 2 > 1e-8) bad = 1; ++n } END { exit bad || n < 12 }'; }
ok "scores are within 1e-4" near scores
aligns() { bin/attn-dump -q -m cpu.st --align pharaoh "$@" <pairs.st; }
ok "word alignments are the CPU's" same aligns
neighbours() { bin/embed -q -m cpu.st --pool mean --nearest 2 --index index.st "$@" <test.st; }
bin/embed -q -m cpu.st --device cpu --pool mean -o index.st <test.st
ok "neighbours are the CPU's" same neighbours
done_testing
