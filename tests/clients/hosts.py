"""Sends requests as SageMaker and Vertex AI send them to a container. Arguments: ORIGIN; rows as JSON on standard input."""

import csv
import io
import json
import sys

import requests

FIELDS = ["requested", "annual_income", "apr", "loan_purpose", "credit", "lender_id"]


def sagemaker(session, origin, rows):
    """Forwards body and content type unchanged, as `InvokeEndpoint` does."""
    text = io.StringIO()
    csv.writer(text).writerows([["" if row[name] is None else row[name] for name in FIELDS] for row in rows])
    ping = session.get(f"{origin}/ping", timeout=2)
    as_csv = session.post(f"{origin}/invocations", data=text.getvalue(), headers={"Content-Type": "text/csv"}, timeout=60)
    as_json = session.post(f"{origin}/invocations", json={"instances": rows}, timeout=60)
    for response in (ping, as_csv, as_json):
        response.raise_for_status()
    return {"SageMaker, CSV": as_csv.json()["predictions"], "SageMaker, JSON": as_json.json()["predictions"]}


def vertex(session, origin, rows):
    """Sends the health check, then instances with parameters, as to a deployed model."""
    path = "/v1/endpoints/7/deployedModels/8"
    health = session.get(f"{origin}{path}", timeout=10)
    answer = session.post(f"{origin}{path}:predict", json={"instances": rows, "parameters": {"k": 1}}, timeout=60)
    for response in (health, answer):
        response.raise_for_status()
    return {"Vertex AI": answer.json()["predictions"]}


def main():
    origin, rows = sys.argv[1], json.load(sys.stdin)
    with requests.Session() as session:
        print(json.dumps({**sagemaker(session, origin, rows), **vertex(session, origin, rows)}))


main()
