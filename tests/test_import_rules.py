"""Imports go only downwards: layers, models, then preprocessing beside them, then benchmarks."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import attention_fer

PROJECT = Path(__file__).resolve().parents[1]
OURS = {"attention_fer", "preprocessing", "benchmarks"}
FRAMEWORKS = {"keras", "tensorflow", "jax", "torch"}
FILES = sorted(path for package in OURS for path in (PROJECT / package).rglob("*.py"))


def module_of(path):
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def targets(node, path):
    """Full dotted names that an import statement may load."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        package = path.relative_to(PROJECT).parent.parts
        above = package[: len(package) - node.level + 1]
        base = ".".join([*above, *([node.module] if node.module else [])])
    return [f"{base}.{alias.name}" for alias in node.names]


def imports(path, functions=True):
    """What a file imports, anywhere in it or only where it is executed on import."""
    waiting = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from targets(node, path)
        elif functions or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += ast.iter_child_nodes(node)


def within(name, *packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def offences(part, allowed, functions=True):
    """Imports in the files of a package that `allowed` refuses."""
    files = [path for path in FILES if within(module_of(path), part)]
    assert files, f"no file in {part}"
    found = [(module_of(path), name) for path in files for name in imports(path, functions)]
    assert found, f"no import in {part}"
    return [f"{module} imports {name}" for module, name in found if not allowed(name)]


def top(name):
    return name.partition(".")[0]


def in_process(code):
    """What a fresh interpreter prints."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def loaded_by(statement):
    return set(in_process(f"{statement}\nimport sys\nprint(*sys.modules, sep='\\n')"))


def test_attention_fer_knows_nothing_of_the_other_two():
    found = offences("attention_fer", lambda name: top(name) not in OURS - {"attention_fer"})
    # What is explained or predicted is decoded and cut out as it was prepared.
    rooms = ("attention_fer.explain.", "attention_fer.predict.", "attention_fer.serve.")
    assert [o for o in found if not (o.startswith(rooms) and " imports preproc" in o)] == []


def test_layers_need_keras_and_the_standard_library_alone():
    own = ("keras", "attention_fer.layers", "attention_fer.common")
    standard = sys.stdlib_module_names
    assert not offences("attention_fer.layers", lambda n: within(n, *own) or top(n) in standard)


def test_preprocessing_knows_no_framework_and_none_of_the_other_two():
    forbidden = FRAMEWORKS | OURS - {"preprocessing"}
    found = offences(
        "preprocessing",
        lambda name: top(name) not in forbidden or within(name, "attention_fer.common"),
    )
    # A published checkpoint is a PyTorch module, and that detector's point.
    hub = "preprocessing.detectors."
    assert [o for o in found if not (o.startswith(hub) and " imports torch" in o)] == []


def test_files_of_shipped_networks_are_found_without_a_framework():
    own = ("attention_fer.pretrained", "attention_fer.common")
    standard = sys.stdlib_module_names
    assert not offences("attention_fer.pretrained", lambda n: within(n, *own) or top(n) in standard)
    assert not (FRAMEWORKS | {"numpy"}) & loaded_by("import attention_fer.pretrained")


def test_predicting_needs_no_framework_and_no_opencv():
    code = (
        "import attention_fer.predict.command.run, attention_fer.predict.drawing\n"
        "import attention_fer.serve.server"
    )
    heavy = {"cv2", "matplotlib", "pandas", "pooch", "requests", "rich", "scipy", "sklearn"}
    assert not (FRAMEWORKS | heavy) & {top(name) for name in loaded_by(code)}


@pytest.mark.parametrize("part", ["preprocessing.sources", "preprocessing.detectors"])
def test_sources_and_detectors_know_nothing_of_ours_but_their_own(part):
    below = (part, "preprocessing.raw_files", "attention_fer.common")
    assert not offences(part, lambda name: top(name) not in OURS or within(name, *below))


@pytest.mark.parametrize("package", sorted(OURS))
def test_no_backend_is_imported_by_the_import_of_a_module(package):
    backends = FRAMEWORKS - {"keras"}
    assert not offences(package, lambda name: top(name) not in backends, functions=False)


@pytest.mark.parametrize("package", sorted(OURS))
def test_onnx_runtime_is_imported_in_one_place_that_turns_its_telemetry_off(package):
    found = offences(package, lambda name: not within(name, "onnxruntime"))
    # Its tools, after that place has imported it.
    tools = "benchmarks.release.onnx_files imports onnxruntime."
    only = "attention_fer.common.onnx_runtime imports onnxruntime"
    assert [o for o in found if o != only and not o.startswith(tools)] == []


def test_telemetry_is_off_while_a_network_is_released():
    code = (
        "import os, sys\nos.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "from attention_fer import pretrained\n"
        "from benchmarks.release.onnx_files import OnnxNetwork\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "OnnxNetwork(pretrained.find('fer-small', 'fer2013').file('onnx'))\n"
        "print(os.environ.get('ORT_DISABLE_TELEMETRY'))"
    )
    assert in_process(code) == ["1"]


# Each may import those before it.
ROOMS = ("plan", "statistics", "results", "report", "train", "release", "run", "visit")


@pytest.mark.parametrize("room", ROOMS)
def test_the_rooms_of_the_benchmark_import_only_downwards(room):
    above = [f"benchmarks.{name}" for name in ROOMS[ROOMS.index(room) + 1 :]]
    assert not offences(f"benchmarks.{room}", lambda name: not within(name, *above))


def test_importing_the_package_loads_no_framework():
    assert not FRAMEWORKS & loaded_by("import attention_fer")


def test_a_subpackage_is_imported_when_it_is_first_used():
    code = "import attention_fer as a\nprint(a.recipes.__name__, a.layers.CBAM.__name__, dir(a))"
    (printed,) = in_process(code)
    assert printed.startswith("attention_fer.recipes CBAM [") and "'models'" in printed
    with pytest.raises(AttributeError, match="layer"):
        attention_fer.layer  # noqa: B018


def test_importing_the_layers_costs_no_more_than_importing_keras():
    extra = loaded_by("import attention_fer.layers") - loaded_by("import keras")
    assert "attention_fer.layers.cbam" in extra
    foreign = {name for name in extra if not within(name, "attention_fer")}
    assert {top(name) for name in foreign} <= sys.stdlib_module_names


def test_importing_preprocessing_loads_no_framework():
    statement = "import preprocessing.run, preprocessing.prepare, preprocessing.splits"
    heavy = {"onnxruntime", "pooch", "torchvision"}  # only a detector that is asked for needs them
    assert not (FRAMEWORKS | heavy) & loaded_by(statement)
