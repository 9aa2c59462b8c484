#!/usr/bin/env bash
# safetensors writes a NumPy array that is not in C order with the wrong values, and reports success.
#
# Library: safetensors 0.8.0 with NumPy 2.3.5 (PyPI).
# Expectation: safetensors.numpy.save writes the array that it is given, as numpy.save does, or refuses it, as
#   safetensors.torch.save refuses tensors that are not contiguous.
# Behaviour: it writes as many bytes as the array has from where its memory begins, whatever the strides: a transposed matrix is
#   stored as the elements of the matrix before it was transposed, under the transposed shape; every second element of a
#   vector is stored as its first half. The file is valid. 0.7.0 wrote the right values.
# Output seen:
#   safetensors 0.7.0: transposed [[0, 3], [1, 4], [2, 5]], read back [[0, 3], [1, 4], [2, 5]]
#   safetensors 0.7.0: every second [0, 2, 4], read back [0, 2, 4]
#   safetensors 0.8.0: transposed [[0, 3], [1, 4], [2, 5]], read back [[0, 1], [2, 3], [4, 5]]
#   safetensors 0.8.0: every second [0, 2, 4], read back [0, 1, 2]
# For its users: numpy.ascontiguousarray first. Whoever transposes weights for another program needs just this.
# Needs Python 3.11 with pip. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv python
cat >round.py <<'PY'
import numpy
import safetensors
import safetensors.numpy

vector = numpy.arange(6, dtype=numpy.int32)
for name, array in {"transposed": vector.reshape(2, 3).T, "every second": vector[::2]}.items():
    back = safetensors.numpy.load(safetensors.numpy.save({"x": array}))["x"]
    print(f"safetensors {safetensors.__version__}: {name} {array.tolist()}, read back {back.tolist()}")
PY
seen=$(for version in 0.7.0 0.8.0; do
  python/bin/pip install -q --disable-pip-version-check safetensors==$version numpy==2.3.5 >&2
  python/bin/python round.py
done)
echo "$seen"
diff <(sed -n 's/^#   \(safetensors .*\)/\1/p' "$script") <(echo "$seen") && echo "as it was found"
