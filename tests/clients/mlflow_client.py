"""Calls a scoring server with MLflow's own client. Arguments: ORIGIN; rows as JSON on standard input."""

import json
import sys
from urllib.parse import urlsplit

import pandas as pd
import requests
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from mlflow.version import VERSION


def main():
    origin, rows = sys.argv[1], json.load(sys.stdin)
    place = urlsplit(origin)
    client = ScoringServerClient(place.hostname, place.port)
    client.wait_server_ready(timeout=10)
    frame = pd.DataFrame(rows)

    def probabilities(data, **options):
        return client.invoke(data, **options).get_predictions()[0].tolist()

    def csv(**options):
        response = requests.post(
            f"{origin}/invocations",
            data=frame.to_csv(**options).encode(),
            headers={"Content-Type": "text/csv"},
            timeout=10,
        )
        return response.json()["predictions"]

    refused = None
    try:
        client.invoke(frame.drop(columns=["apr"]))
    except Exception as error:  # the client raises nothing narrower
        refused = str(error)
    served = requests.post(f"{origin}/invocations", json={"dataframe_records": [{}]}, timeout=10)
    print(json.dumps({
        "version": [client.get_version(), VERSION],
        "probabilities": {
            "frame": probabilities(frame),
            "frame in another order, with a column more": probabilities(
                frame[sorted(frame.columns)].assign(offer_id=range(len(rows)))
            ),
            "frame with params": probabilities(frame, params={"any": 1}),
            "list of rows": probabilities(rows),
            "CSV": csv(index=False),
            "CSV with its index": csv(),
        },
        "array": client.invoke(frame).get_predictions("ndarray").tolist(),
        "refused": refused,
        "error": [served.status_code, served.json()["error_code"], type(MlflowException(served.text)).__name__],
    }))


main()
