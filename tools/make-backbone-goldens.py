"""Makes crates/backbones/tests/golden/models: what PyTorch computes with every backbone, for weights that anyone can make again.

The weights are not stored: each number follows from the name of its tensor and its position there; see `noise` and `values`.
That keeps the models at full width, and lets a test in Rust generate the same weights in a moment.
The input is a made-up picture, `picture`, smaller than the models' usual one, and of an odd size where that changes the padding.

One file per model, NAME.safetensors:
    input_px            the picture's side
    features            the last feature map's mean over all cells, [channels]
    STAGE.shape         of a stage's output, [1, channels, height, width]
    STAGE.summary       its mean and its root mean square
    STAGE.values        16 of its numbers, evenly spaced from the first to the last in row-major order

vgg16_hidden.safetensors has the features after the fully connected layers instead, `classifier[:5]` of torchvision, [4096].

PyTorch computes in f64, on weights rounded to f32.

    pip install torch torchvision timm safetensors
    python tools/make-backbone-goldens.py [NAME…]
    python tools/make-backbone-goldens.py --checkpoints FOLDER [NAME…]

The second form also writes the weights in the forms in which a user of the page would have them: NAME.pth, NAME.legacy.pth and NAME.safetensors.
Where timm names a model's tensors differently from torchvision, there are files with timm's names too: timm_NAME.pth and timm_NAME.safetensors.
Beside them it writes NAME.png, a picture of the model's usual size, and NAME.features.safetensors, the features that the model computes for it; for VGG-16 also vgg16.hidden.safetensors, the output of its fully connected layers.
`web/tests/weights.test.mjs` opens them all in the page.

    pip install efficientnet-lite-pytorch==0.1.0
    python tools/make-backbone-goldens.py --published FOLDER

makes crates/backbones/tests/golden/published: the features of the same picture, at the models' usual size, from the weights that `cargo xtask weights` starts with.
FOLDER holds the unpacked packages side by side; the networks are those of the packages or of torchvision.
The picture is the normalised input. For SqueezeNet that is RGB normalised with ImageNet's mean and deviation, which the script converts to what its authors' weights expect.
"""

import argparse
import pickle
import zlib
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent.parent / "crates/backbones/tests/golden/models"
PROBES = 16


def noise(name, count):
    """Numbers from -1 to 1: the finalizer of MurmurHash3 over place · 0x9e3779b9 + CRC-32 of the name, its upper 24 bits as a fraction."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(zlib.crc32(name.encode()))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)) / 2.0**23 - 1


def values(name, shape):
    """A tensor of a state dictionary in f32, computed in f64."""
    numbers = noise(name, int(np.prod(shape)))
    if len(shape) > 1:
        # As He and others initialise, so that activations neither vanish nor explode.
        numbers = numbers * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith("running_var"):
        numbers = 1 + 0.5 * numbers
    elif name.endswith(".weight"):
        numbers = 1 + 0.2 * numbers
    else:
        numbers = 0.2 * numbers
    return torch.from_numpy(numbers.astype(np.float32).reshape(shape))


def picture(side):
    """Waves of a different length in each channel and direction, and a bright square right of the centre: [1, 3, side, side]."""
    c, y, x = np.mgrid[0:3, 0:side, 0:side].astype(np.float64)
    picture = np.sin((c + 2) * x / 7) + np.cos((c + 3) * y / 11)
    picture[:, side // 4 : side // 2, side // 2 : 3 * side // 4] += 1
    return torch.from_numpy(picture[None])


def fill(model):
    state = {name: values(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    model.load_state_dict(state, strict=False)
    return model.eval().double()


def of_torchvision(name):
    return getattr(torchvision.models, name)(weights=None)


def vgg(name):
    """The activation before each pooling is the block's output; the features are the last pooling's."""
    model = of_torchvision(name)
    poolings = [index for index, layer in enumerate(model.features) if isinstance(layer, torch.nn.MaxPool2d)]
    stages = {f"blocks.{block}": model.features[index - 1] for block, index in enumerate(poolings)}
    return model, stages, model.features


def resnet(name):
    model = of_torchvision(name)
    stages = {"stem": model.relu, **{f"stages.{stage}": getattr(model, f"layer{stage + 1}") for stage in range(4)}}
    return model, stages, model.layer4


def inception(name):
    model = of_torchvision(name)
    blocks = [layer for layer in model.children() if type(layer).__name__.startswith("Inception") and not type(layer).__name__.endswith("Aux")]
    stages = {"stem": model.Conv2d_4a_3x3, **{f"blocks.{index}": block for index, block in enumerate(blocks)}}
    return model, stages, blocks[-1]


def mobilenet(name):
    model = of_torchvision(name)
    blocks = list(model.features.children())
    stages = {"stem": blocks[0], **{f"blocks.{index}": block for index, block in enumerate(blocks[1:-1])}, "head": blocks[-1]}
    return model, stages, blocks[-1]


def efficientnet_lite(name):
    """timm's translation of Google's models, with TensorFlow's padding."""
    model = timm.create_model(f"tf_{name}", pretrained=False)
    blocks = [block for stage in model.blocks for block in stage]
    stages = {"stem": model.bn1, **{f"blocks.{index}": block for index, block in enumerate(blocks)}, "head": model.bn2}
    return model, stages, model.bn2


