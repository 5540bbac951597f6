"""Makes of a clickwell model what the ONNX server needs: the dot product as a graph, and the encoder beside it."""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from design import read_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a model.json")
    parser.add_argument("--out", type=Path, required=True, help="folder of the graph and the encoder")
    options = parser.parse_args()

    model = read_model(options.model)
    weights = np.array(model["coefficients"], dtype=np.float64)[:, None]
    bias = np.array([model["intercept"]], dtype=np.float64)
    double = TensorProto.DOUBLE
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["logit"]),
            helper.make_node("Sigmoid", ["logit"], ["probability"]),
        ],
        "clicks",
        [helper.make_tensor_value_info("x", double, [None, len(weights)])],
        [helper.make_tensor_value_info("probability", double, [None, 1])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    options.out.mkdir(parents=True, exist_ok=True)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), options.out / "model.onnx")
    (options.out / "encoder.json").write_text(json.dumps(model["encoder"]))
    print(json.dumps({"columns": len(weights)}))


if __name__ == "__main__":
    main()
