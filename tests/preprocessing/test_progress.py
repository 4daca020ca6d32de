"""Progress shows how fast this run is and how long it will take, and passes every item on."""

from __future__ import annotations

import io
import time

from rich.console import Console

from attention_fer.common import progress as module
from attention_fer.common.progress import progress


def run(count, total, done, pause, **options):
    """What a terminal 120 wide shows at the end of `count` items, and the items."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120, **options)

    def items():
        for number in range(count):
            time.sleep(pause)
            yield number

    with progress(console) as track:
        seen = []
        for item in track(items(), "faces", total, done):
            seen.append(item)
            if len(seen) == count // 2:
                time.sleep(0.3)  # long enough for a picture of the middle
    return seen, text.getvalue()


def test_every_item_passes_and_the_end_is_shown():
    seen, text = run(40, 40, 0, 0.02)
    assert seen == list(range(40))
    assert "40/40" in text and "faces" in text and "images/s" in text and " left" in text


def test_work_of_an_earlier_run_counts_as_done_but_not_as_fast(monkeypatch):
    monkeypatch.setattr(module, "_BAR_SECONDS", 0.0)
    seen, text = run(10, 1010, 1000, 0.02)
    assert len(seen) == 10 and "1010/1010" in text
    rates = [float(part.split()[-1]) for part in text.split(" images/s")[:-1]]
    assert 0 < max(rates) < 60  # 10 images in half a second, not 1,010


def test_without_a_terminal_it_prints_plain_lines(monkeypatch):
    monkeypatch.setattr(module, "_LINE_SECONDS", 0.0)
    text = io.StringIO()
    with progress(Console(file=text, width=20), "pictures") as track:
        assert list(track(range(3), "drawing", 5, 2)) == [0, 1, 2]
    *lines, last = text.getvalue().splitlines()
    assert [line.partition(",")[0] for line in lines] == [f"drawing: {n} of 5" for n in (3, 4, 5)]
    assert all("pictures/s" in line and line.endswith(" left") for line in lines)
    assert last.startswith("drawing: 5 of 5, ") and last.endswith("pictures/s")


def test_without_a_length_there_is_no_time_left():
    text = io.StringIO()
    with progress(Console(file=text)) as track:
        assert list(track("ab", "reading", None, 0)) == ["a", "b"]
    assert text.getvalue().startswith("reading: 2, ") and "left" not in text.getvalue()


def test_an_unknown_or_wrong_length_does_no_harm():
    assert len(run(5, None, 0, 0)[0]) == 5
    seen, text = run(5, 3, 0, 0)
    assert len(seen) == 5 and "5/5" in text
    assert run(0, 0, 0, 0)[0] == []
