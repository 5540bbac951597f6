"""The probabilities of request bodies, by numpy from the coefficients of a clickwell model; prints JSON."""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

from design import encode, logits, model_coefficients, read_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a model.json")
    parser.add_argument("--bodies", type=Path, required=True, help="one JSON object of raw features a line")
    options = parser.parse_args()

    model = read_model(options.model)
    bodies = [json.loads(line) for line in options.bodies.read_text().splitlines()]
    frame = pl.DataFrame(bodies, infer_schema_length=None).with_columns(clicked=pl.lit(0.0))
    z = logits(encode(frame, model["encoder"]), model_coefficients(model), model["intercept"])
    print(json.dumps({"probabilities": (1 / (1 + np.exp(-z))).tolist()}))


if __name__ == "__main__":
    main()
