"""Writes the golden pictures of packages/images: small files of every kind, and what Pillow, transformers' slow image processors and
torch make of them.

    python images.py OUT

    OUT/pictures/*            the files
    OUT/cases.json            what to do with them: see below
    OUT/goldens.safetensors   results, by the names in cases.json

A result in cases.json is { shape, dtype, sha256 } and, where it is small, { tensor }, its name in goldens.safetensors.

    decoded     file -> ImageOps.exif_transpose(Image.open(file)).convert("RGB"), uint8 [H, W, 3]
    resized     [{ file, resampling, size: [h, w], pillow, result }]   Image.resize of the decoded picture; with pillow 12, what
                                                                  versions before 13 give, where the order of passes shows
    prepared    [{ file, steps, original, resized, result }]      pixel_values of a slow processor, fp32 [3, H, W]
    planes      [{ input, size, result }]                         F.interpolate(bilinear, align_corners=False), fp32
    masks       [{ input, padded, resized, original, floats, result }]   SamImageProcessor.post_process_masks

Every run on the same versions writes the same bytes.
"""
import argparse, hashlib, io, json, pathlib, shutil, struct, warnings, zlib
import numpy as np, PIL, torch
import torch.nn.functional as F
from PIL import Image, ImageCms, ImageOps
from safetensors.numpy import save_file
from transformers import BlipImageProcessor, PerceiverImageProcessor, SamImageProcessor

FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
SMALL = 16 * 1024  # bytes up to which a result is stored as it is


def scene(height, width, seed, channels=3, top=255):
    """Slopes, waves, hard edges and noise: [H, W, channels] from 0 to top."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    planes = []
    for channel in range(channels):
        a, b, c = random.uniform(-1, 1, 3)
        plane = 0.5 + 0.4 * (a * x + b * y) + 0.25 * np.sin((8 + 20 * c) * (x + (channel - 1) * y * y))
        plane += 0.6 * (((x - 0.5) ** 2 + (y - 0.4) ** 2) < 0.02 * (channel + 1)) - 0.5 * ((x * 7 + channel).astype(int) % 4 == 0)
        planes.append(plane + random.normal(0, 0.06, plane.shape))
    return np.clip(np.stack(planes, -1) * top, 0, top).astype(np.uint16 if top > 255 else np.uint8)


def picture(height, width, seed, mode="RGB"):
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = scene(height, width, seed, channels)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode=mode) if mode != "CMYK" else Image.merge(
        "CMYK", [Image.fromarray(np.ascontiguousarray(pixels[..., i])) for i in range(4)])


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(samples, bits, color, *chunks, interlaced=False):
    """A PNG of these samples, [H, W, channels]: Pillow does not write all kinds."""
    def rows(part):
        lines = []
        for line in part:
            flat = line.reshape(-1).astype(np.uint16)
            if bits == 16:
                data = flat.astype(">u2").tobytes()
            elif bits == 8:
                data = flat.astype(np.uint8).tobytes()
            else:
                each = 8 // bits
                flat = np.pad(flat, (0, -len(flat) % each)).reshape(-1, each)
                data = bytes(int(sum(int(v) << (8 - bits * (i + 1)) for i, v in enumerate(group))) for group in flat)
            lines.append(b"\0" + data)
        return b"".join(lines)
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in passes] if interlaced else [samples]
    data = b"".join(rows(part) for part in parts if part.size)
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*each) for each in chunks)
            + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def strange_profile():
    """sRGB with red and blue exchanged: a reader that does not ignore it is far off."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)  # else it holds the time of the run
    count, = struct.unpack_from(">I", profile, 128)
    tags = {bytes(profile[132 + 12 * i:136 + 12 * i]): 136 + 12 * i for i in range(count)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    profile[red:red + 8], profile[blue:blue + 8] = profile[blue:blue + 8], profile[red:red + 8]
    return bytes(profile)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def without_adobe(data):
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + struct.unpack_from(">H", data, at + 2)[0]:]


def adobe_transform(data, value):
    at = data.index(b"Adobe") + 11
    return data[:at] + bytes([value]) + data[at + 1:]


