"""What each part of the recipe `fer-small` is worth: one row without each of them.

    python -m benchmarks.run --table ablation --datasets fer2013 --seeds 3 --set drop_copies=true

The reference is the whole recipe. It is made for CPUs, so both profiles use it unchanged.
"""

from benchmarks.plan.settings import QUICK, choices, settle
from benchmarks.table import Row, Table

RECIPE = "fer-small"
WHOLE = Row("small_resnet", "se", recipe=RECIPE)
WITHOUT = (
    {"ema": 0.0},
    {"label_smoothing": 0.0},
    {"warmup_epochs": 0.0},
    {"schedule": "constant", "warmup_epochs": 0.0},
    {"flip": False},
    # Random crops, then also the cut to their size.
    {"augmentation": ()},
    {"augmentation": (), "crop_size": None},
    # Keras's Adam decays weights like AdamW.
    {"optimizer": "adam", "weight_decay": 0.0},
    {"decay_kernels_only": False},
    {"norm_momentum": 0.99},
    {"flip_average": False},
)
# What the recipe leaves out.
WITH = ({"drop_path": 0.1},)

ABLATION = Table(
    name="ablation",
    title="The recipe of the small residual network without each of its parts",
    rows=(
        WHOLE,
        *(Row("small_resnet", "se", recipe=RECIPE, settings=row) for row in (*WITHOUT, *WITH)),
        Row("small_resnet", "se", recipe=RECIPE, options={"dropout": 0.0}),
        Row("small_resnet", recipe=RECIPE),
    ),
    chosen={"": WHOLE},
    quick={name: getattr(settle(choices(recipe=RECIPE)), name) for name in QUICK},
)
