#!/usr/bin/env python3
"""Makes the small images that the end-to-end tests use, web/tests/fixtures.

It makes four folders:
  shapes/   three classes that a model learns in seconds, for quick runs: train/CLASS and test/CLASS
  formats/  images that are unusual but good
  exif/     one picture stored in the eight EXIF orientations; shown right, all eight look the same
  bad/      files that must be refused with a message

Archives are not made here: the tests write them byte by byte, see web/tests/support/zip.mjs.

Usage:
    python3 tools/make-fixtures.py

Needs Python 3.11 or newer and Pillow (13.0 made the committed files).
The same Pillow gives the same bytes.
"""

import argparse
import io
import math
import random
import shutil
import struct
import zlib
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

SEED = 7
SHAPE_PX = 96
# Drawn at this multiple and scaled down, for smooth edges.
OVERSAMPLING = 4
TRAIN_PER_CLASS = 8
TEST_PER_CLASS = 3


# --- shapes ------------------------------------------------------------------------------------------


def polygon(corners: int, inner: float, centre: float, radius: float, turn: float) -> list[tuple[float, float]]:
    """A regular polygon; with `inner` below 1 a star of that many points."""
    points = []
    for corner in range(corners * 2):
        reach = radius if corner % 2 == 0 else radius * inner
        angle = turn + math.pi * corner / corners
        points.append((centre + reach * math.cos(angle), centre + reach * math.sin(angle)))
    return points


def shape(class_name: str, rng: random.Random) -> Image.Image:
    """A shape in its class's colours on a grey ground, with the noise of a real photograph."""
    side = SHAPE_PX * OVERSAMPLING
    ground = rng.randint(150, 225)
    image = Image.new("RGB", (side, side), (ground, ground, ground))
    draw = ImageDraw.Draw(image)
    centre = side / 2 + rng.uniform(-0.08, 0.08) * side
    radius = side * rng.uniform(0.26, 0.40)

    def tint(red: int, green: int, blue: int) -> tuple[int, int, int]:
        return tuple(max(0, min(255, channel + rng.randint(-25, 25))) for channel in (red, green, blue))

    if class_name == "Circles":
        draw.ellipse([centre - radius, centre - radius, centre + radius, centre + radius], fill=tint(200, 50, 40))
    elif class_name == "Squares":
        draw.polygon(polygon(4, math.sqrt(0.5), centre, radius * 1.2, rng.uniform(0, 0.3)), fill=tint(40, 80, 200))
    else:
        draw.polygon(polygon(5, 0.42, centre, radius * 1.2, rng.uniform(0, 1)), fill=tint(235, 190, 40))
    image = image.resize((SHAPE_PX, SHAPE_PX), Image.Resampling.LANCZOS)
    # Pillow's own effect_noise has no seed.
    noise = Image.new("L", image.size)
    noise.putdata([max(0, min(255, round(rng.gauss(128, 9)))) for _ in range(SHAPE_PX * SHAPE_PX)])
    return Image.blend(image, Image.merge("RGB", [noise] * 3), 0.12).filter(ImageFilter.GaussianBlur(0.4))


def jpeg(image: Image.Image, **options) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", **{"quality": 85, **options})
    return encoded.getvalue()


def write_shapes(folder: Path) -> None:
    for class_name in ("Circles", "Squares", "Stars"):
        rng = random.Random(f"{SEED} {class_name}")
        for part, count in (("train", TRAIN_PER_CLASS), ("test", TEST_PER_CLASS)):
            for number in range(1, count + 1):
                path = folder / part / class_name / f"{class_name[:-1].lower()}-{part}-{number}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(jpeg(shape(class_name, rng)))


# --- good but unusual --------------------------------------------------------------------------------


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bit_depth: int, colour_type: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(rows, 9))
        + png_chunk(b"IEND", b"")
    )


def sixteen_bit_png(image: Image.Image) -> bytes:
    """RGB with 16 bits a channel, which Pillow reads but does not write."""
    rows = bytearray()
    for y in range(image.height):
        rows.append(0)
        for x in range(image.width):
            for channel in image.getpixel((x, y)):
                rows += struct.pack(">H", channel * 257)
    return png(image.width, image.height, 16, 2, bytes(rows))


