"""Calls a server with the client of clients/python and prints the answers as JSON: use_client.py ORIGIN"""

from __future__ import annotations

import json
import sys

from clickwell import Client, ProblemError, Row

row: Row = {
    "requested": 15_000,
    "loan_purpose": "debt_consolidation",
    "credit": "good",
    "annual_income": 72_000,
    "apr": 11.5,
    "lender_id": 12,
}


def main(origin: str) -> None:
    client = Client(origin)
    before = client.predict(row)
    explained = client.predict(row, explain=True)
    alias = client.set_alias("2", "champion")
    assigned = client.assign_model({"model_id": "champion", "reason": "tried"})
    after = client.predict(row)
    history = client.model_history(limit=1)
    try:
        client.predict({"apr": 11.5})
        problem = None
    except ProblemError as error:
        problem = error.problem
    try:
        client.assign_model({"model_id": 1}, if_match='"0"')
        conflict = None
    except ProblemError as error:
        conflict = error.problem["type"]
    print(
        json.dumps(
            {
                "before": before["probability"],
                "contributions": list(explained["explanation"]["contributions"]),
                "aliases": alias["aliases"],
                "assigned": assigned["model_id"],
                "after": after["probability"],
                "reasons": [assignment["reason"] for assignment in history["history"]],
                "problem": problem and [problem["type"], [error["pointer"] for error in problem["errors"]]],
                "conflict": conflict,
                "ready": client.ready()["ready"],
            }
        )
    )


main(sys.argv[1])
