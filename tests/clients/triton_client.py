"""Calls an Open Inference server with NVIDIA's client. Arguments: ORIGIN; rows as JSON on standard input."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

DATATYPES = {
    "requested": "FP64",
    "annual_income": "FP32",
    "apr": "FP64",
    "loan_purpose": "BYTES",
    "credit": "BYTES",
    "lender_id": "INT64",
}


def tensors(rows, binary):
    inputs = []
    for name, datatype in DATATYPES.items():
        values = [row[name] for row in rows]
        if datatype == "BYTES":
            array = np.array(values, dtype=object)
        elif datatype == "INT64":
            array = np.array(values, dtype=np.int64)
        else:
            dtype = np.float64 if datatype == "FP64" else np.float32
            array = np.array([np.nan if value is None else value for value in values], dtype=dtype)
        tensor = triton.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    return inputs


def error_of(work):
    try:
        work()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    return None


def main():
    origin, rows = sys.argv[1], json.load(sys.stdin)
    client = triton.InferenceServerClient(origin.removeprefix("http://"))

    def infer(model="clickwell", binary=True, binary_output=None, **options):
        if binary_output is not None:
            options["outputs"] = [triton.InferRequestedOutput("probability", binary_data=binary_output)]
        return client.infer(model, tensors(rows, binary), **options)

    def probabilities(*args, **options):
        return infer(*args, **options).as_numpy("probability").tolist()

    found = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model_ready": client.is_model_ready("clickwell"),
        "unknown_ready": client.is_model_ready("nowhere"),
        "extensions": client.get_server_metadata()["extensions"],
        "inputs": [tensor["name"] for tensor in client.get_model_metadata("clickwell")["inputs"]],
        "probabilities": {
            "bytes": probabilities(),
            "JSON": probabilities(binary=False, binary_output=False),
            "bytes in, JSON out": probabilities(binary_output=False),
            "JSON in, bytes out": probabilities(binary=False, binary_output=True),
            "gzip": probabilities(request_compression_algorithm="gzip", response_compression_algorithm="gzip"),
            "deflate": probabilities(request_compression_algorithm="deflate", response_compression_algorithm="deflate"),
            "asynchronous": client.async_infer("clickwell", tensors(rows, True)).get_result().as_numpy("probability").tolist(),
        },
        "of_second": probabilities(model_version="2"),
        "id": infer(request_id="mine").get_response()["id"],
        "unknown": error_of(lambda: infer("nowhere")),
        "bad_field": error_of(lambda: client.infer("clickwell", tensors(rows, True)[1:])),
    }
    client.unload_model("2")
    found["unloaded"] = {
        "ready": client.is_model_ready("2"),
        "index": {entry["name"]: entry["state"] for entry in client.get_model_repository_index()},
        "infer": error_of(lambda: infer("2")),
    }
    client.load_model("2")
    found["loaded"] = {
        "ready": client.is_model_ready("2"),
        "production": infer().get_response()["model_version"],
    }
    found["unload_production"] = error_of(lambda: client.unload_model("clickwell"))
    found["load_config"] = error_of(lambda: client.load_model("2", config="{}"))
    print(json.dumps(found))


main()
