"""The scikit-learn pipeline of flask_model.py as a BentoML service: POST /predict with {"offer": {…}}."""

import os
import pickle
from pathlib import Path
from typing import Any

import bentoml
import pandas as pd


@bentoml.service(workers=2)
class Clicks:
    def __init__(self) -> None:
        self.pipeline = pickle.loads((Path(os.environ["MODEL_FOLDER"]) / "model-1.pkl").read_bytes())

    @bentoml.api
    def predict(self, offer: dict[str, Any]) -> dict[str, float]:
        return {"probability": float(self.pipeline.predict_proba(pd.DataFrame([offer]))[0, 1])}
