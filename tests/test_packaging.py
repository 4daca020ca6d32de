"""What is installed: the `attention-fer` command, and the files of wheel and sdist."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import attention_fer
from attention_fer.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[1]
# What pip writes for the entry point.
SCRIPT = "import sys\nfrom attention_fer.cli import main\nsys.exit(main())\n"
EXTRAS = {
    "predict": "predict",
    "serve": "serve",
    "prepare": "preprocessing",
    "check": "preprocessing",
    "table": "benchmarks,tensorflow",
    "report": "benchmarks",
    "explain": "preprocessing,tensorflow",
    "gates": "benchmarks,tensorflow",
}


def python(code, *arguments, cwd=None, **environment):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_the_commands_and_loads_the_standard_library_alone():
    code = (
        "import sys\nbefore = set(sys.modules)\nfrom attention_fer.cli import main\n"
        "assert main(['--help']) == 0\nprint('loaded', *(set(sys.modules) - before))"
    )
    done = python(code)
    text, _, loaded = done.stdout.partition("loaded ")
    assert re.findall(r"^  ([a-z]+) ", text, flags=re.M) == list(COMMANDS), done.stderr
    top = {name.partition(".")[0] for name in loaded.split()}
    assert top - {"attention_fer"} <= sys.stdlib_module_names


def test_help_is_immediate(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    seconds = []
    for _ in range(5):
        before = os.times()
        subprocess.run(
            [sys.executable, str(script), "--help"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = os.times()
        spent = [after.children_user - before.children_user]
        seconds.append(sum(spent, after.children_system - before.children_system))
    # Processor time, which a busy machine changes less than the time that passes.
    assert min(seconds) < 0.15


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"attention-fer {attention_fer.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tabel", "attention"], ["'tabel'", "Did you mean 'table'?"]),
        (["--vresion"], ["'--vresion'", "'prepare'"]),
        ([], ["usage: attention-fer", "explain"]),
    ],
)
def test_what_is_no_command_is_refused(arguments, words, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert not printed.out and all(word in printed.err for word in words)


@pytest.mark.parametrize("name", COMMANDS)
def test_usage_names_the_command(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    text = capsys.readouterr().out
    assert stopped.value.code == 0
    assert text.startswith(f"usage: attention-fer {name} ") and "python -m" not in text


@pytest.mark.parametrize("name", ["prepare", "check", "report", "explain", "gates"])
def test_missing_arguments_are_reported_with_the_usage(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"usage: attention-fer {name} ")


def test_check_prints_the_card_of_a_folder(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 1
    assert "manifest.json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("first", "last"),
    [(["attention"], []), (["--table", "attention"], []), ([], ["--table=attention"])],
)
def test_a_table_is_named_with_or_without_its_option(first, last, tmp_path, capsys):
    arguments = ["table", *first, "--data", str(tmp_path), "--out", str(tmp_path / "runs")]
    assert main([*arguments, "--backbones", "vgg-16", *last]) == 2
    assert "'vgg16'" in capsys.readouterr().err


# Refuses to import what the core does not install.
BLOCKED = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
"""
BACKENDS = ["jax", "tensorflow", "torch"]
BEYOND_THE_CORE = [
    *("PIL", "cv2", "filelock", "jinja2", "joblib", "onnxruntime", "pandas", "pooch", "rich"),
    *("python_multipart", "scipy", "simplejpeg", "sklearn", "starlette", "statsmodels"),
    *("tensorboardX", "uvicorn", *BACKENDS),
]


@pytest.mark.parametrize("arguments", [["--help"], ["given"]])
@pytest.mark.parametrize("name", COMMANDS)
def test_with_the_core_alone_a_command_names_its_extra(name, arguments):
    done = python(BLOCKED.format(blocked=BEYOND_THE_CORE) + SCRIPT, name, *arguments)
    assert done.returncode == 2 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert line.endswith(f'pip install "attention-fer[{EXTRAS[name]}]"')


@pytest.mark.parametrize(
    ("name", "blocked", "extra"),
    [
        ("table", BACKENDS, "tensorflow"),
        ("prepare", ["joblib"], "preprocessing"),  # which scikit-learn needs
        ("serve", ["uvicorn"], "serve"),
    ],
)
def test_only_what_is_missing_is_named(name, blocked, extra):
    done = python(BLOCKED.format(blocked=blocked) + SCRIPT, name, "--help")
    assert done.returncode == 2
    assert done.stderr.rstrip().endswith(f'pip install "attention-fer[{extra}]"')


