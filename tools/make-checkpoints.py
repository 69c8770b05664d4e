"""Makes crates/checkpoint/tests/golden: small weights files of every form that PyTorch writes, and the names of real models' tensors.

    forms/NAME.pth, .safetensors   files that are read
    forms/expected.safetensors     the values in them as PyTorch sees them, in f32, under `NAME/TENSOR`
    refused/NAME.pth               files that PyTorch can write and that are refused
    names/NAME.txt                 on each line a tensor's name, its sizes, and its number format if it is not float32

The legacy files name their storages by their addresses, so these names differ from run to run.

    pip install torch torchvision timm safetensors efficientnet-lite-pytorch==0.1.0
    python tools/make-checkpoints.py
"""

import io
import shutil
import zipfile
from collections import OrderedDict
from pathlib import Path

import timm
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).resolve().parent.parent / "crates/checkpoint/tests/golden"
SEED = 7


def network():
    """Convolution, batch norm with a counter, and a fully connected layer."""
    torch.manual_seed(SEED)
    model = nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3), bn=nn.BatchNorm2d(4), fc=nn.Linear(4, 2)))
    model.train()
    for _ in range(3):
        model.bn(torch.randn(5, 4, 2, 2))
    return model


def views():
    """Tensors that are not stored as they are read."""
    torch.manual_seed(SEED)
    whole = torch.randn(6, 10)
    part = whole[1:4, 2:7]
    return {
        "transposed": whole.t(),
        "part": part,
        "part_transposed": part.t(),
        "every_second": whole[::2, 1::3],
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "permuted": torch.randn(2, 3, 4, 5).permute(3, 1, 0, 2),
        "row": whole[3],
        "column": whole[:, 3],
        "number": whole[2, 2],
        "empty": whole[:0],
        "one": torch.randn(1, 3, 1).expand(1, 3, 1).transpose(0, 1),
    }


def training():
    """A checkpoint as training scripts save it: the weights among other things, each with DataParallel's prefix."""
    model = nn.DataParallel(network())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return {
        "epoch": 3,
        "arch": "tiny",
        "state_dict": model.state_dict(),
        "best_acc1": torch.tensor(76.1),
        "optimizer": optimizer.state_dict(),
        "size": torch.Size([3, 32, 32]),
        "format": torch.float32,
        "device": torch.device("cpu"),
    }


def parameters():
    """Parameters instead of tensors, one of them with an attribute."""
    state = {name: nn.Parameter(tensor) for name, tensor in network().state_dict().items() if tensor.is_floating_point()}
    state["fc.bias"].note = "kept beside it"
    return state


def tensors_of(state):
    """What the file's tensors are called when it is opened, with their values."""
    state = state.get("state_dict", state.get("model", state))
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def write_forms(folder):
    state = network().state_dict()
    converted = {name: {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()} for name, dtype in [("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)]}
    forms = {"f32": state, **converted, "views": views(), "training": training(), "parameters": parameters(), "model": {"model": state, "loss": 0.5}}
    expected = {}
    for name, form in forms.items():
        torch.save(form, folder / f"{name}_zip.pth")
        torch.save(form, folder / f"{name}_legacy.pth", _use_new_zipfile_serialization=False)
        for tensor, value in tensors_of(form).items():
            if value.is_floating_point():
                for ending in ("zip.pth", "legacy.pth"):
                    expected[f"{name}_{ending}/{tensor}"] = value.detach().float().clone().contiguous()
    for protocol in (3, 4, 5):
        torch.save(state, folder / f"protocol{protocol}.pth", pickle_protocol=protocol)
    mixed = {"f32": state["conv.weight"], "f16": state["conv.weight"].half(), "bf16": state["conv.weight"].bfloat16(), "f64": state["conv.weight"].double(), "count": state["bn.num_batches_tracked"], "number": torch.tensor(2.5), "empty": torch.zeros(0, 3)}
    save_file(mixed, folder / "mixed.safetensors", {"format": "pt"})
    for tensor, value in state.items():
        if value.is_floating_point():
            expected |= {f"protocol{protocol}.pth/{tensor}": value.float().clone() for protocol in (3, 4, 5)}
    expected |= {f"mixed.safetensors/{tensor}": value.float().clone() for tensor, value in mixed.items() if value.is_floating_point()}
    save_file(expected, folder / "expected.safetensors")


def rezipped(state, compression=zipfile.ZIP_STORED, **changed):
    """The zip that torch.save writes, packed again, with some files replaced."""
    source, target = io.BytesIO(), io.BytesIO()
    torch.save(state, source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for info in old.infolist():
            data = changed.get(info.filename.rsplit("/", 1)[-1], old.read(info))
            new.writestr(zipfile.ZipInfo(info.filename), data, compression)
    return target.getvalue()


def write_refused(folder):
    state = network().state_dict()
    weight = state["fc.weight"]
    torch.save(network(), folder / "whole_model.pth")
    torch.save(nn.Identity(), folder / "whole_model_legacy.pth", _use_new_zipfile_serialization=False)
    torch.jit.script(nn.Linear(2, 1)).save(folder / "torchscript.pth")
    torch.save({"weight": torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8)}, folder / "quantized.pth")
    torch.save({"weight": weight.to_sparse()}, folder / "sparse.pth")
    torch.save({"weight": weight.to(torch.float8_e4m3fn)}, folder / "float8.pth")
    torch.save({"weight": weight.to(torch.complex64)}, folder / "complex.pth")
    torch.save({"weight": torch.randn(1, 4).expand(1000, 4)}, folder / "expanded.pth")
    torch.save({"epoch": 3}, folder / "nothing.pth")
    torch.save({"weight": torch.tensor([1.0, float("nan")])}, folder / "nan.pth")
    torch.save({"weight": torch.tensor([1.0, 1e300], dtype=torch.float64)}, folder / "beyond_f32.pth")
    torch.save({"weight": torch.arange(4)}, folder / "integers.pth")
    (folder / "compressed.pth").write_bytes(rezipped(state, zipfile.ZIP_DEFLATED))
    (folder / "big_endian.pth").write_bytes(rezipped(state, byteorder=b"big"))


def write_names(folder):
    torch.manual_seed(SEED)
    models = {}
    for name in ("vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "inception_v3", "resnet18", "resnet50", "mobilenet_v2", "squeezenet1_1"):
        models[f"torchvision_{name}"] = getattr(torchvision.models, name)(weights=None)
    for name in ("vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "inception_v3", "resnet18", "resnet50", "mobilenetv2_100", "tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"):
        models[f"timm_{name}"] = timm.create_model(name, pretrained=False)
    for number in range(3):
        models[f"efficientnet_lite_pytorch_lite{number}"] = EfficientNet.from_name(f"efficientnet-lite{number}")
    # These look alike but are different.
    for name in ("resnet34", "resnet101", "wide_resnet50_2", "vgg13", "squeezenet1_0", "densenet121"):
        models[f"other_{name}"] = getattr(torchvision.models, name)(weights=None)
    for name, model in models.items():
        lines = []
        for tensor, value in model.state_dict().items():
            words = [tensor, *map(str, value.shape)]
            if value.dtype != torch.float32:
                words.append(str(value.dtype).removeprefix("torch."))
            lines.append(" ".join(words))
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


def main():
    for name, write in [("forms", write_forms), ("refused", write_refused), ("names", write_names)]:
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write(folder)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}")


main()