def on_a_canvas(data, width, height):
    """The same GIF or animated WebP, whose canvas is larger than its first frame."""
    data = bytearray(data)
    if data[:3] == b"GIF":
        data[6:10] = struct.pack("<HH", width, height)
    else:
        assert data[12:16] == b"VP8X"
        data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def files():
    """name -> bytes"""
    odd, tall = picture(43, 61, 1), picture(90, 37, 2)
    profile = strange_profile()
    out = {
        "odd.png": saved(odd, "PNG"), "tall.png": saved(tall, "PNG"),
        "one.png": saved(picture(1, 1, 3), "PNG"), "column.png": saved(picture(57, 1, 4), "PNG"),
        "row.png": saved(picture(1, 83, 5), "PNG"), "two-by-three.png": saved(picture(3, 2, 6), "PNG"),
        "interlaced.png": png(scene(19, 29, 7), 8, 2, interlaced=True),
        "profile.png": saved(picture(16, 24, 8), "PNG", icc_profile=profile),
        "gamma.png": png(scene(16, 24, 9), 8, 2, (b"gAMA", struct.pack(">I", 100000))),
        "rgba.png": saved(picture(31, 40, 10, "RGBA"), "PNG"), "la.png": saved(picture(31, 40, 11, "LA"), "PNG"),
        "color-key.png": png(scene(16, 24, 12, top=3) * 85, 8, 2, (b"tRNS", struct.pack(">3H", 85, 85, 85))),
        "gray.png": saved(picture(33, 26, 13, "L"), "PNG"), "gray-key.png": png(scene(9, 14, 14, 1, 3), 2, 0, (b"tRNS", b"\0\1")),
        **{f"gray{bits}.png": png(scene(13, 21, 15 + bits, 1, 2 ** bits - 1), bits, 0) for bits in (1, 2, 4)},
        "gray16.png": png(scene(17, 22, 20, 1, 900), 16, 0), "gray16-key.png": png(scene(9, 14, 21, 1, 400), 16, 0, (b"tRNS", b"\0\1")),
        "profile16.png": png(scene(17, 22, 25, 3, 65535), 16, 2, (b"iCCP", b"strange\0\0" + zlib.compress(profile))),
        "la16.png": png(scene(17, 22, 22, 2, 65535), 16, 4),
        "rgb16.png": png(scene(17, 22, 23, 3, 65535), 16, 2), "rgba16.png": png(scene(17, 22, 24, 4, 65535), 16, 6),
    }
    colors = scene(1, 256, 30).tobytes()
    out |= {
        f"palette{bits}.png": png(scene(15, 23, 30 + bits, 1, 2 ** bits - 1), bits, 3, (b"PLTE", colors[:3 * 2 ** bits]))
        for bits in (1, 2, 4, 8)
    }
    out["palette-alpha.png"] = png(scene(15, 23, 40, 1, 15), 4, 3, (b"PLTE", colors[:48]), (b"tRNS", bytes(range(0, 160, 16))))
    jpeg = lambda image, **options: saved(image, "JPEG", **{"quality": 88, **options})
    inks = picture(30, 45, 50, "CMYK")
    out |= {
        "s420.jpg": jpeg(odd, subsampling=2), "s444.jpg": jpeg(odd, subsampling=0), "s422.jpg": jpeg(odd, subsampling=1),
        "coarse.jpg": jpeg(tall, quality=15), "progressive.jpg": jpeg(tall, progressive=True),
        "restart.jpg": jpeg(odd, restart_marker_rows=1), "gray.jpg": jpeg(picture(33, 26, 51, "L")),
        "one.jpg": jpeg(picture(1, 1, 52)), "rgb.jpg": jpeg(odd, keep_rgb=True, subsampling=0),
        "profile.jpg": jpeg(picture(16, 24, 53), icc_profile=profile),
        "cmyk.jpg": jpeg(inks), "cmyk-plain.jpg": without_adobe(jpeg(inks)), "profile-cmyk.jpg": jpeg(inks, icc_profile=profile), "ycck.jpg": adobe_transform(jpeg(inks), 2),
        "cmyk-s420.jpg": adobe_transform(jpeg(inks, subsampling=2), 2), "cmyk-progressive.jpg": jpeg(inks, progressive=True),
        **{f"turned{turn}.jpg": jpeg(picture(14, 23, 60 + turn), exif=orientation(turn)) for turn in range(1, 9)},
        "turned-wrong.jpg": jpeg(picture(14, 23, 69), exif=orientation(9)),
        "turned-cmyk.jpg": jpeg(inks, exif=orientation(6)),
        "turned-xmp.jpg": jpeg(picture(14, 23, 70), xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'),
        "turned6.png": saved(picture(14, 23, 71), "PNG", exif=orientation(6)),
        "turned6.webp": saved(picture(14, 23, 72), "WEBP", lossless=True, exif=orientation(6)),
        "turned8-16.png": png(scene(12, 17, 73, 4, 65535), 16, 6, (b"eXIf", orientation(8)[6:])),
    }
    clear = picture(31, 40, 80, "RGBA")
    clear.putalpha(Image.fromarray((scene(31, 40, 81, 1, 255)[..., 0] // 86 * 127).astype(np.uint8)))
    frames = [picture(20, 33, 90 + i) for i in range(3)]
    clear_frames = [picture(20, 33, 95 + i, "RGBA") for i in range(2)]
    out |= {
        "lossy.webp": saved(odd, "WEBP", quality=70), "lossless.webp": saved(tall, "WEBP", lossless=True),
        "one.webp": saved(picture(1, 1, 82), "WEBP", lossless=True), "profile.webp": saved(picture(16, 24, 83), "WEBP", icc_profile=profile),
        "rgba.webp": saved(clear, "WEBP", quality=80), "rgba-lossless.webp": saved(clear, "WEBP", lossless=True, exact=True),
        "frames.webp": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=40, quality=80),
        "frames-clear.webp": saved(clear_frames[0], "WEBP", save_all=True, append_images=clear_frames[1:], duration=40, lossless=True),
        "frames.png": saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=40),
        "frames-cover.png": saved(frames[0], "PNG", save_all=True, default_image=True, append_images=frames[1:], duration=40),
        "frames.gif": saved(frames[0].quantize(64), "GIF", save_all=True, append_images=[f.quantize(64) for f in frames[1:]], duration=40),
        "gray.gif": saved(picture(12, 19, 99, "L"), "GIF"),
        "clear.gif": saved(frames[0].quantize(16), "GIF", transparency=3),
    }
    out |= {
        "canvas.gif": on_a_canvas(out["frames.gif"], 37, 22), "canvas-clear.gif": on_a_canvas(out["clear.gif"], 40, 26),
        "canvas.webp": on_a_canvas(out["frames.webp"], 38, 24), "canvas-clear.webp": on_a_canvas(out["frames-clear.webp"], 36, 21),
        "large.jpg": jpeg(picture(303, 401, 100), quality=75), "large-progressive.jpg": jpeg(picture(401, 250, 101), quality=60, progressive=True),
    }
    return {name: out[name] for name in sorted(out)}


class Results:
    def __init__(self):
        self.tensors = {}

    def keep(self, name, array, stored=None):
        array = np.ascontiguousarray(array)
        entry = dict(shape=list(array.shape), dtype=str(array.dtype), sha256=hashlib.sha256(array.tobytes()).hexdigest())
        if array.nbytes <= SMALL if stored is None else stored:
            self.tensors[name] = array
            entry["tensor"] = name
        return entry


def decode(data):
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


def resized(results, pictures):
    sizes = {"odd.png": [(43, 61), (43, 20), (9, 61), (86, 122), (17, 100), (300, 451), (1, 1), (5, 7)],
             "tall.png": [(30, 12), (224, 224), (91, 38)], "one.png": [(5, 4)], "row.png": [(3, 30)], "column.png": [(16, 2)],
             "two-by-three.png": [(64, 48), (2, 3)]}
    cases = []
    for file, each in sizes.items():
        image = pictures[file]
        for height, width in each:
            for name, number in FILTERS.items():
                now = image.resize((width, height), number)
                before = now if name == "nearest" else image.resize((width, image.height), number).resize((width, height), number)
                for pillow, pixels in [(13, now)] + [(12, before)] * (before.tobytes() != now.tobytes()):
                    label = f"resized/{file}/{name}/{height}x{width}" + ("/before13" if pillow == 12 else "")
                    cases.append(dict(file=file, resampling=name, size=[height, width], pillow=pillow,
                                      result=results.keep(label, np.array(pixels), stored=height * width * 3 <= 600)))
    return cases


IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
CLIP = dict(image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])


def prepared(results, pictures):
    """Channels are said to come last: transformers would guess, and take a picture of 1 or 3 rows for one with channels first."""
    last = dict(input_data_format="channels_last", return_tensors="np")
    names = {number: name for name, number in FILTERS.items()}
    cases = []

    def add(label, file, steps, output, sizes=None, stored=None):
        image = pictures[file]
        final = output["pixel_values"][0]
        original = [image.height, image.width]
        cases.append(dict(file=file, steps=steps, original=original, resized=sizes or list(final.shape[1:]),
                          result=results.keep(f"prepared/{label}/{file}", final, stored)))

    def norm(values):
        return [dict(rescale=1 / 255), dict(normalize=dict(mean=values["image_mean"], std=values["image_std"]))]

    for side in (64, 1024):
        processor = SamImageProcessor(size={"longest_edge": side}, pad_size={"height": side, "width": side})
        for file in ("odd.png", "tall.png", "s420.jpg", "turned6.jpg", "one.png", "column.png") if side == 64 else ("odd.png",):
            output = processor.preprocess(pictures[file], **last)
            sizes = [int(n) for n in output["reshaped_input_sizes"][0]]
            add(f"longest{side}", file, [dict(resizeLongest=side, resampling=names[processor.resample]), *norm(IMAGENET),
                                         dict(pad=[side, side])], output, sizes, stored=side == 64 and file in ("odd.png", "tall.png"))
    for side in (24, 384):
        processor = BlipImageProcessor(size={"height": side, "width": side})
        for file in ("odd.png", "tall.png", "gray16.png", "one.png", "row.png") if side == 24 else ("tall.png",):
            output = processor.preprocess(pictures[file], **last)
            add(f"squash{side}", file, [dict(resize=[side, side], resampling=names[processor.resample]), *norm(CLIP)], output)
    for size, crop in ((28, 32), (20, 20), (37, 30)):
        square = lambda n: {"height": n, "width": n}
        processor = PerceiverImageProcessor(size=square(size), crop_size=square(crop), **IMAGENET)
        for file in ("odd.png", "tall.png", "cmyk.jpg", "two-by-three.png"):
            output = processor.preprocess(pictures[file], **last)
            add(f"square{size}of{crop}", file, [dict(cropSquare=size / crop),
                dict(resize=[size, size], resampling=names[processor.resample]), *norm(IMAGENET)], output)
    # A crop that the picture does not fill, no rescale, and a mean of bytes.
    from transformers import image_transforms as t
    for height, width in ((50, 51), (44, 20), (17, 80), (43, 61)):
        image = t.center_crop(np.array(pictures["odd.png"]), (height, width), input_data_format="channels_last")
        mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
        image = t.normalize(image, mean, std, data_format="channels_first", input_data_format="channels_last")
        add(f"crop{height}x{width}", "odd.png", [dict(crop=[height, width]), dict(normalize=dict(mean=mean, std=std))],
            {"pixel_values": [image]}, stored=height == 17)
    image = t.rescale(np.array(pictures["odd.png"]), 1 / 127.5, data_format="channels_first", input_data_format="channels_last")
    add("rescale", "odd.png", [dict(rescale=1 / 127.5)], {"pixel_values": [image]})
    return cases


def planes(results):
    generator = torch.Generator().manual_seed(7)
    cases = []
    for index, (shape, size) in enumerate([((2, 9, 13), (20, 31)), ((1, 16, 16), (64, 64)), ((1, 40, 33), (11, 50)), ((1, 64, 64), (97, 45)),
                                           ((1, 1, 1), (4, 3)), ((1, 7, 1), (3, 9))]):
        plane = 10 * torch.randn(shape, generator=generator)
        out = F.interpolate(plane[None], size, mode="bilinear", align_corners=False)[0]
        cases.append(dict(input=results.keep(f"planes/{index}.in", plane.numpy(), True), size=list(size),
                          result=results.keep(f"planes/{index}.out", out.numpy(), True)))
    return cases


def masks(results):
    generator = torch.Generator().manual_seed(8)
    cases = []
    for index, (side, padded, now, original) in enumerate([(16, 64, (45, 64), (43, 61)), (16, 64, (64, 26), (200, 82)), (16, 64, (64, 64), (31, 31)),
                                                           (64, 256, (171, 256), (333, 500))]):
        low = torch.randn((1, 1, side // 4, side // 4), generator=generator)
        low = 12 * F.interpolate(low, (side, side), mode="bicubic") + torch.randn((1, 3, side, side), generator=generator)
        processor = SamImageProcessor(pad_size={"height": padded, "width": padded})
        both = [processor.post_process_masks([low], [original], [now], binarize=binarize)[0][0].numpy() for binarize in (False, True)]
        cases.append(dict(input=results.keep(f"masks/{index}.in", low[0].numpy(), True), padded=[padded, padded], resized=list(now),
                          original=list(original), floats=results.keep(f"masks/{index}.floats", both[0], index == 0),
                          result=results.keep(f"masks/{index}.out", both[1].astype(np.uint8))))
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    assert int(PIL.__version__.split(".")[0]) >= 13, "Pillow resizes in another order before 13"
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    shutil.rmtree(out, ignore_errors=True)
    (out / "pictures").mkdir(parents=True)
    results = Results()
    pictures = {}
    for name, data in files().items():
        (out / "pictures" / name).write_bytes(data)
        pictures[name] = decode(data)
    cases = dict(
        decoded={name: results.keep(f"decoded/{name}", np.array(image)) for name, image in pictures.items()},
        resized=resized(results, pictures), prepared=prepared(results, pictures), planes=planes(results), masks=masks(results))
    save_file(results.tensors, out / "goldens.safetensors")
    lines = ",\n".join(
        f"{json.dumps(key)}: " + ("{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}"
                                   if isinstance(value, dict) else "[\n" + ",\n".join("  " + json.dumps(v) for v in value) + "\n]")
        for key, value in cases.items())
    (out / "cases.json").write_text("{\n" + lines + "\n}\n")
    print(len(pictures), "pictures,", sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) // 1024, "KB")


if __name__ == "__main__":
    main()
