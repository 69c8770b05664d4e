#!/usr/bin/env python3
"""Makes the sample data set, web/sample/sample.zip, from Tux Paint's stamps.

The stamps are photographs of birds, mammals, flowers and fruit, cut out on transparency.
Each is placed on a plain, softly shaded background, because a cut-out on white would teach nothing about real pictures.
Background, size, place, tilt and mirroring are drawn from one seeded stream that does not know the class, so that a model cannot tell the classes by anything but the thing in the picture.

Usage:
    apt-get download tuxpaint-stamps-default
    python3 tools/make-sample.py tuxpaint-stamps-default_2022.06.04-1_all.deb

Needs Python 3.11 or newer, Pillow (13.0 made the committed file) and dpkg-deb.
The same Pillow gives the same bytes.
"""

import argparse
import io
import math
import random
import subprocess
import tempfile
import zipfile
from pathlib import Path

from PIL import Image, ImageFilter

SEED = 2002
SIZE_PX = 240
JPEG_QUALITY = 88
TEST_IMAGES_PER_CLASS = 5
# Small stamps may grow by this factor at most: beyond it the picture is a blur.
LARGEST_ENLARGEMENT = 2.6

STAMPS = "usr/share/tuxpaint/stamps"

CHILDSPLAY = "Childsplay, © 2002–2005 Stas Zytkiewicz, adapted for Tux Paint by Pere Pujal i Carabantes"
KENDRICK = "Bill Kendrick"
PECK = "Akkana Peck"
GOERNER = "Chris Goerner"
FORD = "Caroline Ford"
GOVIA = "GOVIA Project, Justin Zeigler"
UNNAMED = "Tux Paint contributors; no single author is named"

# Class folder: stamp folder, and stamp → author as Tux Paint's CHANGES.txt and CONTRIBUTORS.txt name them.
# Stamps for which those files give another licence than the GPL (GFDL or CC-BY-SA alone), or a stock photo site, are left out on purpose.
CLASSES = {
    "Birds": (
        "animals/birds",
        {
            CHILDSPLAY: "blackbird crow cuckoo duck gander lark nandou owl pigeon rooster seagull tucan turkey vulture",
            KENDRICK: "magellanic_penguin ostrich peacock pink_flamingo",
            GOERNER: "rainbow-lorikeet",
        },
    ),
    "Flowers": (
        "plants/flowers",
        {
            PECK: "flower1 flower2 flower3 flower4 flower5 flower6 flower7 flower8 flower9 flower10",
            FORD: "daffodil",
            GOERNER: "pigface yellow-flower",
            GOVIA: "iris marigold red-gazania rose whitestar-petunia",
            UNNAMED: "anemone_red",
        },
    ),
    "Fruit": (
        "food/fruit",
        {
            GOERNER: "lemon mandarine",
            UNNAMED: "apple_fuji apple_granny_smith apple_green apple_red apple_sierra_beauty avocado banana cherimoya kiwi mango orange orange_seville pear pomegranate raspberry strawberry",
        },
    ),
    "Mammals": (
        "animals/mammals",
        {
            CHILDSPLAY: "bears/bear bovines/bison bovines/cow bovines/goat bovines/ram camel/camel cats/lion cats/tiger deer/deer dogs/dog dogs/fox elephant equines/donkey equines/horse equines/zebra giraffe hippopotamus pig rodents/squirrel",
        },
    ),
}

NOTICE = """# The sample pictures

These pictures are not part of Headstart's own code and do not carry its licence.
They are adapted from the stamps of [Tux Paint](https://tuxpaint.org/), a drawing program for children: the Debian package `tuxpaint-stamps-default`, source package `tuxpaint-stamps`, version 2022.06.04-1.

Copyright 2002–2022 Bill Kendrick and the contributors to Tux Paint Stamps.

They are free software: you can redistribute and modify them under the terms of the GNU General Public License, version 2 or (at your option) any later version, as published by the Free Software Foundation.
They come without any warranty; see the file LICENSE beside this one for the whole text.

## What was done to them

On {date} each stamp was resized, tilted by up to eight degrees and in half of the cases mirrored, placed on a plain background made for it, and saved as a JPEG of {size} × {size} pixels.
`tools/make-sample.py` in Headstart's source does all of it and is the complete recipe; the unchanged stamps are in the package named above.
Stamps for which Tux Paint's own lists give another licence than the GPL, or a stock photo site, are left out.

## Pictures and authors

Authors are named as far as Tux Paint's `CHANGES.txt` and `CONTRIBUTORS.txt` name them.

| file | stamp | author |
|---|---|---|
{rows}
"""
# Stated in the notice, as the GPL asks of modified files; not today's date, so that the output stays the same.
CHANGE_DATE = "2026-11-24"


