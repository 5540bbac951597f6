"""The kind of server that clickwell replaces: the model in production is looked up and unpickled at each request.

Run by gunicorn as `flask_app:app`, with the folder that flask_model.py made in MODEL_FOLDER.
"""

import os
import pickle
import sqlite3
from pathlib import Path

import pandas as pd
from flask import Flask, jsonify, request

folder = Path(os.environ["MODEL_FOLDER"])
app = Flask(__name__)


@app.post("/predict")
def predict():
    db = sqlite3.connect(folder / "registry.db")
    newest = "SELECT model_id FROM production_model ORDER BY assignment_id DESC LIMIT 1"
    (model_id,) = db.execute(newest).fetchone()
    db.close()
    model = pickle.loads((folder / f"{model_id}.pkl").read_bytes())
    row = pd.DataFrame([request.get_json()])
    return jsonify(probability=float(model.predict_proba(row)[0, 1]), model_id=model_id)