def test_the_extras_exist():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    known = set(config["options.extras_require"])
    assert {extra for names in EXTRAS.values() for extra in names.split(",")} <= known


# Files of a made-up network, beside those that are shipped.
FACES = ("network.keras", "network.onnx", "network.json", "network.md")

BUILD = """
import sys
from setuptools import build_meta
getattr(build_meta, sys.argv[1])(sys.argv[2])
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist of a copy of the project, and the wheel made from that sdist."""
    out, copy = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("copy") / "project"
    tops = (".ci", "attention_fer", "preprocessing", "benchmarks", "docs", "results", "tests")
    for top in tops:
        shutil.copytree(ROOT / top, copy / top, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    weights = copy / "attention_fer" / "pretrained" / "faces"
    weights.mkdir(parents=True)
    for name in FACES:
        (weights / name).write_bytes(b"weights")
    done = python(BUILD, "build_sdist", out, cwd=copy)
    assert done.returncode == 0, done.stderr
    (sdist,) = out.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(out, filter="data")
    done = python(BUILD, "build_wheel", out, cwd=out / sdist.name.removesuffix(".tar.gz"))
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    return sdist, wheel


def files(*patterns):
    """Files of the project, relative to its root."""
    found = [path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()]
    assert found
    return {p.relative_to(ROOT).as_posix() for p in found if "__pycache__" not in p.parts}


def test_the_wheel_holds_the_packages_and_their_data_alone(built):
    with zipfile.ZipFile(built[1]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (entry,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "attention-fer = attention_fer.cli:main" in archive.read(entry).decode()
    code = files("attention_fer/**/*.py", "preprocessing/**/*.py", "benchmarks/**/*.py")
    data = files(
        "*/py.typed",
        "benchmarks/tables/*.csv",
        "benchmarks/release/*.j2",
        "attention_fer/pretrained/**/*",
        "attention_fer/serve/page/*",
        "benchmarks/report/formats/*.j2",
        *(f"benchmarks/report/formats/html/*.{kind}" for kind in ("j2", "css", "js", "svg")),
    )
    expected = {
        name
        for name in code | data
        if not name.startswith(("benchmarks/faces/", "benchmarks/speed/", "benchmarks/visit/"))
    }
    assert names == expected | {f"attention_fer/pretrained/faces/{name}" for name in FACES}


def test_the_sdist_holds_what_the_tests_need(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tested = ("tests/**/*", "results/**/*", "docs/**/*", "benchmarks/**/*.py", ".ci/run")
    told = ("Makefile", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "setup.cfg", "*.txt")
    assert files(*tested, *told) <= names


@pytest.mark.slow
@pytest.mark.network
def test_the_wheel_in_a_fresh_environment(built, tmp_path):
    """Installs the core, then a table's extras, beside modules of the user's that would crash."""
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / "bin"
    mine = tmp_path / "mine"
    (mine / "benchmarks").mkdir(parents=True)
    for name in ("preprocessing.py", "benchmarks/__init__.py"):
        (mine / name).write_text("raise SystemExit('a module of the user')\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KERAS")}
    environment |= {"PYTHONPATH": str(mine), "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200"}

    def run(program, *arguments):
        return subprocess.run(
            [scripts / program, *arguments],
            cwd=mine,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def install(what):
        done = run("python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", what)
        assert done.returncode == 0, done.stderr

    install(f"{built[1]}")
    assert run("attention-fer", "--version").stdout.split()[1] == attention_fer.__version__
    for name, extra in EXTRAS.items():
        for arguments in (["--help"], ["given"]):
            done = run("attention-fer", name, *arguments)
            assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
            assert f'pip install "attention-fer[{extra}]"' in done.stderr
    install(f"{built[1]}[benchmarks,tensorflow]")
    tiny = "--width 0.0625 --epochs 1 --train-samples 32 --eval-samples 16 --batch-size 16"
    rows = "--backbones vgg16 --attentions none se --profile quick"
    done = run("attention-fer", "table", "attention", *rows.split(), *tiny.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 cells, 0 done, 2 to run" in done.stdout
    report = run("attention-fer", "report", "runs/attention", "--format", "markdown")
    assert report.returncode == 0 and report.stdout.count("| vgg16 |") == 2
