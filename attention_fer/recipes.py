"""How networks are trained, as data: one named recipe per system, usable for any other.

    from attention_fer import recipes
    recipes.get("mini-resnet").learning_rate

This file needs no framework; `attention_fer.training` turns recipes into layers, losses and
optimizers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from attention_fer.common.checks import one_of
from attention_fer.common.rules import Rule, check_fields, choice, field, flag, number, whole
from attention_fer.training import sampling
from attention_fer.training.augmentation import specification
from attention_fer.training.augmentation.specification import Specification

OPTIMIZERS = ("adam", "adamw", "rmsprop", "adagrad", "sgd", "momentum", "by-norm")
SCHEDULES = ("constant", "plateau", "cosine")
LOSSES = ("crossentropy", "focal")


def _is_freeze(value: Any) -> bool:
    return isinstance(value, str) or (type(value) is int and value >= 0)


def _is_unfreeze(value: Any) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and type(pair[0]) is int and _is_freeze(pair[1])
        for pair in value
    )


_FREEZE = Rule("", 'a number of layers, a layer\'s name, "all" or ""', _is_freeze)
_UNFREEZE = Rule((), "pairs of an epoch and what is frozen from then on", _is_unfreeze)
_PAIRS = Rule((), "pairs of a name and its options", lambda value: isinstance(value, tuple))


@dataclass(frozen=True)
class Recipe:
    """How one network is trained. Values are checked when a recipe is created.

    Attributes:
        epochs: maximum number of epochs.
        patience: epochs without a better validation loss before training stops.
        batch_size: images per step; None for the usual one of the dataset.
        optimizer: "adam"; "adamw"; "rmsprop"; "adagrad"; "sgd" (Nesterov momentum 0.9);
            "momentum" (plain momentum 0.9); or "by-norm": SGD for a network with batch
            normalisation, Adam at a hundredth of the learning rate for one without, which SGD
            cannot start.
        learning_rate: learning rate of the optimizer, at the start or after the warm-up.
        weight_decay: decoupled from the gradient (Loshchilov and Hutter 2019): a step subtracts
            `learning_rate * weight_decay` of each weight. SGD and Adam of PyTorch, which most
            sources used, add it to the gradient: with momentum 0.9 that decays about ten times as
            fast.
        decay_kernels_only: whether weights of one dimension, which are biases and the scales and
            offsets of normalisations, are spared by `weight_decay`.
        schedule: "constant"; "plateau": times `plateau_factor` after `plateau_patience` epochs
            without a better validation loss, as Keras counts them (PyTorch waits for one more);
            "cosine": to zero at the last step.
        plateau_factor, plateau_patience: settings of the schedule "plateau"; the factor is below 1.
        warmup_epochs: epochs in which the rate of the cosine schedule rises from zero, fewer than
            `epochs`; fractions are rounded to whole steps.
        zoom: random zoom by up to this fraction, per axis; 0 for none.
        flip: random horizontal flip.
        augmentation: further augmentations of the training images, after flip and zoom; see
            `attention_fer.training.augmentation`.
        crop_size: images are cropped to a central square of this side before the network, in
            training after the augmentation; None for the whole image. With the augmentation "crop"
            and padding p, training images of side s become random crops of images padded by
            `p - (s - crop_size) / 2`.
        image_size: images are resized to this side before the network; None for their own size.
        channels: 3 repeats a grey image in three channels; None for the images' own number.
        mean, std: mean and standard deviation used to normalise pixels in [0, 1].
        loss: "crossentropy" or "focal" (Lin et al. 2017) with `focal_gamma`.
        focal_gamma: gamma of the focal loss.
        label_smoothing: share of each label that is spread over all classes.
        resample: how the images of an epoch are drawn; "" for each once. See
            `attention_fer.training.sampling`.
        class_weights: class weights of the loss: "", "balanced" or "effective".
        flip_average: whether predictions are the mean of those for an image and for its mirror
            image, in validation, in the test and in the stored network.
        drop_path: stochastic depth, the rate of the last block.
        ema: momentum of an exponential moving average of the weights, which is then what is
            evaluated; 0 for none.
        sam: radius of sharpness-aware minimisation; 0 for none.
        freeze: what is not trained: "" for nothing, "all" for all but the head, the name of the
            last frozen layer, or the number of frozen layers.
        unfreeze: (epoch, freeze) pairs, epochs increasing from 2 on: from that epoch on only this
            is frozen. The optimizer restarts there, at `learning_rate`, and so do patience and
            plateau. If training ends before that epoch, the rest is never released.
        norm_momentum: momentum of the batch normalisations, in Keras's sense.

    Raises:
        ValueError: a value of another type or out of range, with the nearest name for a typo.
    """

    epochs: int = field(whole(200, at_least=1))
    patience: int = field(whole(15, at_least=1))
    batch_size: int | None = field(whole(None, at_least=1))
    optimizer: str = field(choice("adam", OPTIMIZERS))
    learning_rate: float = field(number(1e-4, above=0))
    weight_decay: float = field(number(0.0, at_least=0))
    decay_kernels_only: bool = field(flag(False))
    schedule: str = field(choice("constant", SCHEDULES))
    plateau_factor: float = field(number(0.1, above=0, below=1))
    plateau_patience: int = field(whole(10, at_least=0))
    warmup_epochs: float = field(number(0.0, at_least=0))
    zoom: float = field(number(0.3, at_least=0, below=1))
    flip: bool = field(flag(True))
    augmentation: Specification = field(_PAIRS)  # noqa: RUF009
    crop_size: int | None = field(whole(None, at_least=1))
    image_size: int | None = field(whole(None, at_least=1))
    channels: int | None = field(Rule(None, "1, 3 or None", lambda value: value in (None, 1, 3)))
    mean: float = field(number(0.0))
    std: float = field(number(1.0, above=0))
    loss: str = field(choice("crossentropy", LOSSES))
    focal_gamma: float = field(number(2.0, at_least=0))
    label_smoothing: float = field(number(0.0, at_least=0, below=1))
    resample: str = field(choice("", ("", *sampling.KINDS)))
    class_weights: str = field(choice("", ("", *sampling.WEIGHTS)))
    flip_average: bool = field(flag(False))
    drop_path: float = field(number(0.0, at_least=0, below=1))
    ema: float = field(number(0.0, at_least=0, below=1))
    sam: float = field(number(0.0, at_least=0))
    freeze: str | int = field(_FREEZE)
    unfreeze: tuple[tuple[int, str | int], ...] = field(_UNFREEZE)
    norm_momentum: float = field(number(0.99, at_least=0, at_most=1))

    def __post_init__(self) -> None:
        check_fields(self)
        specification.check(self.augmentation)
        if self.warmup_epochs and self.schedule != "cosine":
            raise ValueError(
                f"Only the schedule 'cosine' has a warm-up, got {self.schedule!r}: set "
                "warmup_epochs to 0."
            )
        firsts = [1, *(epoch for epoch, _ in self.unfreeze)]
        if firsts != sorted(set(firsts)):
            raise ValueError(f"The epochs of unfreeze must increase from 2 on, got {firsts[1:]}.")
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs must be below epochs, got {self.warmup_epochs:g} of {self.epochs}."
            )
        if self.unfreeze and self.schedule == "cosine":
            raise ValueError("The schedule 'cosine' must not be restarted by unfreeze.")
        if self.unfreeze and not self.freeze:
            raise ValueError("unfreeze releases what freeze holds, but freeze is empty.")

    @property
    def full_augmentation(self) -> Specification:
        """`flip`, `zoom` and `augmentation` as one specification, in the order they are applied."""
        flip: Specification = (("flip", ()),) if self.flip else ()
        zoom: Specification = ()
        if self.zoom:
            zoom = (("zoom", (("fraction", self.zoom), ("fill", "nearest"))),)
        return (*flip, *zoom, *self.augmentation)


# What Khaireddin and Chen, Bodapati and others have in common: the face moves a little.
_MOVED: Specification = (("translate", (("fraction", 0.2),)), ("rotate", (("degrees", 10.0),)))

_TRANSFORMER = Recipe(
    batch_size=64,
    weight_decay=1e-4,
    schedule="plateau",
    plateau_factor=0.75,
    plateau_patience=5,
    zoom=0.0,
    image_size=224,
)

# What keras.applications subtracts from the channels for its older networks, averaged over the
# three, because those of a grey image are equal.
_IMAGENET: dict[str, Any] = {"mean": (103.939 + 116.779 + 123.68) / 3 / 255, "std": 1 / 255}

RECIPES: dict[str, Recipe] = {
    # The thesis behind the attention table: Adam 1e-4, zoom, flip, patience 15.
    "published": Recipe(),
    # Khaireddin and Chen 2021, https://arxiv.org/abs/2105.03588, without their ten crops: 73.28 on
    # the public test images of FER2013 with a VGG of four blocks.
    "vgg-fer2013": Recipe(
        epochs=300,
        patience=300,
        batch_size=64,
        optimizer="sgd",
        learning_rate=0.01,
        weight_decay=1e-4,
        schedule="plateau",
        plateau_factor=0.75,
        plateau_patience=5,
        zoom=0.2,
        augmentation=(*_MOVED, ("erasing", (("p", 0.5),))),
    ),
    # The report on CNNs and a fine-tuned ViT. It prints neither optimizer nor rate of its CNNs:
    # Adam at Keras's default rate is used here. Its CNN V2.1 was trained for seventeen epochs.
    "small-cnn": Recipe(
        epochs=17,
        batch_size=64,
        learning_rate=1e-3,
        zoom=0.0,
        flip=False,
        resample="inverse-frequency",
    ),
    # The same report: a pretrained ViT-B/16 with five dense layers, frozen, then released bit by
    # bit. It does not print when which layers were released: here it is a third of the blocks
    # every six epochs. It does not mention augmentation. Pixels reach Google's ViT in [-1, 1].
    "vit-finetuned": Recipe(
        epochs=24,
        patience=24,
        learning_rate=1e-4,
        batch_size=64,
        zoom=0.0,
        flip=False,
        image_size=224,
        channels=3,
        mean=0.5,
        std=0.5,
        resample="inverse-frequency",
        freeze="all",
        unfreeze=((7, "transformer_block_8_add_2"), (13, "transformer_block_4_add_2"), (19, "")),
    ),
    # The assignment on mini-ResNet: 349 epochs until nothing improved. Its plateau schedule and
    # normalisation are PyTorch's, whose defaults are a tenth after ten epochs, and 0.9 here.
    "mini-resnet": Recipe(
        epochs=349,
        patience=349,
        batch_size=256,
        schedule="plateau",
        zoom=0.0,
        augmentation=(("affine", (("rotate", 8.0), ("translate", 0.2), ("scale", (0.8, 1.2)))),),
        mean=0.5077,
        std=0.2550,
        norm_momentum=0.9,
        resample="inverse-frequency",
    ),
    # The thesis on transformers, table 3.1: Residual Masking as its authors trained it. The table
    # gives neither the augmentation nor the factor of the schedule: here images are flipped, and
    # the rate falls to a tenth.
    "residual-masking": Recipe(
        epochs=50,
        patience=8,
        batch_size=48,
        optimizer="momentum",
        learning_rate=1e-4,
        weight_decay=1e-3,
        schedule="plateau",
        plateau_factor=0.1,
        plateau_patience=2,
        zoom=0.0,
        image_size=224,
        channels=3,
        norm_momentum=0.9,
    ),
    # The same thesis, table 3.2; it does not print the strengths of its augmentations.
    "vit": replace(
        _TRANSFORMER,
        epochs=85,
        patience=85,
        learning_rate=3e-4,
        augmentation=(
            ("crop", (("padding", 4),)),
            *_MOVED,
            ("cutout", (("fraction", 0.25),)),
            ("erasing", (("p", 0.5),)),
            ("mixup", (("alpha", 0.2),)),
        ),
    ),
    # Table 3.3; the rate of its stochastic depth is that of Touvron et al. 2021.
    "deit": replace(
        _TRANSFORMER,
        epochs=145,
        patience=145,
        optimizer="adamw",
        learning_rate=1.5e-4,
        drop_path=0.1,
        augmentation=(
            ("crop", (("padding", 4),)),
            ("shear", (("fraction", 0.1),)),
            ("rotate", (("degrees", 10.0),)),
            ("solarize", (("p", 0.2),)),
            ("erasing", (("p", 0.5),)),
            ("cutmix", (("alpha", 1.0),)),
        ),
    ),
    # Table 3.4.
    "convnext": replace(
        _TRANSFORMER,
        epochs=110,
        patience=110,
        optimizer="adamw",
        learning_rate=1e-4,
        augmentation=(
            ("crop", (("padding", 4),)),
            ("randaugment", (("operations", 2), ("magnitude", 9.0))),
            ("erasing", (("p", 0.5),)),
            ("cutmix", (("alpha", 1.0),)),
        ),
    ),
    # The transfer-learning report: the first 165 layers of ResNet-50 frozen. It prints no learning
    # rate; 0.01 is Keras's default for SGD. "Decayed by 10%": to nine tenths. Nor does it say how
    # pixels reach the network: here as its weights were trained, from 0 to 255 without ImageNet's
    # mean.
    "transfer-resnet50": Recipe(
        batch_size=32,
        optimizer="momentum",
        learning_rate=0.01,
        schedule="plateau",
        plateau_factor=0.9,
        plateau_patience=3,
        zoom=0.0,
        flip=False,
        channels=3,
        **_IMAGENET,
        freeze=165,
    ),
    # Its VGG-16, frozen entirely, with larger batches and augmentation.
    "transfer-vgg16": Recipe(
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.01,
        schedule="plateau",
        plateau_factor=0.9,
        plateau_patience=3,
        zoom=0.1,
        channels=3,
        **_IMAGENET,
        freeze="all",
    ),
    # For `small_resnet` on a processor: FER2013 within half an hour on two cores. Mean and standard
    # deviation are those of FER2013's training images, as in "mini-resnet". The patience never
    # ends a training, so that `--epochs` alone decides how long it is.
    "fer-small": Recipe(
        epochs=14,
        patience=1000,
        batch_size=128,
        optimizer="adamw",
        learning_rate=4e-3,
        weight_decay=0.05,
        decay_kernels_only=True,
        schedule="cosine",
        warmup_epochs=0.5,
        zoom=0.0,
        augmentation=(("crop", (("padding", 4),)),),
        crop_size=44,
        mean=0.5077,
        std=0.2550,
        label_smoothing=0.1,
        flip_average=True,
        ema=0.99,
        norm_momentum=0.9,
    ),
    # Topographic maps of the same thesis: Adam and fifteen epochs, without augmentation, as the
    # maps have a left and a right.
    "eeg": Recipe(epochs=15, patience=15, batch_size=32, learning_rate=1e-3, zoom=0.0, flip=False),
}

# The same for a network to be used: longer, with small rotations, changes of brightness and
# contrast, and erasing, against overfitting, and an average over more epochs.
RECIPES["fer-small-long"] = replace(
    RECIPES["fer-small"],
    epochs=60,
    augmentation=(
        ("brightness", ()),
        ("contrast", ()),
        ("affine", (("rotate", 10.0), ("scale", (0.9, 1.1)))),
        ("crop", (("padding", 4),)),
        ("erasing", ()),
    ),
    ema=0.998,
)


def names() -> list[str]:
    """Return the names of all recipes."""
    return list(RECIPES)


def get(name: str) -> Recipe:
    """Return the recipe of that name. Raises ValueError with the nearest known one."""
    return RECIPES[one_of("recipe", name, RECIPES)]


def changes(name: str) -> dict[str, Any]:
    """Return the values of a recipe that differ from the defaults. Raises as `get`."""
    usual = asdict(Recipe())
    return {key: value for key, value in vars(get(name)).items() if value != usual[key]}
