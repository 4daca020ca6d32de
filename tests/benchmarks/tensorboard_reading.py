"""Reads event files as TensorBoard does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import (
    api_pb2,
    backend_context,
    get_experiment,
    list_session_groups,
    metadata,
)
from tensorboard.util import tensor_util


def read(run: Path) -> dict[str, list[tuple[int, Any]]]:
    """Tag to (step, value) of a run: numbers, pictures as arrays, texts."""
    events = EventAccumulator(str(run), size_guidance={"tensors": 0})
    events.Reload()
    found = {}
    for plugin, value in {"scalars": _scalar, "images": _image, "text": _text}.items():
        if plugin not in events.ActivePlugins():
            continue
        for tag in events.PluginTagToContent(plugin):
            found[tag] = [(e.step, value(e.tensor_proto)) for e in events.Tensors(tag)]
    return found


def hparams(run: Path) -> dict[str, Any]:
    """The session that a run is: its hyperparameters and its status."""
    events = EventAccumulator(str(run), size_guidance={"tensors": 0})
    events.Reload()
    content = events.PluginTagToContent("hparams")
    start = metadata.parse_session_start_info_plugin_data(content["_hparams_/session_start_info"])
    end = content.get("_hparams_/session_end_info")
    values = {key: getattr(v, v.WhichOneof("kind")) for key, v in start.hparams.items()}
    status = None if end is None else metadata.parse_session_end_info_plugin_data(end).status
    return {"values": values, "status": status}


def hparams_tab(logdir: Path) -> tuple[list[str], list[str], dict[str, tuple[dict, dict]]]:
    """The tab HParams of a folder: its hyperparameters and its metrics, both in the order that the
    tab shows them, and of each run the values of both.
    """
    runs = EventMultiplexer(tensor_size_guidance={"tensors": 0}).AddRunsFromDirectory(str(logdir))
    runs.Reload()
    provider = MultiplexerDataProvider(runs, str(logdir))
    context = backend_context.Context(TBContext(data_provider=provider))
    request = api_pb2.GetExperimentRequest(experiment_name="", include_metrics=True)
    described = get_experiment.Handler(RequestContext(), context, "", request).run()
    columns = [info.name for info in described.hparam_infos]
    metrics = [info.name.tag for info in described.metric_infos]
    every = api_pb2.ListSessionGroupsRequest(
        slice_size=1000,
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_UNKNOWN],
        col_params=[api_pb2.ColParams(metric=info.name) for info in described.metric_infos],
    )
    found = list_session_groups.Handler(RequestContext(), context, "", every).run()
    rows = {
        group.name: (
            {key: getattr(value, value.WhichOneof("kind")) for key, value in group.hparams.items()},
            {metric.name.tag: metric.value for metric in group.metric_values},
        )
        for group in found.session_groups
    }
    return columns, metrics, rows


def _scalar(proto: Any) -> float:
    return float(tensor_util.make_ndarray(proto))


def _image(proto: Any) -> np.ndarray:
    width, height, png = tensor_util.make_ndarray(proto)[:3]
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    assert pixels.shape[:2] == (int(height), int(width))
    return pixels


def _text(proto: Any) -> str:
    return tensor_util.make_ndarray(proto).item().decode()
