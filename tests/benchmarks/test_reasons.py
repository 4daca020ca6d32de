"""Before cells are trained again, the run says how they differ from the stored ones."""

from dataclasses import replace

import numpy as np
import pytest
from fabricated import cell, put_done

from benchmarks.results.store import Store
from benchmarks.run.reasons import retraining
from benchmarks.table import Row


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "attention")


def changed(one, **settings):
    return replace(one, settings=replace(one.settings, **settings))


def lines(cells, store, keep=(), planned=()):
    return list(retraining(cells, store, keep, planned))


def test_nothing_is_said_of_a_first_run_or_of_other_networks(store):
    put_done(store, cell(attention="se"), np.ones(4))
    assert lines([cell(attention="eca"), cell(attention="se", seed=1)], store) == []


def test_networks_that_were_not_kept_are_named(store):
    cells = [cell(seed=seed) for seed in range(3)]
    for one in cells[:2]:
        put_done(store, one, np.ones(4))
    (line,) = lines(cells, store, keep={one.slug for one in cells})
    assert (
        line.startswith("2 cells are trained again, because the network is not stored")
        and "--save-models" in line
    )


def test_settings_that_differ_are_named_once_for_all_cells(store):
    stored = [cell(seed=seed) for seed in range(3)]
    for one in stored:
        put_done(store, one, np.ones(4))
    epochs = stored[0].settings.epochs
    wanted = [changed(one, epochs=epochs + 6, label_smoothing=0.1) for one in stored]
    (line,) = lines(wanted, store)
    assert line.startswith("3 cells are trained again, because stored results have other settings")
    assert f"epochs {epochs + 6}, stored {epochs}" in line
    assert "label smoothing 0.1, stored 0.0" in line


def test_the_nearest_of_several_is_compared(store):
    one = cell()
    put_done(store, changed(one, epochs=3, ema=0.9), np.ones(4))
    put_done(store, changed(one, epochs=3), np.ones(4))
    (line,) = lines([one], store)
    assert "epochs" in line and "ema" not in line


def test_a_derived_fact_is_named_only_where_nothing_else_differs(store):
    one = cell()
    other = replace(one, target=replace(one.target, fingerprint="f" * 64))
    put_done(store, other, np.ones(4))
    (line,) = lines([one], store)
    assert "fingerprint" in line
    (line,) = lines([changed(one, ema=0.9)], store)
    assert "fingerprint" not in line and "ema" in line


def test_options_of_the_network_count_too(store):
    one = cell()
    put_done(store, one, np.ones(4))
    other = replace(one, row=Row(one.row.backbone, one.row.attention, options={"dropout": 0.2}))
    (line,) = lines([other], store)
    assert "dropout 0.2, stored not set" in line


def test_a_control_is_another_network_than_the_plain_one(store):
    one = cell()
    put_done(store, one, np.ones(4))
    control = replace(one, row=Row(one.row.backbone, "none", matched="se"))
    assert one.row.attention == "none" and lines([control], store) == []


def test_other_rows_of_the_plan_are_not_named(store):
    one = cell()
    put_done(store, changed(one, ema=0.9), np.ones(4))
    put_done(store, changed(one, ema=0.8), np.ones(4))
    assert lines([one], store, planned=[one, changed(one, ema=0.9), changed(one, ema=0.8)]) == []
    (line,) = lines([one], store, planned=[one, changed(one, ema=0.9)])
    assert "stored 0.8" in line
