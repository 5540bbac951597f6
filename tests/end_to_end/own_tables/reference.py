"""The log loss on the held-out rows of scikit-learn's logistic regression on its own one-hot encoding.

Reads a table as JSON from standard input: {"rows": {column: [values]}, "outcomes": [0 or 1], "heldOut": [true or false],
"columns": {"numbers": [...], "categories": [...], "times": [...]}}. Rows that are neither trained on nor held out have null.
"""

import json
import sys

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

table = json.load(sys.stdin)
rows = pd.DataFrame(table["rows"])
outcomes = np.array(table["outcomes"])
held_out = np.array([part is True for part in table["heldOut"]])
trained = np.array([part is False for part in table["heldOut"]])
numbers, categories = list(table["columns"]["numbers"]), list(table["columns"]["categories"])

for name in table["columns"]["times"]:
    times = pd.to_datetime(rows[name])
    rows[name] = (times - pd.Timestamp("2000-01-01")).dt.total_seconds() / 86400
    numbers.append(name)
    if (times.dt.hour > 0).any():
        for part in ("hour", "day_of_week"):
            rows[f"{name} {part}"] = getattr(times.dt, part).astype("object")
            categories.append(f"{name} {part}")

rows[categories] = rows[categories].astype("object").where(rows[categories].notna(), None)
number = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
encoder = ColumnTransformer([("numbers", number, numbers), ("categories", OneHotEncoder(handle_unknown="ignore"), categories)])
model = make_pipeline(encoder, LogisticRegression(C=1.0, max_iter=1000))
model.fit(rows[trained], outcomes[trained])
probabilities = model.predict_proba(rows[held_out])[:, 1]
print(json.dumps({"log_loss": log_loss(outcomes[held_out], probabilities)}))