def squeezenet(name):
    model = of_torchvision(name)
    fires = [layer for layer in model.features if type(layer).__name__ == "Fire"]
    stages = {"stem": model.features[1], **{f"fires.{index}": fire for index, fire in enumerate(fires)}}
    return model, stages, model.features


# How the model is made, and the input's side in pixels.
MODELS = {
    "vgg16": (vgg, 64),
    "vgg16_bn": (vgg, 64),
    "vgg19": (vgg, 64),
    "vgg19_bn": (vgg, 64),
    "inception_v3": (inception, 107),
    "resnet18": (resnet, 75),
    "resnet50": (resnet, 75),
    "mobilenet_v2": (mobilenet, 75),
    "efficientnet_lite0": (efficientnet_lite, 75),
    "efficientnet_lite1": (efficientnet_lite, 75),
    "efficientnet_lite2": (efficientnet_lite, 75),
    "squeezenet1_1": (squeezenet, 75),
}


def make(name):
    """The model, and what goes into its file."""
    build, side = MODELS[name]
    model, stages, last = build(name)
    fill(model)
    outputs, golden = {}, {}

    def note(key):
        # In-place activations would change what a hook is given, hence the copy.
        return lambda _layer, _input, output: outputs.__setitem__(key, output.clone())

    for stage, layer in stages.items():
        layer.register_forward_hook(note(stage))
    last.register_forward_hook(note("features"))
    object.__setattr__(model, "last", last)
    with torch.no_grad():
        model(picture(side))
    golden["features"] = outputs.pop("features").mean((0, 2, 3)).float()
    for stage, output in outputs.items():
        flat = output.flatten()
        places = torch.arange(PROBES) * (len(flat) - 1) // (PROBES - 1)
        golden[f"{stage}.shape"] = torch.tensor(output.shape)
        golden[f"{stage}.summary"] = torch.stack([flat.mean(), flat.square().mean().sqrt()]).float()
        golden[f"{stage}.values"] = flat[places].float()
    return model, golden


def make_hidden(name):
    """The output of VGG's second fully connected layer; it needs the usual size, and 0.8 GB."""
    side = 224
    model = fill(of_torchvision(name))
    with torch.no_grad():
        features = model.classifier[:5](model.features(picture(side)).flatten(1))
    return {"features": features[0].float(), "input_px": torch.tensor([side])}


def published_lite(folder, number):
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name(f"efficientnet-lite{number}")
    model.load_state_dict(torch.load(next(folder.glob(f"**/efficientnet-lite{number}-*.pth")), weights_only=True))
    return model.eval().double(), model.extract_features


def published_squeezenet(folder):
    arrays = pickle.loads(next(folder.glob("**/squeezenet_weights.pkl")).read_bytes())
    model = torchvision.models.squeezenet1_1(weights=None)
    convolutions = [layer for layer in model.modules() if isinstance(layer, torch.nn.Conv2d)]
    names = ["conv1", *(f"fire{fire}/{part}" for fire in range(2, 10) for part in ("squeeze1x1", "expand1x1", "expand3x3")), "conv10"]
    for layer, name in zip(convolutions, names, strict=True):
        weight, bias = arrays[name]
        layer.weight.data = torch.from_numpy(weight).permute(3, 2, 0, 1).contiguous()
        layer.bias.data = torch.from_numpy(bias)
    model.eval().double()

    def features(x):
        mean, deviation = (torch.tensor(numbers).double().view(3, 1, 1) for numbers in ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]))
        blue_first = (x * deviation + mean).flip(1)
        return model.features(blue_first - torch.tensor([103.939, 116.779, 123.68]).double().view(3, 1, 1))

    return model, features


