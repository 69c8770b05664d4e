#!/usr/bin/env python3
"""Goes on training where Headstart stopped: python continue_training.py IMAGES [--all]

IMAGES holds one folder of images for each class, named as the class is. --all trains the backbone, too,
which needs a graphics card and many images. The result is continued.safetensors, with the same tensors
as model.safetensors.

Needs: pip install torch numpy pillow onnxruntime safetensors
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import cross_entropy, pad

from predict import HERE, prepare

EPOCHS, BATCH, LEARNING_RATE = 20, 16, 1e-4


class Conv(nn.Conv2d):
    """A convolution with TensorFlow's "SAME" padding, whose odd zero goes behind, and ReLU6."""

    def __init__(self, weight, stride=1, groups=1, activated=True):
        channels_out, of_group, size, _ = weight.shape
        super().__init__(of_group * groups, channels_out, size, stride, groups=groups)
        self.activated = activated

    def forward(self, x):
        def zeros(length):
            places = -(-length // self.stride[0])
            total = max((places - 1) * self.stride[0] + self.kernel_size[0] - length, 0)
            return total // 2, total - total // 2

        x = super().forward(pad(x, (*zeros(x.shape[3]), *zeros(x.shape[2]))))
        return x.clamp(0, 6) if self.activated else x


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, weights, name, stride):
        super().__init__()
        depthwise = weights[f"{name}.depthwise.weight"]
        self.expand = Conv(weights[f"{name}.expand.weight"]) if f"{name}.expand.weight" in weights else nn.Identity()
        self.depthwise = Conv(depthwise, stride, groups=len(depthwise))
        self.project = Conv(weights[f"{name}.project.weight"], activated=False)

    def forward(self, x):
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if x.shape == y.shape else y


class Backbone(nn.Module):
    """EfficientNet-Lite with batch norm folded into the convolutions: images 0 to 255 to embeddings."""

    def __init__(self, weights, mean, deviation):
        super().__init__()
        self.mean, self.deviation = (torch.tensor(numbers).view(3, 1, 1) for numbers in (mean, deviation))
        self.stem = Conv(weights["stem.weight"], stride=2)
        strides = [2 if block in (1, 3, 5, 11) else 1 for block in range(16)]
        self.blocks = nn.Sequential(*(Block(weights, f"blocks.{i}", stride) for i, stride in enumerate(strides)))
        self.head = Conv(weights["head.weight"])
        self.load_state_dict(weights)

    def forward(self, images):
        x = (images - self.mean.to(images)) / self.deviation.to(images)
        return self.head(self.blocks(self.stem(x))).mean((2, 3))


class Head(nn.Module):
    """Embeddings to logits: linear, or with one hidden layer."""

    def __init__(self, weights):
        super().__init__()
        # Headstart keeps [inputs, outputs], PyTorch [outputs, inputs].
        for layer in ("hidden", "output"):
            if f"{layer}.weight" in weights:
                linear = nn.Linear(*weights[f"{layer}.weight"].shape)
                linear.load_state_dict({"weight": weights[f"{layer}.weight"].T, "bias": weights[f"{layer}.bias"]})
                self.add_module(layer, linear)

    def forward(self, x):
        return self.output(self.hidden(x).relu() if hasattr(self, "hidden") else x)


def below(tensors, prefix):
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def load():
    """The description, all tensors, the backbone and the head of the model beside this file."""
    about = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    tensors = {name: tensor.float() for name, tensor in load_file(HERE / "model.safetensors").items()}
    how = about["preprocessing"]
    backbone = Backbone(below(tensors, "backbone."), how["mean"], how["deviation"])
    return about, tensors, backbone, Head(below(tensors, "head."))


def main(folder, trains_all):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    about, tensors, backbone, head = load()
    backbone, head = backbone.to(device), head.to(device)
    images, labels = [], []
    for label, name in enumerate(about["classes"]):
        for path in sorted((Path(folder) / name).iterdir()):
            images.append(torch.from_numpy(prepare(path, about["preprocessing"]["size_px"])))
            labels.append(label)
    images, labels = torch.cat(images), torch.tensor(labels)
    if not trains_all:
        # The backbone stays as it is, so each image goes through it once.
        with torch.no_grad():
            images = torch.cat([backbone(batch.to(device)).cpu() for batch in images.split(BATCH)])
    parameters = [*head.parameters(), *(backbone.parameters() if trains_all else [])]
    optimizer = torch.optim.Adam(parameters, LEARNING_RATE)
    for epoch in range(1, EPOCHS + 1):
        total, right = 0.0, 0
        for batch in torch.randperm(len(labels)).split(BATCH):
            x, y = images[batch].to(device), labels[batch].to(device)
            logits = head(backbone(x) if trains_all else x)
            loss = cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (logits.argmax(1) == y).sum().item()
        print(f"epoch {epoch}: loss {total / len(labels):.4f}, accuracy {right / len(labels):.1%} on the training images")
    for name, tensor in head.state_dict().items():
        tensors[f"head.{name}"] = tensor.cpu().T.contiguous() if tensor.dim() == 2 else tensor.cpu()
    for name, tensor in backbone.state_dict().items():
        tensors[f"backbone.{name}"] = tensor.cpu()
    # Calibration and familiarity were measured on the model before.
    if trains_all:
        tensors = {name: tensor for name, tensor in tensors.items() if name.startswith(("backbone.", "head."))}
    save_file(tensors, HERE / "continued.safetensors")


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--all"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    main(arguments[0], "--all" in sys.argv)
