"""What transformers makes of a picture, from the file to the result: `python pictures.py ../../plugins`.

Writes PLUGIN/test/pictures/picture.png and golden.json, a list of cases over the plugin's own fixtures:

sam        prompts in pixels of the picture; for each of the three masks its score, its area and its pixels, packed eight to a byte, row by
           row, in base64
blip, blip2    ids of a question where there is one, and the ids of the text that is generated
perceiver  the probability of every label
"""
import base64, json, pathlib, sys
import numpy as np
import torch
from PIL import Image, ImageDraw
from transformers import (
    AutoConfig, BlipForConditionalGeneration, BlipForQuestionAnswering, BlipImageProcessor, Blip2ForConditionalGeneration,
    PerceiverForImageClassificationConvProcessing, PerceiverForImageClassificationFourier, PerceiverForImageClassificationLearned,
    PerceiverImageProcessor, SamImageProcessor, SamModel, SamProcessor,
)

NEW_TOKENS = 6


def picture():
    """Neither side divides a model's."""
    image = Image.new("RGB", (83, 57), (70, 96, 140))
    draw = ImageDraw.Draw(image)
    draw.ellipse((14, 10, 48, 40), fill=(228, 180, 66))
    draw.polygon([(52, 50), (66, 22), (80, 50)], fill=(180, 60, 70))
    draw.rectangle((4, 44, 22, 55), fill=(70, 170, 90))
    return image


def loaded(kind, folder):
    return kind.from_pretrained(folder, attn_implementation="eager").eval()


def segment(folder, image, points, box=None):
    processor = SamProcessor(SamImageProcessor.from_pretrained(folder))
    inputs = processor(image, input_points=[[point[:2] for point in points]], input_labels=[[point[2] for point in points]],
                       input_boxes=[[box]] if box else None, return_tensors="pt")
    inputs = {name: value.float() if value.is_floating_point() else value for name, value in inputs.items()}
    sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
    outputs = loaded(SamModel, folder)(**inputs, multimask_output=True)
    found = processor.image_processor.post_process_masks(outputs.pred_masks, *sizes)[0][0]
    pack = lambda mask: base64.b64encode(np.packbits(mask.numpy())).decode()
    return dict(scores=outputs.iou_scores[0, 0].tolist(), areas=[int(mask.sum()) for mask in found], masks=[pack(mask) for mask in found])


def pixels(folder, image):
    return BlipImageProcessor.from_pretrained(folder)(image, return_tensors="pt")["pixel_values"]


def generated(model, **inputs):
    return model.generate(**inputs, max_new_tokens=NEW_TOKENS, num_beams=1, do_sample=False)[0].tolist()


def blip(folder, image, ids=None):
    if ids is None:
        # What is generated begins with the start token, which is the prompt.
        return dict(tokens=generated(loaded(BlipForConditionalGeneration, folder), pixel_values=pixels(folder, image))[1:])
    words = torch.tensor([ids])
    model = loaded(BlipForQuestionAnswering, folder)
    return dict(tokens=generated(model, pixel_values=pixels(folder, image), input_ids=words, attention_mask=torch.ones_like(words))[1:])


def blip2(folder, image, ids=None):
    model = loaded(Blip2ForConditionalGeneration, folder)
    config = model.config
    prompt = [config.image_token_index] * config.num_query_tokens + (ids or [config.text_config.bos_token_id])
    words = torch.tensor([prompt])
    tokens = generated(model, pixel_values=pixels(folder, image), input_ids=words, attention_mask=torch.ones_like(words))
    # An encoder-decoder's begin with the decoder's start token; a decoder's with nothing, or with the prompt.
    if config.text_config.is_encoder_decoder:
        return dict(tokens=tokens[1:])
    return dict(tokens=tokens[len(prompt):] if tokens[:len(prompt)] == prompt else tokens)


def classify(folder, image):
    kind = {each.__name__: each for each in (PerceiverForImageClassificationConvProcessing, PerceiverForImageClassificationFourier,
                                             PerceiverForImageClassificationLearned)}[AutoConfig.from_pretrained(folder).architectures[0]]
    inputs = PerceiverImageProcessor.from_pretrained(folder)(image, return_tensors="pt")["pixel_values"]
    return dict(probabilities=loaded(kind, folder)(inputs=inputs).logits.softmax(-1)[0].tolist())


CASES = {
    "sam": (segment, [
        dict(fixture="points", points=[[31, 22, 1]]),
        dict(fixture="points", points=[[31, 22, 1], [70, 8, 0], [12, 51, 1]]),
        dict(fixture="boxes", points=[[31, 22, 1]], box=[12, 9, 66, 47]),
    ]),
    "blip": (blip, [dict(fixture="image-to-text"), dict(fixture="visual-question-answering", ids=[101, 40, 77, 12, 102])]),
    "blip2": (blip2, [dict(fixture="opt"), dict(fixture="opt", ids=[2, 28, 115]), dict(fixture="flan-t5", ids=[28, 40, 1])]),
    "perceiver": (classify, [dict(fixture=f"image-classification-{kind}") for kind in ("learned", "fourier", "conv")]),
}


def main(plugins):
    image = picture()
    for plugin, (run, cases) in CASES.items():
        out = plugins / plugin / "test" / "pictures"
        out.mkdir(parents=True, exist_ok=True)
        image.save(out / "picture.png")
        with torch.no_grad():
            found = [case | run(plugins / plugin / "fixtures" / case["fixture"], image,
                                **{name: value for name, value in case.items() if name != "fixture"}) for case in cases]
        (out / "golden.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
