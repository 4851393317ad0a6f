import {
  Builder,
  callStep,
  definePlugin,
  encoderModel,
  encoderOptions,
  errors,
  forTasks,
  ids,
  imageOptions,
  type Json,
  labelCount,
  mask,
  own,
  type SourceModel,
  type TokenizerSource,
  tokenInputs,
  type Value,
  Weights,
} from '@silane/core'
import { type PerceiverConfig, readPerceiverConfig } from './config.ts'
import {
  classify,
  convolvedPixels,
  embedBytes,
  embedPatches,
  encode,
  pixelsWithFourierPositions,
  pixelsWithLearnedPositions,
  predictBytes,
  predictFlow,
} from './model.ts'
import { readPixels } from './pixels.ts'

/** Classes that transformers has and this plugin has not, with what stands in the way. */
const refused: Readonly<Record<string, string>> = {
  PerceiverForMultimodalAutoencoding: 'it decodes a part of its outputs per call, chosen by the caller',
  PerceiverModel: 'without a task it has neither a preprocessor nor a decoder of its own',
}

/** Text is read as bytes, behind six special tokens. */
const bytes: TokenizerSource = {
  kind: 'bytes',
  classes: ['PerceiverTokenizer'],
  tokens: {
    pad: { content: '[PAD]', normalized: true },
    bos: { content: '[BOS]', normalized: true },
    eos: { content: '[EOS]', normalized: true },
    mask: { content: '[MASK]', normalized: true },
    cls: { content: '[CLS]', normalized: true },
    sep: { content: '[SEP]', normalized: true },
  },
  around: 'segments',
}

/** Perceiver: masked bytes, classification of text and of images, optical flow. */
export default definePlugin({
  id: 'perceiver',
  spare: ['num_batches_tracked', 'embedding_decoder', 'perceiver.decoder'],
  tasks: {
    PerceiverForMaskedLM: 'fill-mask',
    PerceiverForSequenceClassification: 'text-classification',
    PerceiverForImageClassificationLearned: 'image-classification',
    PerceiverForImageClassificationFourier: 'image-classification',
    PerceiverForImageClassificationConvProcessing: 'image-classification',
    PerceiverForOpticalFlow: 'optical-flow',
  },
  options: {
    ...forTasks(['fill-mask', 'text-classification'], encoderOptions),
    ...forTasks(['image-classification'], {
      ...imageOptions,
      'image-size': { type: 'string', doc: 'HEIGHTxWIDTH of images; default: what the model or the image processor says' },
    }),
  },
  load: ({ checkpoint, architecture, task, options }) => {
    const reason = own(refused, architecture)
    if (reason) throw errors.E_UNSUPPORTED({ what: `${architecture} is not supported: ${reason}.` })
    const config = readPerceiverConfig(checkpoint)
    const all = new Weights(checkpoint)
    const w = all.at('perceiver')

    if (task === 'image-classification') {
      const own = [config.image_size, config.image_size] as const
      const learned = architecture === 'PerceiverForImageClassificationLearned'
      const { size, port } = readPixels(checkpoint, options['image-size'], learned ? own : undefined, options['image-input'])
      return oneProgram({ 'image-size': size.join('x'), 'image-input': options['image-input'] }, b => {
        const pixels = b.input('pixel_values', 'fp32', [1, 3, ...size], port)
        const inputs = imageInputs(b, pixels, architecture, w, config)
        return classify(b, encode(b, { inputs }, w, config), w, labelCount(checkpoint), config)
      })
    }
    if (task === 'optical-flow') {
      return oneProgram({}, b => {
        const patches = b.input('patches', 'fp32', [1, 2, 27, ...config.train_size], { role: 'vectors' })
        const inputs = embedPatches(b, patches, w, config)
        return predictFlow(b, inputs, encode(b, { inputs }, w, config), w, config)
      })
    }
    return encoderModel(
      { checkpoint, options },
      {
        modelType: 'perceiver',
        tokenizers: [bytes],
        positions: config.max_position_embeddings,
        build: (b, length) => {
          const { input_ids, attention_mask } = tokenInputs(b, { input_ids: ids(config.vocab_size), attention_mask: mask }, [
            options.batch,
            length,
          ])
          const latents = encode(b, { inputs: embedBytes(b, input_ids, w, config), mask: attention_mask }, w, config)
          if (task === 'fill-mask') return { logits: predictBytes(b, latents, w, all.at('embedding_decoder'), config) }
          return { logits: classify(b, latents, w, labelCount(checkpoint), config) }
        },
      },
    )
  },
})

/** What the encoder of an image classifier attends to: [1, 3, H, W] → [1, N, channels] */
function imageInputs(b: Builder, pixels: Value, architecture: string, w: Weights, config: PerceiverConfig): Value {
  switch (architecture) {
    case 'PerceiverForImageClassificationLearned':
      return pixelsWithLearnedPositions(b, pixels, w, config)
    case 'PerceiverForImageClassificationFourier':
      return pixelsWithFourierPositions(b, pixels)
    case 'PerceiverForImageClassificationConvProcessing':
      return convolvedPixels(b, pixels, w)
    default:
      throw errors.E_UNSUPPORTED({ what: `${architecture} does not classify images.` })
  }
}

/** The one program, which gives logits, and what the manifest says about it. */
function oneProgram(options: Readonly<Record<string, Json>>, build: (b: Builder) => Value): SourceModel {
  const b = new Builder('main')
  const program = { name: 'model', functions: [b.finish({ logits: build(b) })] }
  return { modelType: 'perceiver', programs: [program], pipeline: { kind: 'encoder', steps: [callStep(program)] }, options }
}
