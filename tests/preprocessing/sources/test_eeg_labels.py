"""The table of labels: which stretches of which recordings it labels, and its errors."""

from __future__ import annotations

import pytest
from eeg_recordings import raw, save

from preprocessing.sources.eeg.labels import read_labels

MARKED = [(1, 2, "S1"), (4, 2, "S2"), (8, 2, "S1")]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("preprocessing.sources.eeg.images.topography", lambda *given: None)
    monkeypatch.setattr("preprocessing.sources.eeg.images.frame", lambda info: 0.095)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two recordings of 12 s with three events each, one of them deeper."""
    path = tmp_path_factory.mktemp("recordings")
    save(raw(annotations=MARKED), path / "a_raw.fif")
    save(raw(annotations=MARKED), path / "deep" / "b_raw.fif")
    return path


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_times_label_stretches_of_each_file(read, folder, table):
    labels = table(
        "File, start ,end,label,subject\na_raw.fif,0,4,happy,p1\nb_raw.fif,1,3.5,sad,p2\n"
        "./deep/b_raw.fif,10,12,happy,p3\n\n"
    )
    found = read("eeg", folder, labels=labels)
    assert [(s.label, s.subject, s.source) for s in found.samples] == [
        ("happy", "p1", "a_raw.fif/trial 0/0.000-2.000 s"),
        ("happy", "p1", "a_raw.fif/trial 0/2.000-4.000 s"),
        ("sad", "p2", "deep/b_raw.fif/trial 0/1.000-3.000 s"),
        ("happy", "p3", "deep/b_raw.fif/trial 1/10.000-12.000 s"),
    ]


def test_events_are_labelled_by_their_number(read, folder, table):
    labels = table("event,label\n2,sad\n0,happy\n1,happy\n")
    found = read("eeg", folder / "a_raw.fif", labels=labels)
    assert [(s.label, s.source.split("/")[-1]) for s in found.samples] == [
        ("happy", "1.000-3.000 s"),
        ("happy", "4.000-6.000 s"),
        ("sad", "8.000-10.000 s"),
    ]


def test_a_recording_that_the_table_does_not_name_is_dropped(read, folder, table):
    found = read("eeg", folder, labels=table("file,start,end,label\na_raw.fif,0,4,happy\n"))
    assert found.reasons == {"deep/b_raw.fif": "recording without a label"}
    assert len(found.samples) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "columns label.*got.*none"),
        ("start,label\n0,a\n", "got the columns start, label"),
        ("start,end,event,label\n0,1,1,a\n", "columns label"),
        ("start,end,label,subjct\n0,1,a,p\n", "columns label.*subjct"),
        ("start,end,label,label\n0,1,a,p\n", "columns label"),
        ("start,end,label\n", "0 lines of labels"),
        ("start,end,label\n0,2\n", "line 2: wrong number of columns .2 cells, expected 3"),
    ],
)
def test_a_table_that_is_none_is_refused(text, told, table):
    with pytest.raises(ValueError, match=told):
        read_labels(table(text))


def test_a_table_that_is_not_unicode_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes("start,end,label\n0,2,fröhlich\n".encode("cp1252"))
    with pytest.raises(ValueError, match="must be in UTF-8 or UTF-16"):
        read_labels(path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_may_have_any_common_separator_and_encoding(separator, encoding, tmp_path):
    path = tmp_path / "labels.csv"
    text = "Start, end,label\n0,2,fröhlich\n\n2, 4,sad\n".replace(",", separator)
    path.write_bytes(text.encode(encoding))
    found = read_labels(path)
    assert found.columns == ["start", "end", "label"]
    assert found.rows == [
        {"line": "2", "start": "0", "end": "2", "label": "fröhlich"},
        {"line": "4", "start": "2", "end": "4", "label": "sad"},
    ]


def test_a_missing_table_is_refused(read, folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="none.csv"):
        read("eeg", folder, labels=tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file,start,end,label\nc_raw.fif,0,2,a\n", "line 2.*one recording.*'c_raw.fif'"),
        ("start,end,label\n0,2,a\n", "column file.*2 recordings"),
        ("file,start,end,label\na_raw.fif,0,2,a\na_raw.fif,2,4, \n", "line 3.*a label"),
        ("file,start,end,label\na_raw.fif,0,2,a\na_raw.fif,11,12.5,a\n", "line 3.*<= 12 s"),
        ("file,start,end,label\na_raw.fif,3,2,a\n", "start < end"),
        ("file,start,end,label\na_raw.fif,-1,2,a\n", "0 <= start"),
        ("file,start,end,label\na_raw.fif,0,x,a\n", "start < end.*'x'"),
        ("file,start,end,label\na_raw.fif,0,nan,a\n", "start < end.*'nan'"),
        ("file,start,end,label\na_raw.fif,0,4,a\na_raw.fif,3.5,6,b\n", "'a' and 'b' overlap"),
        ("file,event,label\na_raw.fif,0,a\na_raw.fif,3,a\n", "line 3.*has 3"),
        ("file,event,label\na_raw.fif,-1,a\n", "line 2.*has 3"),
        ("file,event,label\na_raw.fif,1.5,a\n", "line 2.*has 3"),
        ("file,event,label\na_raw.fif,0,a\na_raw.fif,0,b\n", "line 3.*once"),
        ("file,event,label\na_raw.fif,0,a\na_raw.fif,2,a\n", r"all 3.*a_raw.fif.*1 \(S2\)"),
    ],
)
def test_labels_that_do_not_fit_the_recordings_are_refused(read, text, told, folder, table):
    with pytest.raises(ValueError, match=told):
        read("eeg", folder, labels=table(text))


@pytest.mark.parametrize("option", [{"tmin": 0.0}, {"events": ["S1"]}])
def test_options_without_effect_are_refused_beside_a_table(read, option, folder, table):
    labels = table("file,start,end,label\na_raw.fif,0,4,a\n")
    with pytest.raises(ValueError, match="no effect"):
        read("eeg", folder, labels=labels, **option)


def test_a_file_name_that_two_recordings_have_is_not_enough(read, table, tmp_path):
    for part in ("one", "two"):
        save(raw(3, annotations=[(0, 2, "x")]), tmp_path / part / "a_raw.fif")
    text = "file,start,end,label\n{},0,2,a\n"
    with pytest.raises(ValueError, match="path of one recording"):
        read("eeg", tmp_path, labels=table(text.format("a_raw.fif")))
    found = read("eeg", tmp_path, labels=table(text.format("two/a_raw.fif")))
    assert [sample.source for sample in found.samples] == ["two/a_raw.fif/trial 0/0.000-2.000 s"]


def test_times_are_refused_for_what_has_no_time_of_its_own(read, table, tmp_path):
    import mne

    epochs = mne.make_fixed_length_epochs(raw(4), 2.0, preload=True, verbose="error")
    path = save(epochs, tmp_path / "a-epo.fif")
    with pytest.raises(ValueError, match="column event.*a-epo.fif has epochs"):
        read("eeg", path, labels=table("start,end,label\n0,2,a\n"))
    labels = table("event,label\n0,happy\n1,sad\n")
    assert [sample.label for sample in read("eeg", path, labels=labels).samples] == ["happy", "sad"]
