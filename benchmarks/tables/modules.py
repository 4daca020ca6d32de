"""All attention modules on the small residual network, each placed as its authors placed it.

    python -m benchmarks.run --table modules --datasets fer2013 --epochs 20 --profile full \
        --seeds 3 --control --cost

Most authors put their module on the residual branch, before the addition, which is the default. The
others, in the terms of this network:

- SimAM: before the last normalisation of the branch.
- GCT: before every convolution of a block.
- BAM: on the output of the first three stages.
- GC: before the addition, in all stages but the first.
- scSE, cSE and sSE: on the output of a block, as after each block of a U-Net.
- DAN: once, on the last map.

Coordinate Attention (in a mobile network, before the last 1x1 convolution), LKA and what its
network puts around it, EMA (late in a detector), NAM and PfAAM have no such place here and use the
default. Numbers of groups and frequencies divide this network's 24 to 192 channels.

Rows of the table `attention` with `--recipe fer-small --set drop_copies=true` are the same cells:
results can be copied from one table to the other.
"""

from __future__ import annotations

from typing import Any

from benchmarks.table import Row, Table

BACKBONE = "small_resnet"


def _row(attention: str, config: dict[str, Any] | None = None, **options: Any) -> Row:
    return Row(BACKBONE, attention, config=config or {}, options=options, recipe="fer-small")


MODULES = Table(
    name="modules",
    title="Attention modules on a small residual network",
    settings={"drop_copies": True},
    # Narrower maps have fewer channels than some modules have groups.
    quick={"width": 1.0},
    rows=(
        _row("none"),
        _row("se"),
        _row("eca"),
        _row("cbam"),
        _row("sequence", {"modules": ("eca", "cbam_spatial")}),
        _row("coord"),
        _row("simam", attention_position="pre-norm"),
        _row("scse", attention_position="post-add"),
        _row("cse", attention_position="post-add"),
        _row("sse", attention_position="post-add"),
        _row("triplet"),
        _row("bam", attention_position="stage", attention_stages=(1, 2, 3)),
        _row("gc", attention_stages=(2, 3, 4)),
        _row("dan", attention_position="stage", attention_stages=(4,)),
        _row("ese"),
        _row("gct", attention_position="pre-conv"),
        _row("srm"),
        _row("ema", {"groups": 8}),
        _row("fca", {"frequencies": 8}),
        _row("sge", {"groups": 8}),
        _row("lka"),
        _row("van_attention"),
        _row("shuffle", {"groups": 4}),
        _row("nam"),
        _row("pfaam"),
    ),
)
