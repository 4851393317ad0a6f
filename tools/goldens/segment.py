"""What transformers makes of a picture and a prompt, from file to masks: `python segment.py ../../plugins/sam`.

Writes test/segment/picture.png and test/segment/golden.json of the plugin: prompts in pixels of the picture, and for each of the three
masks its score and its pixels, packed eight to a byte, row by row, in base64. The models are the plugin's own fixtures.
"""
import base64, json, pathlib, sys
import numpy as np
import torch
from PIL import Image, ImageDraw
from transformers import SamImageProcessor, SamModel, SamProcessor

CASES = [
    dict(fixture="points", points=[[31, 22, 1]]),
    dict(fixture="points", points=[[31, 22, 1], [70, 8, 0], [12, 51, 1]]),
    dict(fixture="boxes", points=[[31, 22, 1]], box=[12, 9, 66, 47]),
]


def picture():
    """Higher than wide would be as good; neither side divides the model's."""
    image = Image.new("RGB", (83, 57), (70, 96, 140))
    draw = ImageDraw.Draw(image)
    draw.ellipse((14, 10, 48, 40), fill=(228, 180, 66))
    draw.polygon([(52, 50), (66, 22), (80, 50)], fill=(180, 60, 70))
    draw.rectangle((4, 44, 22, 55), fill=(70, 170, 90))
    return image


def masks(folder, image, points, box=None):
    processor = SamProcessor(SamImageProcessor.from_pretrained(folder))
    model = SamModel.from_pretrained(folder, attn_implementation="eager").eval()
    inputs = processor(image, input_points=[[point[:2] for point in points]], input_labels=[[point[2] for point in points]],
                       input_boxes=[[box]] if box else None, return_tensors="pt")
    inputs = {name: value.float() if value.is_floating_point() else value for name, value in inputs.items()}
    sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
    with torch.no_grad():
        outputs = model(**inputs, multimask_output=True)
    found = processor.image_processor.post_process_masks(outputs.pred_masks, *sizes)[0][0]
    pack = lambda mask: base64.b64encode(np.packbits(mask.numpy())).decode()
    return dict(scores=outputs.iou_scores[0, 0].tolist(), areas=[int(mask.sum()) for mask in found], masks=[pack(mask) for mask in found])


def main(plugin):
    out = plugin / "test" / "segment"
    out.mkdir(parents=True, exist_ok=True)
    image = picture()
    image.save(out / "picture.png")
    cases = [case | masks(plugin / "fixtures" / case["fixture"], image, case["points"], case.get("box")) for case in CASES]
    (out / "golden.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
