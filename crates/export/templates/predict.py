#!/usr/bin/env python3
"""Says what the model makes of an image: python predict.py IMAGE

Needs: pip install onnxruntime pillow numpy
To go on training on a bigger machine, see continue_training.py.
"""

import json
import sys
from pathlib import Path

import numpy
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent


def prepare(path, side):
    """An image as the model wants it: [1, 3, side, side], RGB from 0 to 255. The graph itself normalises."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    cut = min(image.size)
    left, top = (image.width - cut) / 2, (image.height - cut) / 2
    box = (left, top, left + cut, top + cut)
    image = image.resize((side, side), Image.Resampling.BILINEAR, box=box)
    white = Image.new("RGBA", image.size, "white")
    rgb = Image.alpha_composite(white, image).convert("RGB")
    return numpy.asarray(rgb, numpy.float32).transpose(2, 0, 1)[None]


def main():
    model = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(HERE / "model.onnx")
    image = prepare(sys.argv[1], model["preprocessing"]["size_px"])
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {"image": image})))
    # How much the image is like the training images; below the threshold it is of none of the classes.
    if model["threshold"] is not None and "familiarity" in outputs:
        if outputs["familiarity"][0] < model["threshold"]:
            print("None of these")
    for name, probability in sorted(zip(model["classes"], outputs["probabilities"][0]), key=lambda pair: -pair[1]):
        print(f"{probability:8.4f}  {name}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
