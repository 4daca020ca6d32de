"""What the copies in FER2013 are worth: the small residual network trained with and without them.

    python -m benchmarks.run --table copies --datasets fer2013 --recipe fer-small --profile full \
        --seeds 5 --set drop_copies=true

288 images of FER2013's PrivateTest lie in Training, too. The reference leaves such images out of
its training; it is the same cell as in the table `attention`. The other row trains on them. The
difference on all test images is what the copies are worth; on those without a copy it should
vanish.
"""

from benchmarks.table import Row, Table

WITHOUT = Row("small_resnet")
WITH = Row("small_resnet", settings={"drop_copies": False})

COPIES = Table(
    name="copies",
    title="A small residual network trained with and without copies of test images",
    rows=(WITHOUT, WITH),
    chosen={"": WITHOUT},
)
