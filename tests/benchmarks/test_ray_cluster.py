"""Cells on a Ray cluster: how it is divided, and a real one that loses one of two nodes."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from processes import alive, folders, holder, started, until

from benchmarks.results.provenance import revision
from benchmarks.results.store import Store
from benchmarks.run import executors
from benchmarks.run.executors.ray_cluster import divide_cluster

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)
# In a process of its own: Ray's warnings are not ours, and it starts threads that stay.
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
small = {"object_store_memory": 80_000_000}
head = {"num_cpus": 0, "include_dashboard": False, **small}
cluster = Cluster(initialize_head=True, head_node_args=head)
nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
print(cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(nodes[int(line)], allow_graceful=False)
    print("killed", flush=True)
cluster.shutdown()
"""
# The nodes do not see the driver's files.
APART = """
import sys
from dataclasses import replace
from pathlib import Path
from benchmarks.run.__main__ import main
from benchmarks.run.executors.ray_cluster import RayCluster
submit = RayCluster._submit
def apart(self, call, archive):
    job, *rest = call
    return submit(self, (replace(job, dataset=Path("/nowhere")), *rest), archive)
RayCluster._submit = apart
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("nodes", "jobs", "expected"),
    [
        ([{"CPU": 8}], None, (4, 2, 0.0)),
        ([{"CPU": 8}, {"CPU": 4}], None, (6, 2, 0.0)),
        ([{"CPU": 1}, {"CPU": 4}], None, (5, 1, 0.0)),
        ([{"CPU": 8}, {"CPU": 4}], 1, (1, 8, 0.0)),
        ([{"CPU": 8}, {"CPU": 4}], 3, (3, 4, 0.0)),
        ([{"CPU": 8}, {"CPU": 4}], 4, (4, 2, 0.0)),
        ([{"CPU": 2}], 5, (5, 1, 0.0)),
        ([{}, {"CPU": 2}], None, (1, 2, 0.0)),
        ([{"CPU": 16, "GPU": 1}], None, (1, 16, 1.0)),
        ([{"CPU": 16, "GPU": 4}, {"CPU": 64}], None, (4, 4, 1.0)),
        ([{"CPU": 16, "GPU": 4}, {"CPU": 4, "GPU": 2}], None, (6, 2, 1.0)),
        ([{"CPU": 16, "GPU": 2}], 3, (3, 4, 0.5)),
        ([{"CPU": 16, "GPU": 2}], 1, (1, 8, 1.0)),
        ([{"CPU": 2, "GPU": 1}], 4, (4, 1, 0.25)),
    ],
)
def test_a_cluster_is_divided(nodes, jobs, expected):
    assert divide_cluster(nodes, jobs) == expected


def test_a_cluster_without_processors_is_refused():
    with pytest.raises(ValueError, match="node with a CPU"):
        divide_cluster([{}], None)


def test_an_unknown_executor_is_refused():
    with pytest.raises(ValueError, match="Did you mean 'local'|local, ray"):
        executors.make("lokal")


def test_without_ray_the_error_names_the_extra(run, environment, tmp_path, command):
    (tmp_path / "ray.py").write_text("raise ImportError('no Ray here')\n")
    path = f"{tmp_path}{os.pathsep}{environment['PYTHONPATH']}"
    done = subprocess.run(
        command(tmp_path / "runs", "--executor", "ray"),
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'attention-fer[cluster]'" in done.stderr and "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def ray_environment(environment):
    """Quiet, offline, and with folders of its own; Ray's sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        own = {"RAY_TMPDIR": folder, "TMPDIR": folder, "RAY_AUTH_MODE": "disabled"}
        yield {**environment, **own, "RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture(scope="module")
def cluster(ray_environment):
    """A head without processors and two nodes with one; its process and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        env=ray_environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


@pytest.fixture
def on_cluster(command, cluster):
    """The command on the cluster, whose nodes share no file system with it."""

    def make(out, *arguments):
        where = ("--executor", "ray", "--ray-address", cluster[1], "--jobs", "2")
        python, _, _, *rest = command(out, "--attentions", "none", *where, *arguments)
        return [python, "-c", APART, *rest]

    return make


def places(environment):
    return list(Path(environment["TMPDIR"]).glob("attention-fer-*/cells/*/cell"))


def at_work(environment):
    """The processes of the cells that train."""
    training = [place for place in places(environment) if list(place.glob("tensorboard/*"))]
    return [number for place in training if (number := holder(place))]


@needs_ray
@pytest.mark.slow
def test_ctrl_c_ends_the_cells_on_the_nodes(on_cluster, ray_environment, tmp_path):
    arguments = ("--seeds", "3", "--epochs", "500", "--patience", "500")
    with started(on_cluster(tmp_path, *arguments), ray_environment) as process:
        until(lambda: len(at_work(ray_environment)) == 2)
        running = at_work(ray_environment)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Interrupted" in output and "Traceback" not in output
    until(lambda: not any(map(alive, running)), 30)
    assert places(ray_environment) == []
    assert not folders(tmp_path, "*.partial") and not folders(tmp_path, "*/result.json")


@needs_ray
@pytest.mark.slow
def test_a_lost_nodes_cell_goes_elsewhere_and_all_results_come_home(
    on_cluster, cluster, ray_environment, dataset, tmp_path
):
    with started(on_cluster(tmp_path, "--seeds", "3"), ray_environment) as process:
        until(lambda: len(at_work(ray_environment)) == 2)
        running = at_work(ray_environment)
        cluster[0].stdin.write("0\n")
        cluster[0].stdin.flush()
        assert cluster[0].stdout.readline() == "killed\n"
        until(lambda: not all(map(alive, running)), 30)
        output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "its node was lost" in output and "3 cells, 0 done, 3 to run, 2 at a time" in output
    store = Store(tmp_path / "attention")
    found = list(store.results())
    assert sorted(r.cell.seed for r in found) == [0, 1, 2] and all(r.done for r in found)
    for result in found:
        assert len(result.predictions().labels) == 16
        assert result.record["provenance"]["revision"] == revision()
        assert (
            list(store.tensorboard(result.cell).glob("events*"))
            and (result.path / "log.txt").is_file()
        )
    assert not folders(tmp_path, "*.partial")
    # The dataset was sent, and lies in the nodes' cache under its fingerprint.
    cached = Path(ray_environment["TMPDIR"]).glob("attention-fer-*/datasets/*/manifest.json")
    assert [path.parent.name for path in cached] == [dataset.fingerprint]
    shutil.rmtree(next(Path(ray_environment["TMPDIR"]).glob("attention-fer-*")))
