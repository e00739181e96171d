"""Engines for many machines read the Parquet files of each: a Spark cluster and Dask, which `make test-engines` installs."""

import json
import os

import pytest
from test_calls import copies, top

from conftest import Sandbox

DIRECTORY = os.environ.get("VIZTRACER_ENGINES")
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
DASK = """
import json, sys
import dask.dataframe, pandas
rows = dask.dataframe.read_parquet(sys.argv[1] + "/*/*.parquet")
rows = rows.assign(function=rows.function.astype(str), file=rows.file.astype(str), one=1)
sums = rows.groupby(["function", "file", "line"], dropna=False)[["one", "self_ns", "unfinished", "raised"]].sum().compute()
plain = lambda value: None if pandas.isna(value) or value in ("nan", "None", "<NA>") else value
rows_of = [[*map(plain, key), *map(int, row)] for key, row in zip(sums.index, sums.itertuples(index=False))]
print(json.dumps({"rows": rows_of, "hosts": len(rows.host.astype(str).unique())}))
"""

pytestmark = [
    pytest.mark.one_version,
    pytest.mark.skipif(DIRECTORY is None, reason="the engines are large: make test-engines runs this"),
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Parquet files of 1,000 processes on four machines, and what --top says of their functions."""
    sandbox = Sandbox(tmp_path_factory.mktemp("engines"))
    source = "def f(n):\n    return len(str(n))\n\nfor n in range(20):\n    f(n)\ntry: int('x')\nexcept ValueError: pass\n"
    done = sandbox.viztracer("--quiet", "-o", "a.json", "--pid_suffix", "--output_dir", "one", sandbox.script(source))
    assert done.returncode == 0, done.stderr
    (ring,) = (sandbox.path / "one").glob("*.bin")
    copies(ring, sandbox.path / "rings", 1000, boots=4)
    assert sandbox.viztracer_merge("-q", "rings", "-o", "calls.parquet/").returncode == 0
    return sandbox.path / "calls.parquet", top(sandbox, "rings")


@pytest.mark.parametrize("program", [SPARK, DASK], ids=["spark", "dask"])
def test_functions_are_those_of_top(sandbox, dataset, program):
    directory, expected = dataset
    done = sandbox.run(DIRECTORY + "/bin/python", "-c", program, directory, env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    line = lambda value: None if value is None else int(value)  # noqa: E731
    assert {(name, file, line(number)): tuple(row) for name, file, number, *row in found["rows"]} == expected
    assert found["hosts"] == 4
