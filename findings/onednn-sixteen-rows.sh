#!/usr/bin/env bash
# With AVX-512, oneDNN multiplies 16 rows by transposed weights far slower than the same 16 rows in two products of 8.
#
# Library: oneDNN 3.2.0, GNU OpenMP (PyPI: onednn-cpu-gomp and onednn-devel-cpu-gomp 2023.2.0); Debian's 2.6.3, tried by hand, does the same.
# Expectation: a product of twice as many rows with the same weights takes at most twice as long, rather less, since the weights are
#   read once; and a CPU's AVX-512 kernels are no slower than its AVX2 kernels.
# Behaviour: up to 15 rows dnnl_sgemm(N, T) reads the weights as they lie; from 16 on its AVX-512 kernels rearrange them first, which
#   takes longer than the product. Under ONEDNN_MAX_CPU_ISA=AVX2 the same 16 rows are done sooner, in less time than two products of 8.
#   This is the shape of one step of generation for 16 texts, y[16, n] = x[16, k] W[n, k]^T, as PyTorch and others store W.
# Output seen (two threads, two Zen 4 cores: 4 times the time or more with AVX-512, two thirds of it with AVX2):
#   16 rows take longer than two products of 8, AVX-512: yes
#   16 rows take longer than two products of 8, AVX2: no
#   16 rows are faster with AVX2 than with AVX-512: yes
# For users of such libraries: measure around 16 rows; do a batch of 16 to 31 rows as two, or bring a kernel of your own.
# Needs a CPU with AVX-512, gcc and pip. Exit code 0: it is still so; 1: something has changed; 77: no such CPU.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -qw avx512f /proc/cpuinfo || { echo "skipped: this CPU has no AVX-512"; exit 77; }
cd "$work"
python3 -m pip download -q --no-deps --disable-pip-version-check -d wheels onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0
for wheel in wheels/*.whl; do python3 -m zipfile -e "$wheel" packages; done
include=$(dirname "$(find packages -path '*/oneapi/dnnl/dnnl.h')")/../..
library=$PWD/$(dirname "$(find packages -name libdnnl.so.3)")
cat >product.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "dnnl.h"

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Microseconds of a product of 16 rows and of two of 8: the least of 40 turns each, taken alternately. */
int main(void) {
  enum { m = 16, n = 768, k = 3072 };
  float *x = malloc(sizeof(float) * m * k), *w = malloc(sizeof(float) * n * k), *y = malloc(sizeof(float) * m * n);
  for (int i = 0; i < m * k; ++i) x[i] = (float)(i % 7);
  for (int i = 0; i < n * k; ++i) w[i] = (float)(i % 5);
  double one = 1, two = 1;
  for (int turn = 0; turn < 40; ++turn) {
    double from = seconds();
    dnnl_sgemm('N', 'T', m, n, k, 1, x, k, w, k, 0, y, n);
    double took = seconds() - from;
    if (took < one) one = took;
    from = seconds();
    for (int half = 0; half < 2; ++half) dnnl_sgemm('N', 'T', m / 2, n, k, 1, x + half * m / 2 * k, k, w, k, 0, y + half * m / 2 * n, n);
    took = seconds() - from;
    if (took < two) two = took;
  }
  printf("%.0f %.0f\n", 1e6 * one, 1e6 * two);
  return 0;
}
C
gcc -O1 -fopenmp -I"$include" product.c -o product "$library/libdnnl.so.3" -Wl,-rpath,"$library"
export OMP_NUM_THREADS=2
read -r wide wide_halves < <(./product)
read -r narrow narrow_halves < <(ONEDNN_MAX_CPU_ISA=AVX2 ./product)
echo "microseconds of 16 rows, of twice 8: AVX-512 $wide, $wide_halves; AVX2 $narrow, $narrow_halves" >&2
longer() { [ $(($1 * 10)) -gt $(($2 * 13)) ] && echo yes || echo no; } # by more than noise
seen="16 rows take longer than two products of 8, AVX-512: $(longer "$wide" "$wide_halves")
16 rows take longer than two products of 8, AVX2: $(longer "$narrow" "$narrow_halves")
16 rows are faster with AVX2 than with AVX-512: $(longer "$wide" "$narrow")"
echo "$seen"
expected=$(sed -n 's/^#   \(16 rows .*: \(yes\|no\)\)$/\1/p' "$script")
diff <(echo "$expected") <(echo "$seen") && echo "as it was found"
