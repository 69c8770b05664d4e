"""Compares an exported model in onnxruntime and in PyTorch with Headstart's own results.

    cargo run --profile test --package headstart-export --example sample_model -- FOLDER [BACKBONE] [int8]
    pip install numpy onnx onnxruntime pillow safetensors torch
    python tools/check-export.py FOLDER

Tolerance: every embedding within 1e-4 of its root mean square, every probability within 1e-4.
"""

import importlib
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

TOLERANCE = 1e-4


def worst(found, expected, relative):
    error = np.abs(found - expected).max(axis=1)
    size = np.sqrt((expected**2).mean(axis=1)) if relative else 1
    return float((error / size).max())


def main(folder):
    with zipfile.ZipFile(folder / "model.zip") as bundle:
        bundle.extractall(folder / "model")
    onnx.checker.check_model(onnx.load(folder / "model/model.onnx"), full_check=True)
    about = json.loads((folder / "model/model.json").read_text(encoding="utf-8"))
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    embeddings, probabilities = (np.array([image[part] for image in expected]) for part in ("embedding", "probabilities"))
    side = about["preprocessing"]["size_px"]
    images = np.frombuffer((folder / "images.rgb").read_bytes(), np.uint8).reshape(-1, side, side, 3)
    images = images.transpose(0, 3, 1, 2).astype(np.float32)
    assert len(images) == len(expected) > 0

    session = onnxruntime.InferenceSession(folder / "model/model.onnx")
    found = [session.run(["embedding", "probabilities"], {"image": image[None]}) for image in images]
    sys.path.insert(0, str(folder / "model"))
    _about, _tensors, backbone, _head = importlib.import_module("continue_training").load()
    with torch.no_grad():
        in_torch = np.concatenate([backbone(torch.from_numpy(image[None])).numpy() for image in images])
    errors = {
        "onnxruntime, embedding": worst(np.concatenate([row[0] for row in found]), embeddings, True),
        "onnxruntime, probabilities": worst(np.concatenate([row[1] for row in found]), probabilities, False),
        "PyTorch, embedding": worst(in_torch, embeddings, True),
    }
    print(about["backbone"]["name"], ", ".join(f"{what} {error:.1e}" for what, error in errors.items()))
    assert max(errors.values()) <= TOLERANCE, errors


main(Path(sys.argv[1]))
