"""Trains a network with hidden layers by Keras on an encoded design; prints one JSON object: seconds are an epoch's, on average."""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from design import Design
from memory import peak_bytes
from solvers import dense


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--design", type=Path, required=True)
    parser.add_argument("--hidden", required=True, help="units of each hidden layer: 32,16")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="Adam's learning rate")
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()

    design = Design.load(options.design)
    X, y = dense(design).astype(np.float32), design.labels.astype(np.float32)
    keras.utils.set_random_seed(1)
    model = wide_and_deep(X.shape[1], [int(units) for units in options.hidden.split(",")])
    model.compile(optimizer=keras.optimizers.Adam(options.rate), loss="binary_crossentropy")
    # Traces the graph; without a step that counts, since the rate is 0 for it.
    model.optimizer.learning_rate = 0.0
    model.fit(X[: 2 * options.batch_size], y[: 2 * options.batch_size], batch_size=options.batch_size, verbose=0)
    model.optimizer.learning_rate = options.rate
    start = time.perf_counter()
    model.fit(X, y, batch_size=options.batch_size, epochs=options.epochs, shuffle=True, verbose=0)
    seconds = (time.perf_counter() - start) / options.epochs
    peak = peak_bytes()
    loss = float(model.evaluate(X, y, batch_size=65_536, verbose=0))
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "log_loss": loss}))


def wide_and_deep(columns: int, hidden: list[int]) -> keras.Model:
    """The network that clickwell trains: hidden layers beside a logistic regression, one sigmoid over their sum."""
    inputs = keras.Input((columns,))
    deep = inputs
    for units in hidden:
        deep = keras.layers.Dense(units, activation="relu")(deep)
    wide_part = keras.layers.Dense(1)(inputs)
    deep_part = keras.layers.Dense(1, use_bias=False)(deep)
    probability = keras.layers.Activation("sigmoid")(keras.layers.Add()([wide_part, deep_part]))
    return keras.Model(inputs, probability)


if __name__ == "__main__":
    main()
