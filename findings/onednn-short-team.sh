#!/usr/bin/env bash
# oneDNN's matrix product leaves out a part of its work, and reports success, when OpenMP delivers fewer threads than it was asked for.
#
# Library: oneDNN 3.2.0, GNU OpenMP (PyPI: onednn-cpu-gomp and onednn-devel-cpu-gomp 2023.2.0), as are Debian's 2.6.3 and 3.7.2, tried by hand.
# Expectation: OMP_THREAD_LIMIT, a standard variable of OpenMP (6.7 in its specification 5.2) that batch systems set, makes a
#   product slower. The whole of it is computed.
# Behaviour: with OMP_NUM_THREADS=4 and a limit of 1, three quarters of a 512 x 512 product are not written at all. dnnl_sgemm
#   returns dnnl_success. The work is cut for omp_get_max_threads(), and the shares of threads that did not come are nobody's.
# Output seen:
#   OMP_NUM_THREADS=4: status 0, 0 of 262144 not computed
#   OMP_NUM_THREADS=4 OMP_THREAD_LIMIT=3: status 0, 65536 of 262144 not computed
#   OMP_NUM_THREADS=4 OMP_THREAD_LIMIT=2: status 0, 131072 of 262144 not computed
#   OMP_NUM_THREADS=4 OMP_THREAD_LIMIT=1: status 0, 196608 of 262144 not computed
# For users of such libraries: ask for min(omp_get_max_threads(), omp_get_thread_limit()) threads before the first product.
# Needs gcc and pip. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip download -q --no-deps --disable-pip-version-check -d wheels onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0
for wheel in wheels/*.whl; do python3 -m zipfile -e "$wheel" packages; done
include=$(dirname "$(find packages -path '*/oneapi/dnnl/dnnl.h')")/../..
library=$PWD/$(dirname "$(find packages -name libdnnl.so.3)")
cat >product.c <<'C'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dnnl.h"

/* Fills C with NaN, multiplies, and counts what is NaN still. */
int main(void) {
  enum { n = 512 };
  float *a = malloc(sizeof(float) * n * n), *b = malloc(sizeof(float) * n * n), *c = malloc(sizeof(float) * n * n);
  for (int i = 0; i < n * n; ++i) a[i] = (float)(i % 7), b[i] = (float)(i % 5), c[i] = NAN;
  const dnnl_status_t status = dnnl_sgemm('N', 'N', n, n, n, 1, a, n, b, n, 0, c, n);
  int missing = 0;
  for (int i = 0; i < n * n; ++i) missing += isnan(c[i]) != 0;
  printf("status %d, %d of %d not computed\n", (int)status, missing, n * n);
  return 0;
}
C
gcc -O1 -fopenmp -I"$include" product.c -o product "$library/libdnnl.so.3" -Wl,-rpath,"$library" -lm
seen=$(for limit in "" OMP_THREAD_LIMIT=3 OMP_THREAD_LIMIT=2 OMP_THREAD_LIMIT=1; do
  echo "OMP_NUM_THREADS=4${limit:+ $limit}: $(env OMP_NUM_THREADS=4 OMP_DYNAMIC=false $limit ./product)"
done)
echo "$seen"
expected=$(sed -n 's/^#   \(OMP_NUM_THREADS=4.*\)/\1/p' "$script")
diff <(echo "$expected") <(echo "$seen") && echo "as it was found"
