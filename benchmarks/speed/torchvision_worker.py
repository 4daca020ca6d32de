"""Times a network of torchvision for `benchmarks.speed.libraries`; needs nothing but torchvision.

It reads its settings as JSON from the command line, then one question per line: "parameters",
"training" or "prediction". It answers with a number, of parameters or of seconds.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main() -> None:
    """Answers until the input ends."""
    import torch
    import torchvision

    settings = json.loads(sys.argv[1])
    network = getattr(torchvision.models, settings["name"])(num_classes=settings["classes"])
    size, n = settings["size"], settings["batch"]
    images = torch.rand(n, 3, size, size)
    labels = torch.arange(n) % settings["classes"]
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, 0.9)

    def train() -> None:
        network.train()
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def predict() -> Any:
        network.eval()
        with torch.inference_mode():
            return network(images).softmax(1)

    for line in sys.stdin:
        if line.strip() == "parameters":
            print(sum(weight.numel() for weight in network.parameters()), flush=True)
            continue
        work = {"training": train, "prediction": predict}[line.strip()]
        start = time.perf_counter()
        for _ in range(settings["steps"]):
            work()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
