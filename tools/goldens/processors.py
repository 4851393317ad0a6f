"""What transformers' image processors make of their files, plain and odd: python processors.py ../../plugins

Writes PLUGIN/test/pictures/processors.json, a list of cases over the plugin's own fixtures and test/pictures/picture.png:

    {"fixture", "file": the image processor's file, "other": true where it is for another processor,
     "4", "5": for each version of transformers the SHA-256 of pixel_values, fp32; their size, such as "44x64", where it is another one
               than the model reads; null where the file is refused}

transformers 4 (requirements.txt) writes the files. Run again with transformers 5 (requirements-v5.txt), the script adds what that makes,
by Pillow as the slow processors of version 4 do. A folder's class is what AutoImageProcessor takes it for.
"""
import hashlib, json, os, pathlib, shutil, sys, tempfile, warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.simplefilter("ignore")
import numpy as np
import transformers
from PIL import Image
from transformers import AutoImageProcessor

VERSION = transformers.__version__.split(".")[0]
CLIP = dict(image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])
IMAGENET = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
SWITCHES = dict(do_convert_rgb=True, do_resize=True, do_rescale=True, do_normalize=True, rescale_factor=1 / 255)
UNUSED = dict(data_format="channels_first", input_data_format=None, return_tensors=None, device="cpu", disable_grouping=None)
SQUARE = lambda side: dict(height=side, width=side)


def without(settings, *names):
    return {name: value for name, value in settings.items() if name not in names}


def types(kind, file):
    """Every spelling of the class, and no name of it."""
    name = kind + "ImageProcessor"
    unnamed = without(file, "image_processor_type")
    return [
        file | dict(image_processor_type=name + "Fast"), file | dict(image_processor_type=name + "Pil"), unnamed,
        unnamed | dict(feature_extractor_type=kind + "FeatureExtractor"), file | dict(feature_extractor_type="ViTFeatureExtractor"),
        unnamed | dict(image_processor_type=None, feature_extractor_type=name),
    ]


def others(file):
    unnamed = without(file, "image_processor_type")
    names = ["ViTImageProcessor", "CLIPImageProcessorFast", "BitImageProcessor", "EfficientNetImageProcessor", "SamImageProcessor",
             "PerceiverImageProcessor", "BlipImageProcessor"]
    return [file | dict(image_processor_type=name) for name in names if name != file["image_processor_type"]] + [
        unnamed | dict(feature_extractor_type=name) for name in ("ViTFeatureExtractor", "CLIPFeatureExtractor")]


def values(file):
    """What every processor has."""
    changes = [dict(resample=number) for number in (0, 1, 2, 3, 4, 5, None)]
    changes += [dict(rescale_factor=factor) for factor in (1 / 127.5, None)] + [dict(do_rescale=False), dict(do_normalize=False)]
    changes += [{name: None} for name in ("do_rescale", "do_normalize", "do_convert_rgb", "image_mean", "image_std")]
    changes += [dict(image_mean=[0.5]), dict(image_std=[0.5, 1, 2])]
    # Of other processors.
    changes += [dict(do_flip_channel_order=True, do_reduce_labels=True, do_thumbnail=True), dict(offset=True, rescale_offset=True),
                dict(include_top=True, crop_pct=0.5, size_divisor=32, mask_size=dict(longest_edge=8))]
    return [file | change for change in changes]


def blip():
    file = SWITCHES | CLIP | dict(image_processor_type="BlipImageProcessor", resample=3, size=SQUARE(32))
    published = [
        CLIP | dict(do_normalize=True, do_resize=True, image_processor_type="BlipImageProcessor", processor_class="BlipProcessor",
                    size=SQUARE(32)),
        without(file, "do_convert_rgb") | dict(do_pad=True, size_divisor=32, processor_class="BlipProcessor"),
        file | UNUSED | dict(image_processor_type="BlipImageProcessorFast", default_to_square=True, crop_size=None, do_center_crop=None,
                             do_pad=None, pad_size=None),
    ]
    sizes = [32, [32, 32], 48, dict(shortest_edge=32), dict(longest_edge=32), dict(height=32), SQUARE(32) | dict(max_height=5)]
    changes = [dict(size=size) for size in sizes] + [dict(default_to_square=False), dict(default_to_square=False, size=32)]
    changes += [dict(do_center_crop=True, crop_size=size) for size in (24, 32, [32, 32], SQUARE(32), None)]
    changes += [dict(do_pad=True, pad_size=size) for size in (32, 40, None)] + [dict(do_center_crop=False, crop_size=24)]
    changes += [dict(size=SQUARE(40), do_center_crop=True, crop_size=32), dict(size=SQUARE(28), do_pad=True, pad_size=32)]
    return "image-to-text", (3, 32, 32), published + [file | change for change in changes] + values(file) + types("Blip", file), others(file)


