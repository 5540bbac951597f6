"""The model behind FastAPI, loaded once: by a scikit-learn pipeline, or by ONNX Runtime on rows that are encoded here.

Run by uvicorn as `fastapi_app:app`, with ENGINE sklearn or onnx and what sklearn_model.py or onnx_model.py made in MODEL_FOLDER.
"""

import json
import os
import pickle
from pathlib import Path
from typing import Callable

import numpy as np
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from onnx_rows import create_encoder

folder = Path(os.environ["MODEL_FOLDER"])
app = FastAPI()


class Offer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    requested: float | None
    loan_purpose: str | None
    credit: str | None
    annual_income: float | None
    apr: float | None
    lender_id: int | None


class Batch(BaseModel):
    rows: list[Offer]


def load_sklearn() -> Callable[[list[Offer]], np.ndarray]:
    pipeline = pickle.loads((folder / "model-1.pkl").read_bytes())
    return lambda offers: pipeline.predict_proba(pd.DataFrame([vars(offer) for offer in offers]))[:, 1]


def load_onnx() -> Callable[[list[Offer]], np.ndarray]:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    # One row has no work for a second thread, and the other process has the other core.
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", settings)
    encode = create_encoder(json.loads((folder / "encoder.json").read_text()))
    return lambda offers: session.run(None, {"x": encode([vars(offer) for offer in offers])})[0][:, 0]


score = load_onnx() if os.environ["ENGINE"] == "onnx" else load_sklearn()


@app.post("/predict")
def predict(offer: Offer):
    return {"probability": float(score([offer])[0]), "model_id": "model-1", "version": 1}


@app.post("/predict/batch")
def predict_batch(batch: Batch):
    rows = [{"probability": probability} for probability in score(batch.rows).tolist()]
    return {"rows": rows, "model_id": "model-1", "version": 1}