def make_published(folder):
    target = FOLDER.parent / "published"
    target.mkdir(parents=True, exist_ok=True)
    models = {"efficientnet-lite1": (240, lambda: published_lite(folder, 1)), "efficientnet-lite2": (260, lambda: published_lite(folder, 2)), "squeezenet1-1": (227, lambda: published_squeezenet(folder))}
    for name, (side, load) in models.items():
        _model, features = load()
        with torch.no_grad():
            golden = {"features": features(picture(side)).mean((0, 2, 3)).float(), "input_px": torch.tensor([side])}
        save_file(golden, target / f"{name}.safetensors", {"made by": f"tools/make-backbone-goldens.py, torch {torch.__version__}"})
        print(name, side, golden["features"].square().mean().sqrt().item())


IMAGENET = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
# The usual input's side, and mean and deviation of red, green and blue.
USUAL = {
    "inception_v3": (299, [127.5] * 3, [127.5] * 3),
    "efficientnet_lite0": (224, [127.0] * 3, [128.0] * 3),
    "efficientnet_lite1": (240, [127.0] * 3, [128.0] * 3),
    "efficientnet_lite2": (260, [127.0] * 3, [128.0] * 3),
    "squeezenet1_1": (227, *IMAGENET),
}


def look(name, file, model, folder):
    """Writes a picture of the named model's size in 8 bits, and the features that `model`, in f64, makes of it."""
    side, mean, deviation = USUAL.get(name, (224, *IMAGENET))
    pixels = (picture(side)[0] * 40 + 128).clamp(0, 255).round().byte()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(folder / f"{file}.png", optimize=True)
    mean, deviation = (torch.tensor(numbers).double().view(3, 1, 1) for numbers in (mean, deviation))
    outputs = []
    handle = model.last.register_forward_hook(lambda _layer, _input, output: outputs.append(output.mean((0, 2, 3)).float()))
    with torch.no_grad():
        model((pixels.double() - mean)[None] / deviation)
    handle.remove()
    save_file({"features": outputs[0]}, folder / f"{file}.features.safetensors")
    if file == "vgg16":
        with torch.no_grad():
            hidden = model.classifier[:5](model.features((pixels.double() - mean)[None] / deviation).flatten(1))
        save_file({"features": hidden[0].float()}, folder / f"{file}.hidden.safetensors")


# timm's models that name their tensors differently from torchvision's.
TIMM = {"vgg16": "vgg16", "vgg16_bn": "vgg16_bn", "inception_v3": "inception_v3", "mobilenet_v2": "mobilenetv2_100"}


def make_timm(name):
    """timm's model with its own names; what comes before its classifier is its last feature map."""
    model = fill(timm.create_model(TIMM[name], pretrained=False))
    last = torch.nn.Identity()

    def forward(pixels):
        last(model.forward_features(pixels))

    forward.last = last
    return model, forward


def write(name, model, folder, is_legacy):
    state = model.float().state_dict()
    torch.save(state, folder / f"{name}.pth")
    if is_legacy:
        torch.save(state, folder / f"{name}.legacy.pth", _use_new_zipfile_serialization=False)
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, folder / f"{name}.safetensors")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODELS))
    parser.add_argument("--checkpoints", type=Path)
    parser.add_argument("--published", type=Path)
    options = parser.parse_args()
    if options.published:
        make_published(options.published)
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    made_by = f"tools/make-backbone-goldens.py, torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}"
    for name in options.names or MODELS:
        model, golden = make(name)
        side = MODELS[name][1]
        golden["input_px"] = torch.tensor([side])
        # One entry only: several would be written in a different order each time.
        save_file(golden, FOLDER / f"{name}.safetensors", {"made by": made_by})
        rms = [f"{value[1]:.2f}" for key, value in golden.items() if key.endswith(".summary")]
        print(name, f"{side} px, root mean squares", *rms, "features", len(golden["features"]))
        if name == "vgg16":
            save_file(make_hidden(name), FOLDER / "vgg16_hidden.safetensors", {"made by": made_by})
        if options.checkpoints:
            options.checkpoints.mkdir(parents=True, exist_ok=True)
            look(name, name, model, options.checkpoints)
            write(name, model, options.checkpoints, True)
            if name in TIMM:
                model, forward = make_timm(name)
                look(name, f"timm_{name}", forward, options.checkpoints)
                write(f"timm_{name}", model, options.checkpoints, False)


main()
