"""Makes what the Flask server needs: a pickled scikit-learn pipeline, and a registry that names it.

Prints the probability that the pipeline gives each request body.
"""

import argparse
import json
import pickle
import sqlite3
import time
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
    parser.add_argument("--out", type=Path, required=True, help="folder of the model and the registry")
    options = parser.parse_args()

    features = json.loads(options.spec.read_text())["features"]
    names = [feature["name"] for feature in features]
    frame = read_examples(options.tables)
    rows = frame.select(names).to_pandas()
    pipeline = make_model(features).fit(rows, frame["clicked"].to_numpy())

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "model-1.pkl").write_bytes(pickle.dumps(pipeline))
    write_registry(options.out / "registry.db", "model-1")
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


def write_registry(path: Path, model_id: str) -> None:
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.execute(
        "CREATE TABLE production_model"
        " (assignment_id INTEGER PRIMARY KEY, model_id TEXT NOT NULL, assigned_at INTEGER NOT NULL)"
    )
    row = (model_id, time.time_ns() // 1000)
    db.execute("INSERT INTO production_model (model_id, assigned_at) VALUES (?, ?)", row)
    db.commit()
    db.close()


if __name__ == "__main__":
    main()
