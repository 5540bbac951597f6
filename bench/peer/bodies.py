"""Writes request bodies, one JSON object a line: the raw features of examples from all over the data."""

import argparse
import json
from pathlib import Path

from examples import read_examples

BODIES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of leads, offers and clicks")
    parser.add_argument("--spec", type=Path, required=True, help="features.json")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    names = [feature["name"] for feature in json.loads(options.spec.read_text())["features"]]
    # Without missing values: pandas would make a column of objects of a null, which the pipeline then rejects.
    frame = read_examples(options.tables).select(names).drop_nulls().drop_nans()
    bodies = frame.gather_every(max(1, frame.height // BODIES)).head(BODIES).to_dicts()
    options.out.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    print(json.dumps({"bodies": len(bodies)}))


if __name__ == "__main__":
    main()
