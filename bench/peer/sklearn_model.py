"""Trains and pickles the scikit-learn pipeline that the peer servers load.

Prints the probability that the pipeline gives each request body.
"""

import argparse
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from examples import read_examples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of leads, offers and clicks")
    parser.add_argument("--spec", type=Path, required=True, help="features.json")
    parser.add_argument("--bodies", type=Path, required=True, help="one JSON object of raw features a line")
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    options = parser.parse_args()

    features = json.loads(options.spec.read_text())["features"]
    names = [feature["name"] for feature in features]
    frame = read_examples(options.tables)
    rows = frame.select(names).to_pandas()
    pipeline = make_model(features).fit(rows, frame["clicked"].to_numpy())

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "model-1.pkl").write_bytes(pickle.dumps(pipeline))
    bodies = pd.DataFrame([json.loads(line) for line in options.bodies.read_text().splitlines()])
    print(json.dumps({"probabilities": pipeline.predict_proba(bodies)[:, 1].tolist()}))


def make_model(features: list[dict[str, Any]]) -> Pipeline:
    """The same encoding and the same penalty as clickwell's."""
    numeric = [feature["name"] for feature in features if feature["type"] == "numeric"]
    categorical = [feature["name"] for feature in features if feature["type"] == "categorical"]
    scale = make_pipeline(SimpleImputer(strategy="median"), FunctionTransformer(np.log1p), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20)
    columns = make_column_transformer((scale, numeric), (one_hot, categorical))
    return make_pipeline(columns, LogisticRegression(C=1.0, solver="lbfgs", max_iter=1000))


if __name__ == "__main__":
    main()
