"""A pipeline that trains a model on new tables and puts it in production unless it is worse than the one that is there.

    pip install -r packaging/deploy/kubeflow/requirements.txt
    python packaging/deploy/kubeflow/pipeline.py pipeline.yaml

The steps share a workspace, in which the tables are loaded. Models and the registry are those of the fleet: the secret `clickwell` has
their places, as in packaging/deploy/kubernetes. Each step leaves its result, what --json prints, as an artifact.
"""

import sys

from kfp import compiler, dsl, kubernetes

IMAGE = "registry.example/clickwell-fleet:0.2.0"

# The files of the tables in the folder that the pipeline imports, which also has schema.sql and features.json: clickwell init writes
# them for tables of your own.
TABLES = {"leads": "leads.parquet", "offers": "offers.parquet", "clicks": "clicks.parquet"}

SECRET = "clickwell"
SETTINGS = {"registry": "CLICKWELL_REGISTRY", "models": "CLICKWELL_MODELS"}


def clickwell(*args):
    return dsl.ContainerSpec(image=IMAGE, command=["/usr/bin/clickwell"], args=list(args))


@dsl.container_component
def ingest(workspace: str, tables: dsl.Input[dsl.Dataset], loaded: dsl.Output[dsl.Artifact]):
    return clickwell(
        "ingest",
        "--data", f"{workspace}/data",
        "--schema", f"{tables.path}/schema.sql",
        "--table", *[f"{name}={tables.path}/{file}" for name, file in TABLES.items()],
        "--json-file", loaded.path,
    )


@dsl.container_component
def train(
    workspace: str,
    c: float,
    tables: dsl.Input[dsl.Dataset],
    loaded: dsl.Input[dsl.Artifact],
    trained: dsl.Output[dsl.Model],
):
    return clickwell(
        "train",
        "--data", f"{workspace}/data",
        "--spec", f"{tables.path}/features.json",
        "--C", c,
        "--activate=false",
        "--json-file", trained.path,
    )


@dsl.container_component
def evaluate(workspace: str, trained: dsl.Input[dsl.Model], evaluation: dsl.Output[dsl.Metrics]):
    return clickwell(
        "evaluate", f"@{trained.path}",
        "--data", f"{workspace}/data",
        "--json-file", evaluation.path,
    )


@dsl.container_component
def gate(
    workspace: str,
    trained: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Metrics],
    compared: dsl.Output[dsl.Metrics],
):
    return clickwell(
        "evaluate", f"@{trained.path}",
        "--data", f"{workspace}/data",
        "--fail-if-worse",
        "--json-file", compared.path,
    )


@dsl.container_component
def activate(
    workspace: str,
    reason: str,
    trained: dsl.Input[dsl.Model],
    compared: dsl.Input[dsl.Metrics],
    assignment: dsl.Output[dsl.Artifact],
):
    return clickwell(
        "models", "activate", f"@{trained.path}",
        "--data", f"{workspace}/data",
        "--reason", reason,
        "--json-file", assignment.path,
    )


@dsl.pipeline(
    name="clickwell",
    description="Tables to a model in production, unless it is worse than the one there is.",
    pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="20Gi")),
)
def pipeline(tables_uri: str, c: float = 1.0):
    tables = dsl.importer(artifact_uri=tables_uri, artifact_class=dsl.Dataset, reimport=True).output
    # A parameter, since a step has the workspace mounted if a parameter names it.
    workspace = dsl.WORKSPACE_PATH_PLACEHOLDER
    loaded = ingest(workspace=workspace, tables=tables)
    trained = train(workspace=workspace, c=c, tables=tables, loaded=loaded.outputs["loaded"])
    model = trained.outputs["trained"]
    evaluated = evaluate(workspace=workspace, trained=model)
    passed = gate(workspace=workspace, trained=model, evaluation=evaluated.outputs["evaluation"])
    activated = activate(
        workspace=workspace,
        reason=f"Kubeflow run {dsl.PIPELINE_JOB_NAME_PLACEHOLDER}",
        trained=model,
        compared=passed.outputs["compared"],
    )
    for task in [loaded, trained, evaluated, passed, activated]:
        # Each step changes the workspace or the registry, or depends on what they have now.
        task.set_caching_options(False)
        kubernetes.use_secret_as_env(task, secret_name=SECRET, secret_key_to_env=SETTINGS)


if __name__ == "__main__":
    compiler.Compiler().compile(pipeline, sys.argv[1])