def write_formats(folder: Path) -> None:
    folder.mkdir(parents=True)
    rng = random.Random(f"{SEED} formats")
    star, circle = shape("Stars", rng), shape("Circles", rng)
    (folder / "greyscale.jpg").write_bytes(jpeg(star.convert("L")))
    (folder / "cmyk.jpg").write_bytes(jpeg(star.convert("CMYK")))
    (folder / "progressive.jpg").write_bytes(jpeg(star, progressive=True))
    (folder / "sixteen-bit.png").write_bytes(sixteen_bit_png(star))

    cut_out = star.convert("RGBA")
    mask = Image.new("L", star.size, 0)
    ImageDraw.Draw(mask).ellipse([12, 12, 84, 84], fill=255)
    cut_out.putalpha(mask.filter(ImageFilter.GaussianBlur(3)))
    cut_out.save(folder / "transparent.png", optimize=True)
    star.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(folder / "palette.png", optimize=True)

    frames = {"save_all": True, "append_images": [circle], "duration": 200, "loop": 0}
    star.save(folder / "animated.gif", **frames)
    star.save(folder / "animated.webp", quality=80, **frames)
    star.save(folder / "still.webp", quality=80)
    star.save(folder / "still.avif", quality=60)
    star.resize((32, 32)).save(folder / "still.bmp")


def write_exif(folder: Path) -> None:
    """48 × 32 as people see it: red top left, green top right, blue bottom left, yellow bottom right."""
    folder.mkdir(parents=True)
    upright = Image.new("RGB", (48, 32))
    draw = ImageDraw.Draw(upright)
    for colour, corner in (
        ((220, 30, 30), (0, 0)),
        ((30, 170, 60), (24, 0)),
        ((40, 70, 220), (0, 16)),
        ((240, 210, 40), (24, 16)),
    ):
        draw.rectangle([corner, (corner[0] + 23, corner[1] + 15)], fill=colour)
    # What has to be done to the upright picture so that correcting the orientation restores it.
    stored = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for orientation, operation in stored.items():
        image = upright if operation is None else upright.transpose(operation)
        exif = Image.Exif()
        exif[0x0112] = orientation
        # Chroma at full resolution keeps the quarters' edges sharp; a comment keeps the eight files' bytes apart.
        data = jpeg(image, exif=exif, quality=95, subsampling=0, comment=f"orientation {orientation}")
        (folder / f"orientation-{orientation}.jpg").write_bytes(data)


# --- bad ---------------------------------------------------------------------------------------------


def write_bad(folder: Path) -> None:
    folder.mkdir(parents=True)
    rng = random.Random(f"{SEED} bad")
    (folder / "text.jpg").write_text("This is a text file whose name says otherwise.\n" * 8)
    (folder / "empty.jpg").write_bytes(b"")

    whole = jpeg(shape("Stars", rng))
    scan = whole.index(b"\xff\xda")
    (folder / "truncated.jpg").write_bytes(whole[: scan + (len(whole) - scan) // 3])

    # An image file's first box, then noise: enough to know the format, nothing to decode.
    brands = b"heic" + struct.pack(">I", 0) + b"mif1heic"
    heic = struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands
    payload = bytes(rng.randrange(256) for _ in range(400))
    (folder / "phone.heic").write_bytes(heic + struct.pack(">I", 8 + len(payload)) + b"mdat" + payload)

    # Valid, 20,000 × 20,000 pixels at one bit each: 50 MB of zeros that deflate to some 50 kB.
    (folder / "huge.png").write_bytes(png(20_000, 20_000, 1, 0, bytes(20_000 * 2_501)))
    # The same claim by a JPEG's frame header; the data behind it is short.
    frame = whole.index(b"\xff\xc0")
    (folder / "huge.jpg").write_bytes(whole[: frame + 5] + struct.pack(">HH", 20_000, 20_000) + whole[frame + 9 :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "web/tests/fixtures")
    out = parser.parse_args().out
    for name, write in (("shapes", write_shapes), ("formats", write_formats), ("exif", write_exif), ("bad", write_bad)):
        shutil.rmtree(out / name, ignore_errors=True)
        write(out / name)
    files = [path for path in out.rglob("*") if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files)} bytes")


if __name__ == "__main__":
    main()
