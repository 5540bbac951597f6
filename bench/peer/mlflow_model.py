"""Saves the scikit-learn pipeline of sklearn_model.py as an MLflow model, whose predictions are probabilities."""

import argparse
import json
import pickle
from pathlib import Path

import mlflow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="what sklearn_model.py made")
    parser.add_argument("--out", type=Path, required=True, help="folder of the MLflow model")
    options = parser.parse_args()

    pipeline = pickle.loads((options.folder / "model-1.pkl").read_bytes())
    mlflow.sklearn.save_model(
        pipeline, options.out, pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
    )
    print(json.dumps({"model": str(options.out)}))


if __name__ == "__main__":
    main()
