"""Makes crates/backbones/tests/golden: a picture and the features that ONNX Runtime computes for it.

The network is written out here a second time, in ONNX, from the published block table, so that it shares no code with the one in Rust.
It runs on the shipped f16 weights, widened to f32.

    pip install numpy onnx onnxruntime pillow safetensors
    python tools/make-golden.py
"""

from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "crates/backbones/tests/golden"
SIDE = 224

# Repeats, kernel, stride of the first, expansion.
STAGES = [(1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6)]


def picture():
    """Waves, a disc and a square: smooth parts, edges and corners, in a few kilobytes."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    rgb = np.stack([127 + 100 * np.sin(x / 17), 127 + 100 * np.cos(y / 23), 127 + 100 * np.sin((x + y) / 31)], axis=-1)
    rgb[(x - 80) ** 2 + (y - 90) ** 2 < 45**2] = (220, 40, 30)
    rgb[130:190, 120:200] = (30, 90, 210)
    return rgb.round().astype(np.uint8)


def network(weights):
    """The ONNX graph from `x [1, 3, 224, 224]` to `y [1, 1280, 1, 1]`."""
    nodes = []
    constants = [numpy_helper.from_array(np.float32(0), "least"), numpy_helper.from_array(np.float32(6), "most")]

    def conv(source, name, stride=1, groups=1, activated=True):
        for part in ("weight", "bias"):
            constants.append(numpy_helper.from_array(weights[f"{name}.{part}"], f"{name}.{part}"))
        nodes.append(
            helper.make_node(
                "Conv", [source, f"{name}.weight", f"{name}.bias"], [name], auto_pad="SAME_UPPER", strides=[stride] * 2, group=groups
            )
        )
        if not activated:
            return name
        nodes.append(helper.make_node("Clip", [name, "least", "most"], [f"{name}.relu6"]))
        return f"{name}.relu6"

    x = conv("x", "stem", stride=2)
    block = 0
    for repeats, _kernel, stride, expansion in STAGES:
        for repeat in range(repeats):
            name, shortcut = f"blocks.{block}", x
            if expansion > 1:
                x = conv(x, f"{name}.expand")
            channels = weights[f"{name}.depthwise.bias"].size
            x = conv(x, f"{name}.depthwise", stride if repeat == 0 else 1, channels)
            x = conv(x, f"{name}.project", activated=False)
            if repeat > 0:
                nodes.append(helper.make_node("Add", [x, shortcut], [f"{name}.sum"]))
                x = f"{name}.sum"
            block += 1
    nodes.append(helper.make_node("GlobalAveragePool", [conv(x, "head")], ["y"]))
    graph = helper.make_graph(
        nodes,
        "efficientnet-lite0",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    rgb = picture()
    Image.fromarray(rgb).save(FOLDER / "input_0.png", optimize=True)
    weights = {name: values.astype(np.float32) for name, values in load_file(ROOT / "weights/efficientnet-lite0.safetensors").items()}
    x = ((rgb.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]
    session = onnxruntime.InferenceSession(network(weights).SerializeToString())
    features = session.run(None, {"x": x})[0].reshape(1, -1)
    save_file({"features": features}, FOLDER / "expected.safetensors", {"made by": f"tools/make-golden.py, ONNX Runtime {onnxruntime.__version__}"})


main()
