#!/usr/bin/env bash
# safetensors with NumPy writes bfloat16 and cannot read what it wrote.
#
# Library: safetensors 0.8.0 with NumPy 2.3.5 and ml_dtypes 0.6.0 (PyPI).
# Expectation: safetensors.numpy refuses bfloat16, which NumPy does not have, or takes ml_dtypes' both ways.
# Behaviour: save takes ml_dtypes.bfloat16 and writes a valid file of BF16. load of that file ends with KeyError: 'BF16', without
#   the tensor's name; so does load of any file that holds one such tensor beside others.
# Output seen:
#   written: BF16 [2] c03f2040
#   read back: KeyError 'BF16'
# For its users: safe_open(path, "numpy").get_slice(name).get_dtype() tells which tensors these are; torch or ml_dtypes reads them.
# Needs Python 3.11 with pip. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
script=$(realpath "$0") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv python
python/bin/pip install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.3.5 ml_dtypes==0.6.0 >&2
seen=$(python/bin/python - <<'PY'
import json
import ml_dtypes
import numpy
import safetensors.numpy

stored = safetensors.numpy.save({"x": numpy.array([1.5, 2.5], dtype=ml_dtypes.bfloat16)})
data = 8 + int.from_bytes(stored[:8], "little")
entry = json.loads(stored[8:data])["x"]
print("written:", entry["dtype"], entry["shape"], stored[data:].hex())
try:
    print("read back:", safetensors.numpy.load(stored)["x"])
except Exception as e:
    print("read back:", type(e).__name__, e)
PY
)
echo "$seen"
diff <(sed -n 's/^#   \(written.*\|read back.*\)/\1/p' "$script") <(echo "$seen") && echo "as it was found"
