"""Measures the effect of FER2013's copies: a small residual network trained with and without.

    python -m benchmarks.run --table copies --datasets fer2013 --recipe fer-small --profile full \
        --seeds 5

288 images of FER2013's PrivateTest are also in Training. The reference leaves such images out of
its training; the other row trains on them. Their difference on all test images is what the copies
are worth; on images without a copy it should vanish.

The reference is the cell that `--table attention --set drop_copies=true` trains with that recipe:
if its folders are copied to the results of this table, only the other row is trained.
"""

from benchmarks.table import Row, Table

WITHOUT = Row("small_resnet")
WITH = Row("small_resnet", settings={"drop_copies": False})

COPIES = Table(
    name="copies",
    title="A small residual network trained with and without copies of test images",
    rows=(WITHOUT, WITH),
    chosen={"": WITHOUT},
    settings={"drop_copies": True},
)
