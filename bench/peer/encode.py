"""Encodes the examples of a folder by a clickwell model's encoder, into a file that the peers load."""

import argparse
import json
from pathlib import Path

from design import encode, read_model
from examples import read_examples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of leads, offers and clicks")
    parser.add_argument("--model", type=Path, required=True, help="a model.json")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()

    design = encode(read_examples(options.tables), read_model(options.model)["encoder"])
    design.save(options.out)
    print(json.dumps({"rows": len(design.labels), "columns": len(design.names)}))


if __name__ == "__main__":
    main()
