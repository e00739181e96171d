"""Engines for many machines read Parquet files: a Spark cluster and Dask, which `make test-clusters` installs."""

import json
import os

import pytest
from conftest import Sandbox
from test_calls import copies, top

DIRECTORY = os.environ.get("VIZTRACER_CLUSTERS")
# What each engine prints: calls, own time, unfinished and raised calls by function, file and line.
SPARK = """
import json, sys
from pyspark.sql import SparkSession, functions as f
session = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.ui.enabled", "false").getOrCreate()
rows = session.read.option("recursiveFileLookup", "true").parquet(sys.argv[1])
sums = [f.count("*"), f.sum("self_ns"), *(f.sum(f.col(name).cast("int")) for name in ("unfinished", "raised"))]
table = rows.groupBy("function", "file", "line").agg(*sums).collect()
print(json.dumps({"rows": [list(row) for row in table], "hosts": rows.select("host").distinct().count()}))
session.stop()
"""
# The same without Parquet: the workers read ring files.
SPARK_OF_RINGS = """
import json, pathlib, sys
from pyspark.sql import SparkSession

def functions(path):
    import pyarrow, viztracer
    words = ("host", "function", "file")
    table = pyarrow.table(viztracer.calls(path))
    for word in words: table = table.set_column(table.schema.get_field_index(word), word, table[word].cast("string"))
    sums = [("id", "count"), ("self_ns", "sum"), ("unfinished", "sum"), ("raised", "sum")]
    groups = table.group_by([*words, "line"]).aggregate(sums).to_pylist()
    key = lambda row: (row["host"], row["function"], row["file"], row["line"])
    return [(key(row), [row["_".join(one)] for one in sums]) for row in groups]

session = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.ui.enabled", "false").getOrCreate()
rings = [str(path) for path in pathlib.Path(sys.argv[1]).parent.glob("rings/*.bin")]
paths = session.sparkContext.parallelize(rings, 8)
added = paths.flatMap(functions).reduceByKey(lambda one, other: [*map(sum, zip(one, other))])
hosts = added.map(lambda of: of[0][0]).distinct().count()
rows = added.map(lambda of: (of[0][1:], of[1])).reduceByKey(lambda one, other: [*map(sum, zip(one, other))]).collect()
print(json.dumps({"rows": [[*key, *sums] for key, sums in rows], "hosts": hosts}))
session.stop()
"""
DASK = """
import json, sys
import dask.dataframe, pandas
rows = dask.dataframe.read_parquet(sys.argv[1] + "/*/*.parquet")
rows = rows.assign(function=rows.function.astype(str), file=rows.file.astype(str), one=1)
groups = rows.groupby(["function", "file", "line"], dropna=False)
sums = groups[["one", "self_ns", "unfinished", "raised"]].sum().compute()
plain = lambda value: None if pandas.isna(value) or value in ("nan", "None", "<NA>") else value
rows_of = [[*map(plain, key), *map(int, row)] for key, row in zip(sums.index, sums.itertuples(index=False))]
print(json.dumps({"rows": rows_of, "hosts": len(rows.host.astype(str).unique())}))
"""

pytestmark = [
    pytest.mark.one_version,
    pytest.mark.skipif(DIRECTORY is None, reason="the engines are large: make test-clusters runs this"),
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Parquet files of 1,000 processes on four machines, and what --top says of their functions."""
    sandbox = Sandbox(tmp_path_factory.mktemp("engines"))
    script = sandbox.script("def f(n):\n    return len(str(n))\n\nfor n in range(20):\n    f(n)\n")
    done = sandbox.viztracer("--quiet", "--pid_suffix", "--output_dir", "one", script)
    assert done.returncode == 0, done.stderr
    (ring,) = (sandbox.path / "one").glob("*.bin")
    copies(ring, sandbox.path / "rings", 1000, boots=4)
    assert sandbox.viztracer_merge("-q", "rings", "-o", "calls.parquet/").returncode == 0
    return sandbox.path / "calls.parquet", top(sandbox, "rings")


@pytest.mark.parametrize("program", [SPARK, SPARK_OF_RINGS, DASK], ids=["spark", "spark-of-rings", "dask"])
def test_functions_are_those_of_top(sandbox, dataset, program):
    directory, expected = dataset
    python = f"{DIRECTORY}/bin/python"
    environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": python}
    done = sandbox.run(python, "-c", program, directory, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    line = lambda value: None if value is None else int(value)  # noqa: E731
    assert {(name, file, line(number)): tuple(row) for name, file, number, *row in found["rows"]} == expected
    assert found["hosts"] == 4
