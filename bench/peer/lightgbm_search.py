"""Tunes LightGBM by a random search over folds of groups, and predicts rows that it has not seen.

Categories are tried both as LightGBM's own and as columns of 0 and 1; the inner folds choose. Trials run side by side in one
process per core, each with one thread: this is faster than one after the other with all cores. Prints the seconds of what was
chosen: its trials and its last fit. The other encoding's trials, and further seeds, are not counted.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy import sparse

FOLDS = 3
TREES_MAX = 2_000
PATIENCE = 50
SEEDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--spec", type=Path, required=True, help="the feature spec: which columns, and of which kind")
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--encodings", default="native,one-hot")
    parser.add_argument("--out", type=Path, help="probabilities of the test rows")
    options = parser.parse_args()

    spec = json.loads(options.spec.read_text())
    train = pd.read_parquet(options.train)
    y = train[spec["label"]].to_numpy()
    folds = folds_of(train[spec["group"]])
    encoders = {name: ENCODINGS[name](train, spec) for name in options.encodings.split(",")}
    if all(feature["type"] == "numeric" for feature in spec["features"]):
        # Both encodings are the same.
        encoders = dict(list(encoders.items())[:1])
    searches = [Search(name, encode(train), y, folds, options) for name, encode in encoders.items()]
    best = min(searches, key=lambda search: search.loss)
    report = {
        "encoding": best.name,
        "cv_log_loss": best.loss,
        "trees": best.trees,
        "parameters": best.parameters,
    }
    clock = Clock()
    fits = [0] if options.test is None else range(SEEDS)
    [single] = side_by_side(best.refit, fits[:1])
    refit = clock.read()
    if options.test:
        models = [single, *side_by_side(best.refit, fits[1:])]
        test = encoders[best.name](pd.read_parquet(options.test))
        probabilities = np.array([lgb.Booster(model_str=model).predict(test, num_threads=1) for model in models])
        columns = {"single": probabilities[0], "averaged": probabilities.mean(axis=0)}
        pd.DataFrame(columns).to_parquet(options.out, index=False)
    spent = {"search": best.spent, "refit": refit}
    print(json.dumps({**report, **{name: dict(zip(("seconds", "cpu_seconds"), both)) for name, both in spent.items()}}))


def folds_of(groups: pd.Series) -> list[tuple[np.ndarray, np.ndarray]]:
    codes, different = pd.factorize(groups)
    fold = np.random.default_rng(1).permutation(np.arange(len(different)) % FOLDS)[codes]
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(FOLDS)]


class Clock:
    """Measures from its creation."""

    def __init__(self) -> None:
        self.start = now()

    def read(self) -> tuple[float, float]:
        """Returns the seconds that have passed, and those of the processor."""
        return tuple(end - start for start, end in zip(self.start, now()))


def now() -> tuple[float, float]:
    """Counts the processes that have ended, and this one."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in usages)


def side_by_side(work: Callable, arguments: list) -> list:
    """Calls a function with each argument, in one process per core, which have the data of this one."""
    global shared_work
    shared_work = work
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(min(cores, len(arguments)), mp_context=get_context("fork")) as pool:
        return list(pool.map(call_shared, arguments))


def call_shared(argument):
    return shared_work(argument)


class Search:
    """A random search; the best trial has the least mean log loss of the folds."""

    def __init__(self, name: str, x, y: np.ndarray, folds: list, options: argparse.Namespace) -> None:
        self.name, self.x, self.y, self.folds = name, x, y, folds
        clock = Clock()
        random = np.random.default_rng(2)
        trials = [drawn(random) for _ in range(options.trials)]
        results = side_by_side(self.cross_validate, trials)
        self.loss, self.trees, self.parameters = min(
            ((*result, trial) for result, trial in zip(results, trials)), key=lambda found: found[0]
        )
        self.spent = clock.read()

    def cross_validate(self, parameters: dict) -> tuple[float, float]:
        losses, trees = zip(*(self.fit_fold(parameters, *fold) for fold in self.folds))
        return float(np.average(losses, weights=[len(held) for _, held in self.folds])), float(np.mean(trees))

    def fit_fold(self, parameters: dict, rest: np.ndarray, held: np.ndarray) -> tuple[float, int]:
        data = dataset(rows_of(self.x, rest), self.y[rest], parameters)
        validation = dataset(rows_of(self.x, held), self.y[held], parameters, reference=data)
        found: dict = {}
        model = lgb.train(
            parameters,
            data,
            num_boost_round=TREES_MAX,
            valid_sets=[validation],
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False), lgb.record_evaluation(found)],
        )
        return model.best_score["valid_0"]["binary_logloss"], model.best_iteration

    def refit(self, seed: int) -> str:
        # Half more rows than in a fold carry a tenth more trees.
        trees = max(1, round(1.1 * self.trees))
        parameters = {**self.parameters, "seed": seed}
        return lgb.train(parameters, dataset(self.x, self.y, parameters), num_boost_round=trees).model_to_string()


def drawn(random: np.random.Generator) -> dict:
    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "verbosity": -1,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": 0,
        "learning_rate": log_uniform(0.03, 0.12),
        "num_leaves": round(log_uniform(4, 64)),
        "min_data_in_leaf": round(log_uniform(5, 80)),
        "lambda_l2": log_uniform(0.1, 30),
        "feature_fraction": float(random.uniform(0.5, 1)),
        "bagging_fraction": float(random.uniform(0.6, 1)),
        "bagging_freq": 1,
        "max_bin": int(random.choice([127, 255, 511])),
        "cat_smooth": log_uniform(1, 50),
        "cat_l2": log_uniform(1, 30),
        "max_cat_threshold": int(random.choice([8, 32, 64])),
        "min_data_per_group": round(log_uniform(5, 100)),
    }


def dataset(x, y: np.ndarray, parameters: dict, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(x, y, reference=reference, params={"max_bin": parameters["max_bin"], "verbosity": -1})


def rows_of(x, rows: np.ndarray):
    return x.iloc[rows] if isinstance(x, pd.DataFrame) else x[rows]


def columns_of(spec: dict, categorical: bool) -> list[str]:
    return [f["name"] for f in spec["features"] if (f["type"] != "numeric") == categorical]


def native(train: pd.DataFrame, spec: dict):
    levels = {name: pd.Index(train[name].dropna().unique()) for name in columns_of(spec, True)}

    def encode(rows: pd.DataFrame) -> pd.DataFrame:
        # A level that training has not seen counts as missing.
        kinds = {name: pd.Categorical.from_codes(known.get_indexer(rows[name]), known) for name, known in levels.items()}
        return pd.DataFrame({name: rows[name] for name in columns_of(spec, False)}).assign(**kinds)

    return encode


def one_hot(train: pd.DataFrame, spec: dict):
    levels = {name: pd.Index(train[name].dropna().unique()) for name in columns_of(spec, True)}

    def encode(rows: pd.DataFrame) -> sparse.csr_matrix:
        parts = [sparse.csr_matrix(rows[columns_of(spec, False)].to_numpy(np.float64))]
        for name, known in levels.items():
            codes = known.get_indexer(rows[name])
            at = np.flatnonzero(codes >= 0)
            parts.append(sparse.csr_matrix((np.ones(len(at)), (at, codes[at])), shape=(len(rows), len(known))))
        return sparse.hstack(parts, format="csr")

    return encode


ENCODINGS = {"native": native, "one-hot": one_hot}


if __name__ == "__main__":
    main()