def blip2():
    file = SWITCHES | CLIP | dict(image_processor_type="BlipImageProcessor", resample=3, size=SQUARE(28), processor_class="Blip2Processor")
    changes = [dict(size=28), dict(do_center_crop=True, crop_size=24), dict(do_pad=True), dict(do_normalize=None)]
    return "opt", (3, 28, 28), [file] + [file | change for change in changes], others(file)


def sam():
    file = SWITCHES | IMAGENET | dict(image_processor_type="SamImageProcessor", resample=2, size=dict(longest_edge=64), do_pad=True,
                                      pad_size=SQUARE(64))
    published = [file | dict(processor_class="SamProcessor"),
                 file | UNUSED | dict(image_processor_type="SamImageProcessorFast", default_to_square=True, crop_size=None,
                                      do_center_crop=None, mask_size=dict(longest_edge=256), mask_pad_size=SQUARE(256))]
    sizes = [64, 48, 80, [64, 64], SQUARE(64), dict(longest_edge=48), dict(longest_edge=80), dict(shortest_edge=64),
             dict(shortest_edge=8, longest_edge=64), dict(height=64, longest_edge=64)]
    changes = [dict(size=size) for size in sizes] + [dict(default_to_square=False), dict(default_to_square=False, size=64)]
    changes += [dict(pad_size=size) for size in (64, [64, 64], 80, dict(longest_edge=64))] + [dict(do_pad=False), dict(do_pad=None)]
    changes += [dict(do_center_crop=True, crop_size=size) for size in (64, SQUARE(32), None)] + [dict(do_center_crop=False, crop_size=24)]
    return "windows", (3, 64, 64), published + [file | change for change in changes] + values(file) + types("Sam", file), others(file)


def perceiver():
    file = SWITCHES | IMAGENET | dict(image_processor_type="PerceiverImageProcessor", resample=3, size=SQUARE(24), do_center_crop=True,
                                      crop_size=SQUARE(30))
    published = [
        IMAGENET | dict(crop_size=256, do_center_crop=True, do_normalize=True, do_resize=True,
                        feature_extractor_type="PerceiverFeatureExtractor", resample=3, size=224),
        file | UNUSED | dict(image_processor_type="PerceiverImageProcessorFast", default_to_square=True, do_pad=None, pad_size=None,
                             do_convert_rgb=None),
    ]
    sizes = [24, [24, 24], dict(shortest_edge=24), dict(longest_edge=24), dict(height=24)]
    changes = [dict(size=size) for size in sizes] + [dict(do_center_crop=False, default_to_square=False, size=24)]
    changes += [dict(crop_size=size) for size in (28, [26, 26], dict(shortest_edge=30), None)]
    changes += [dict(do_center_crop=False), dict(do_center_crop=False, size=[24, 20]), dict(do_center_crop=None)]
    changes += [dict(do_pad=True), dict(do_pad=True, pad_size=40)]
    kinds = types("Perceiver", file)
    return "image-classification-fourier", None, published + [file | change for change in changes] + values(file) + kinds, others(file)


CASES = dict(blip=blip, blip2=blip2, sam=sam, perceiver=perceiver)


def pixels(fixture, file, image, shape):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(fixture / "config.json", folder)
        (pathlib.Path(folder) / "preprocessor_config.json").write_text(json.dumps(file))
        try:
            processor = AutoImageProcessor.from_pretrained(folder, **(dict(use_fast=False) if VERSION == "4" else dict(backend="pil")))
            found = processor(image, return_tensors="np")["pixel_values"][0]
        except (AttributeError, ImportError, IndexError, KeyError, TypeError, ValueError):
            return None
    assert found.dtype == np.float32
    if found.shape != (shape or found.shape):
        return "x".join(map(str, found.shape[1:]))
    return hashlib.sha256(np.ascontiguousarray(found)).hexdigest()


def main(plugins):
    transformers.logging.set_verbosity_error()
    for plugin, make in CASES.items():
        folder = plugins / plugin / "test" / "pictures"
        fixture, shape, own, foreign = make()
        cases = [dict(fixture=fixture, file=file) for file in own] + [dict(fixture=fixture, file=file, other=True) for file in foreign]
        out = folder / "processors.json"
        if VERSION == "5":
            earlier = json.loads(out.read_text())
            assert [case["file"] for case in earlier] == [case["file"] for case in cases], "run this with transformers 4 first"
            cases = [without(case, "5") for case in earlier]
        image = Image.open(folder / "picture.png")
        for case in cases:
            case[VERSION] = pixels(plugins / plugin / "fixtures" / fixture, case["file"], image, shape)
        out.write_text("[\n" + ",\n".join(" " + json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
