#!/usr/bin/env bash
# onnxruntime's quantize_dynamic refuses a graph that onnxruntime's own transformer optimiser wrote, unless it is told a type that it then does not use.
#
# Library: onnxruntime 1.32.0, onnx 1.23.2 (PyPI).
# Expectation: a graph is optimised (GELU fused), then its matrix products are quantised to int8: two steps of one package, in the order that
#   its guide for transformers gives.
# Behaviour: behind a fused node (its domain com.microsoft has no shape inference in onnx) a product's input has no known type, and quantize_dynamic ends with
#   a RuntimeError. With extra_options DefaultTensorType=FLOAT it works. The same graph before optimising is quantised without a word.
# Output seen:
#   as exported: quantised, 2 integer products
#   optimised: Gelu; RuntimeError: Unable to find data type for weight_name
#   optimised, with DefaultTensorType: quantised, 2 integer products
# For its users: give DefaultTensorType when quantising what was fused.
# Needs Debian 12 with python3-venv. Exit code 0: it is still so; 1: something has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q onnxruntime==1.32.0 onnx==1.23.2 numpy
cat >try.py <<'P'
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

draw = np.random.default_rng(1)
weight = lambda name, *shape: numpy_helper.from_array(draw.standard_normal(shape).astype(np.float32), name)
scalar = lambda name, x: numpy_helper.from_array(np.float32(x), name)
node = helper.make_node
graph = helper.make_graph(
    [node("MatMul", ["x", "up"], ["a"]), node("Add", ["a", "bias"], ["h"]),
     node("Div", ["h", "root2"], ["d"]), node("Erf", ["d"], ["e"]), node("Add", ["e", "one"], ["f"]),
     node("Mul", ["h", "f"], ["g"]), node("Mul", ["g", "half"], ["gelu"]), node("MatMul", ["gelu", "down"], ["m"]), node("Add", ["m", "x"], ["y"])],
    "feed-forward",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["tokens", 32])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["tokens", 32])],
    [weight("up", 32, 64), weight("bias", 64), weight("down", 64, 32), scalar("root2", np.sqrt(2)), scalar("one", 1), scalar("half", 0.5)])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "exported.onnx")
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
options.optimized_model_filepath = "optimised.onnx"
ort.InferenceSession("exported.onnx", options, providers=["CPUExecutionProvider"])


def told(path, **more):
    try:
        quantize_dynamic(path, "int8.onnx", weight_type=QuantType.QInt8, **more)
    except Exception as e:
        return f"{type(e).__name__}: {str(e).split('=')[0]}"
    return f"quantised, {sum(n.op_type == 'MatMulInteger' for n in onnx.load('int8.onnx').graph.node)} integer products"


fused = ", ".join(sorted({n.op_type for n in onnx.load("optimised.onnx").graph.node if n.domain == "com.microsoft"}))
print("as exported:", told("exported.onnx"))
print(f"optimised: {fused};", told("optimised.onnx"))
print("optimised, with DefaultTensorType:", told("optimised.onnx", extra_options={"DefaultTensorType": TensorProto.FLOAT}))
P
venv/bin/python try.py 2>/dev/null | tee seen
diff - seen <<'E'
as exported: quantised, 2 integer products
optimised: Gelu; RuntimeError: Unable to find data type for weight_name
optimised, with DefaultTensorType: quantised, 2 integer products
E
