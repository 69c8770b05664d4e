#!/usr/bin/env python3
"""Goes on training where Headstart stopped: python continue_training.py IMAGES [--all]

IMAGES holds one folder of images for each class, named as the class is. --all trains the backbone, too,
which needs a graphics card and many images. The result is continued.safetensors, with the same tensors
as model.safetensors, in f32.

Needs: pip install torch numpy pillow onnxruntime safetensors
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import avg_pool2d, cross_entropy, max_pool2d, pad

from predict import HERE, prepare

EPOCHS, BATCH, LEARNING_RATE = 20, 16, 1e-4
ACTIVATIONS = {"identity": lambda x: x, "relu": torch.relu, "relu6": lambda x: x.clamp(0, 6)}


class Conv(nn.Conv2d):
    """A convolution with its padding and activation."""

    def __init__(self, how):
        channels_out, of_group, *size = how["shape"]
        super().__init__(of_group * how["groups"], channels_out, size, how["stride"], groups=how["groups"])
        self.how = how

    def zeros(self, axis, length):
        if self.how["padding"] != "same":
            return [self.how["padding"]["zeros"][axis]] * 2
        # TensorFlow's "SAME", whose odd zero goes behind.
        places = -(-length // self.stride[axis])
        total = max((places - 1) * self.stride[axis] + self.kernel_size[axis] - length, 0)
        return [total // 2, total - total // 2]

    def forward(self, x):
        x = pad(x, (*self.zeros(1, x.shape[3]), *self.zeros(0, x.shape[2])))
        return ACTIVATIONS[self.how["activation"]](super().forward(x))


class Backbone(nn.Module):
    """The layers that model.json describes: images 0 to 255 to embeddings.

    A layer has branches that start from the same input, each a row of convolutions and poolings; their results are added
    or put behind one another. Batch norm is folded into the convolutions.
    """

    def __init__(self, weights, layers, mean, deviation):
        super().__init__()
        self.mean, self.deviation = (torch.tensor(numbers).view(3, 1, 1) for numbers in (mean, deviation))
        self.layers = layers
        for layer in layers:
            for branch in layer["branches"]:
                for step in branch:
                    for how in step.get("split", [step["conv"]] if "conv" in step else []):
                        self.add_module(self.key(layer, how), Conv(how))
        self.load_state_dict({self.stored(name): tensor for name, tensor in weights.items()})

    @staticmethod
    def key(layer, how):
        """A convolution's name; PyTorch allows no dots in one."""
        return "/".join(filter(None, [layer["name"].replace(".", "/"), how["name"].replace(".", "/")]))

    @staticmethod
    def stored(name):
        conv, _, part = name.rpartition(".")
        return f"{conv.replace('.', '/')}.{part}"

    def named_tensors(self):
        return {name.replace("/", "."): tensor for name, tensor in self.state_dict().items()}

    def step(self, layer, step, x):
        if "conv" in step:
            return getattr(self, self.key(layer, step["conv"]))(x)
        if "split" in step:
            return torch.cat([getattr(self, self.key(layer, how))(x) for how in step["split"]], 1)
        return self.pool(step["pool"], x)

    @staticmethod
    def pool(how, x):
        pool = max_pool2d if how["kind"] == "max" else avg_pool2d
        return pool(x, how["kernel"], how["stride"], how["padding"], ceil_mode=how["ceil"])

    def forward(self, images):
        x = (images - self.mean.to(images)) / self.deviation.to(images)
        for layer in self.layers:
            ends = []
            for branch in layer["branches"]:
                end = x
                for step in branch:
                    end = self.step(layer, step, end)
                ends.append(end)
            x = torch.cat(ends, 1) if layer["join"] == "concatenate" else ACTIVATIONS[layer["join"]["add"]](sum(ends))
            if layer["pool"]:
                x = self.pool(layer["pool"], x)
        return x.mean((2, 3))


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


def widened(stored):
    """All tensors in f32. One of 8 bits is multiplied row by row with the scales that go with it."""
    tensors = {}
    for name, tensor in stored.items():
        if tensor.dtype == torch.int8:
            scale = stored[f"{name.removesuffix('.weight')}.scale"]
            tensor = tensor.float() * scale.view(-1, *[1] * (tensor.dim() - 1))
        elif name.endswith(".scale"):
            continue
        tensors[name] = tensor.float()
    return tensors


def load():
    """The description, all tensors, the backbone and the head of the model beside this file."""
    about = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    tensors = widened(load_file(HERE / "model.safetensors"))
    how = about["preprocessing"]
    backbone = Backbone(below(tensors, "backbone."), about["backbone"]["layers"], how["mean"], how["deviation"])
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
    for name, tensor in backbone.named_tensors().items():
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
