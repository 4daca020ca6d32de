"""Wrong arguments of the command: exit status 2, one sentence, the nearest valid name."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from benchmarks.plan import datasets
from benchmarks.run.__main__ import main
from benchmarks.run.arguments import setting
from preprocessing.dataset import Dataset
from preprocessing.prepare import prepare


@pytest.fixture
def refused(dataset, tmp_path, capsys):
    def run(*arguments):
        """What is printed for arguments that must be refused before anything runs."""
        usual = ["--table", "attention", "--data", str(dataset.path.parent)]
        out = tmp_path / "runs"
        assert main([*usual, "--out", str(out), *arguments]) == 2
        assert not out.exists()
        printed = capsys.readouterr()
        text = " ".join((printed.out + printed.err).split())
        assert text.startswith("error: ") and text.count("error: ") == 1
        assert "Traceback" not in text
        return text

    return run


@pytest.mark.parametrize(
    ("option", "given", "nearest"),
    [
        ("--table", "atention", "'attention'"),
        ("--backbones", "vgg-16", "'vgg16'"),
        ("--attentions", "cbma", "'cbam'"),
        ("--profile", "quik", "'quick'"),
        ("--variant", "publised", "'published'"),
        ("--protocol", "oficial", "'official'"),
        ("--optimizer", "sdg", "'sgd'"),
        ("--backend", "tensorflo", "'tensorflow'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(refused, option, given, nearest):
    text = refused(option, given)
    assert repr(given) in text
    assert f"id you mean {nearest}?" in text


def test_a_protocol_that_the_dataset_cannot_have_is_refused(refused, tmp_path):
    prepare("schematic", None, tmp_path / "few" / "schematic", subjects=5, per_subject=14)
    text = refused("--data", str(tmp_path / "few"), "--protocol", "subject-10fold")
    assert "ten" in text or "10" in text


def test_a_table_file_that_is_not_there_is_named(refused, tmp_path):
    assert "nowhere.py" in refused("--table", str(tmp_path / "nowhere.py"))


def test_an_unknown_dataset_is_answered_with_those_that_are_there(refused):
    text = refused("--datasets", "schematics")
    assert "No prepared dataset 'schematics'" in text
    assert "Found: schematic." in text


def test_a_data_folder_that_is_not_there_is_named(refused, tmp_path):
    text = refused("--data", str(tmp_path / "nowhere"), "--datasets", "fer2013")
    assert "nowhere" in text.replace(" ", "")
    assert "python -m preprocessing.run" in text


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("--seeds", "0"),
        ("--jobs", "0"),
        ("--epochs", "0"),
        ("--patience", "0"),
        ("--width", "0"),
        ("--width", "-1"),
        ("--batch-size", "0"),
        ("--learning-rate", "nan"),
        ("--train-samples", "0"),
    ],
)
def test_a_number_out_of_range_is_refused_by_name(refused, option, given):
    text = refused(option, given).replace("-", "_")
    assert option.strip("-").replace("-", "_") in text


def test_ray_needs_to_know_what_this_machine_cannot_tell(refused):
    assert "--profile" in refused("--executor", "ray")
    assert "--replicas" in refused("--executor", "ray", "--profile", "full", "--replicas", "all")


@pytest.mark.parametrize(
    ("text", "value"),
    [("x=True", True), ("x=false", False), ("x=None", None), ("x=cosine", "cosine")],
)
def test_values_of_settings_are_read_as_json_or_python(text, value):
    assert setting(text) == ("x", value)


def test_a_run_waits_for_another_that_generates_its_dataset(tmp_path, monkeypatch):
    asked = []

    def prepare(name, source, folder, overwrite):
        asked.append(folder)
        if len(asked) == 1:
            raise BlockingIOError("another process")
        monkeypatch.setattr(datasets.Dataset, "open", lambda path: path)

    monkeypatch.setattr("preprocessing.prepare.prepare", prepare)
    monkeypatch.setattr(datasets, "_LOOK_AGAIN", 0.0)
    said = io.StringIO()
    folder = tmp_path / "schematic"
    assert datasets._generate("schematic", folder, Console(file=said)) == folder
    assert asked == [folder, folder] and "waiting" in said.getvalue()


def test_a_damaged_dataset_is_refused(refused, tmp_path):
    broken = tmp_path / "data" / "fer2013"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{")
    assert "fer2013" in refused("--data", str(tmp_path / "data"))


@pytest.mark.parametrize("arguments", [["--seeds", "two"], ["--colour", "red"], []])
def test_what_the_parser_refuses_has_status_2(arguments, capsys):
    table = ["--table", "attention"] if arguments else []
    with pytest.raises(SystemExit) as stopped:
        main([*table, *arguments])
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_an_error_without_a_traceback(dataset, tmp_path, capsys):
    (tmp_path / "runs").write_text("a file where the folder should be")
    arguments = ["--data", str(dataset.path.parent), "--out", str(tmp_path / "runs")]
    assert main(["--table", "attention", "--backbones", "vgg16", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "runs" in error and "Traceback" not in error


@pytest.mark.slow
def test_generated_faces_of_an_earlier_version_are_made_anew(tmp_path):
    folder = tmp_path / "schematic"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"schema_version": 1, "fingerprint": "old"}')
    said = io.StringIO()
    console = Console(file=said)
    assert datasets._generate("schematic", folder, console) == folder
    before = Dataset.open(folder).fingerprint
    written = (folder / "images.npy").stat().st_mtime_ns
    assert datasets._generate("schematic", folder, console) == folder  # and then stay
    assert Dataset.open(folder).fingerprint == before
    assert (folder / "images.npy").stat().st_mtime_ns == written
    assert said.getvalue().count("Generating") == 1


def test_planning_loads_no_framework(dataset, tmp_path):
    code = "import sys\nfrom benchmarks.run.__main__ import main\nassert main(sys.argv[1:]) == 0\n"
    code += "sys.exit(' '.join({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)) or 0)"
    where = ["--data", str(dataset.path.parent), "--out", str(tmp_path)]
    command = [sys.executable, "-c", code, "--table", "attention", "--dry-run", *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
