"""Prints the documents of YAML files as one JSON array, for tests."""

import json
import sys

import yaml

documents = [document for path in sys.argv[1:] for document in yaml.safe_load_all(open(path, encoding="utf-8"))]
print(json.dumps(documents))
