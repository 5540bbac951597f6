"""The objective of a saved model on an encoded design, by the function that the peers' fits are measured with."""

import argparse
import json
from pathlib import Path

import numpy as np

from design import Design, log_loss, model_coefficients, objective, read_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--design", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="a clickwell model.json")
    source.add_argument("--saved", type=Path, help="a model that whole_path.py wrote")
    parser.add_argument("--strength", type=float, default=1.0, help="C of scikit-learn")
    parser.add_argument("--l1-ratio", type=float, default=0.0)
    options = parser.parse_args()

    design = Design.load(options.design)
    if options.model:
        model = read_model(options.model)
        coefficients, intercept = model_coefficients(model), model["intercept"]
    else:
        model = json.loads(options.saved.read_text())
        coefficients, intercept = model["coefficients"], model["intercept"]
    print(
        json.dumps(
            {
                "objective": objective(design, coefficients, intercept, options.strength, options.l1_ratio),
                "log_loss": log_loss(design, coefficients, intercept),
                "columns_kept": int(np.count_nonzero(list(coefficients.values()))),
            }
        )
    )


if __name__ == "__main__":
    main()