def background(rng: random.Random) -> Image.Image:
    """A plain background: two neighbouring soft colours across a slope, and a faint large glow."""
    hue = rng.uniform(0, 360)
    saturation = rng.uniform(0.04, 0.30)
    value = rng.uniform(0.55, 0.97)
    angle = rng.uniform(0, 2 * math.pi)
    slope = rng.uniform(0.05, 0.22)
    glow_x, glow_y = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9)
    glow = rng.uniform(-0.06, 0.08)
    grain = random.Random(rng.random())

    image = Image.new("RGB", (SIZE_PX, SIZE_PX))
    pixels = image.load()
    for y in range(SIZE_PX):
        for x in range(SIZE_PX):
            u, v = x / SIZE_PX, y / SIZE_PX
            along = (u - 0.5) * math.cos(angle) + (v - 0.5) * math.sin(angle)
            near = math.exp(-((u - glow_x) ** 2 + (v - glow_y) ** 2) / 0.08)
            brightness = value + slope * along + glow * near + grain.gauss(0, 0.006)
            pixels[x, y] = hsv(hue + 25 * along, saturation, min(max(brightness, 0.0), 1.0))
    return image.filter(ImageFilter.GaussianBlur(0.6))


def hsv(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """An RGB colour from hue in degrees, saturation and value from 0 to 1."""

    def channel(n: int) -> int:
        k = (n + hue / 60) % 6
        return round(255 * (value - value * saturation * max(0, min(k, 4 - k, 1))))

    return channel(5), channel(3), channel(1)


def compose(stamp: Image.Image, rng: random.Random) -> Image.Image:
    """Places one cut-out on a background of its own."""
    cut_out = stamp.convert("RGBA")
    cut_out = cut_out.crop(cut_out.getchannel("A").point(lambda a: 255 if a > 16 else 0).getbbox())
    tilt = rng.uniform(-8, 8)
    mirrored = rng.random() < 0.5
    longest_px = SIZE_PX * rng.uniform(0.68, 0.95)
    canvas = background(rng)

    if mirrored:
        cut_out = cut_out.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = min(longest_px / max(cut_out.size), LARGEST_ENLARGEMENT)
    cut_out = cut_out.resize(
        tuple(max(1, round(side * scale)) for side in cut_out.size), Image.Resampling.LANCZOS
    )
    cut_out = cut_out.rotate(tilt, Image.Resampling.BICUBIC, expand=True)
    cut_out = cut_out.crop(cut_out.getbbox())
    free_x, free_y = (max(0, SIZE_PX - side) for side in cut_out.size)
    place = round(free_x * rng.uniform(0.2, 0.8)), round(free_y * rng.uniform(0.2, 0.8))
    canvas.paste(cut_out, place, cut_out)
    return canvas


def add(archive: zipfile.ZipFile, path: str, data: bytes) -> None:
    """Stores one entry with a fixed date and fixed rights: the same pictures give the same zip."""
    entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_STORED
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deb", type=Path, help="the Debian package tuxpaint-stamps-default")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "web/sample")
    arguments = parser.parse_args()

    entries: list[tuple[str, bytes]] = []
    rows: list[str] = []
    with tempfile.TemporaryDirectory() as unpacked:
        subprocess.run(["dpkg-deb", "-x", arguments.deb, unpacked], check=True)
        for class_name, (folder, authors) in CLASSES.items():
            stamps = [(stamp, author) for author, names in authors.items() for stamp in names.split()]
            stamps.sort()
            rng = random.Random(f"{SEED} {class_name}")
            test = {stamp for stamp, _ in rng.sample(stamps, TEST_IMAGES_PER_CLASS)}
            for stamp, author in stamps:
                with Image.open(Path(unpacked, STAMPS, folder, f"{stamp}.png")) as image:
                    picture = compose(image, rng)
                encoded = io.BytesIO()
                picture.save(encoded, "JPEG", quality=JPEG_QUALITY, optimize=True)
                part = "test" if stamp in test else "train"
                name = stamp.rsplit("/", 1)[-1].replace("_", "-")
                path = f"{part}/{class_name}/{name}.jpg"
                entries.append((path, encoded.getvalue()))
                rows.append(f"| `{path}` | `{folder}/{stamp}.png` | {author} |")

    notice = NOTICE.format(date=CHANGE_DATE, size=SIZE_PX, rows="\n".join(rows))
    (arguments.out / "NOTICE.md").write_text(notice, encoding="utf-8")
    licence = (arguments.out / "LICENSE").read_bytes()
    with zipfile.ZipFile(arguments.out / "sample.zip", "w") as archive:
        add(archive, "LICENSE", licence)
        add(archive, "NOTICE.md", notice.encode())
        for path, data in sorted(entries):
            add(archive, path, data)
    size = (arguments.out / "sample.zip").stat().st_size
    print(f"{len(entries)} pictures, {size} bytes")


if __name__ == "__main__":
    main()
