import {
  Builder,
  callStep,
  computedConstant,
  definePlugin,
  forTasks,
  imageOptions,
  type Output,
  type Program,
  type Value,
  Weights,
} from '@silane/core'
import {
  ABSENT,
  decodeMasks,
  embedBoxes,
  embedMasks,
  embedPoints,
  encodeImage,
  imagePositions,
  noBox,
  noMask,
  readSamConfig,
  readVisionConfig,
  type SamConfig,
} from './model.ts'
import { samNames, tied } from './names.ts'
import { pixels } from './pixels.ts'
import { NOT_A_POINT, PADDING } from './prompt-encoder.ts'

const CHANNELS = 3

function programOf(name: string, build: (b: Builder) => Readonly<Record<string, Output>>): Program {
  const b = new Builder('main')
  return { name, functions: [b.finish(build(b))] }
}

interface Prompts {
  readonly points: number
  readonly boxes: boolean
  readonly masks: boolean
}

/** Scores and masks of one prompt: points, and as asked for a box and a mask. */
function maskProgram(
  { vision_config, prompt_encoder_config, mask_decoder_config }: SamConfig,
  w: Weights,
  { points, boxes, masks }: Prompts,
): Program {
  const { image_size: size, patch_size, num_pos_feats } = vision_config
  const width = prompt_encoder_config.hidden_size
  const grid = size / patch_size
  const prompts = w.at('prompt_encoder')
  const of = (module: Weights) => module.tensor('positional_embedding', [2, num_pos_feats])
  const frequencies = of(prompts.at('shared_embedding'))
  return programOf('prompt_encoder_mask_decoder', b => {
    const embeddings = b.input('image_embeddings', 'fp32', [1, width, grid, grid], { role: 'vectors' })
    const places = b.input('input_points', 'fp32', [1, 1, points, 2], { role: 'points', below: size, exact: true })
    const labels = b.input('input_labels', 'int32', [1, 1, points], {
      role: 'labels',
      values: [1, 0, NOT_A_POINT, PADDING, ABSENT],
      absent: ABSENT,
    })
    const flags = b.reshape({ x: labels, shape: [1, points] })
    const absent = b.cast({ x: b.equal({ x: flags, y: b.scalar(ABSENT, flags) }), dtype: 'int32' })
    const shown = b.sub({ x: b.scalar(1, absent), y: absent })
    const pointTokens = embedPoints(b, places, labels, frequencies, size, prompts, prompt_encoder_config)
    const boxTokens = (): Value => {
      const corners = b.input('input_boxes', 'fp32', [1, 1, 4], { role: 'box', below: size, exact: true })
      return embedBoxes(b, corners, frequencies, size, prompts, prompt_encoder_config)
    }
    const behind = boxes ? boxTokens() : noBox(b, prompts, prompt_encoder_config)
    const maskInput = (): Value => b.input('input_masks', 'fp32', [1, 1, 4 * grid, 4 * grid], { role: 'vectors' })
    const dense = masks
      ? embedMasks(b, maskInput(), prompts.at('mask_embed'), prompt_encoder_config)
      : noMask(b, prompts, prompt_encoder_config)
    const count = behind.type.shape[1] as number
    const prompt = {
      tokens: b.concat({ values: [pointTokens, behind], axis: 1 }),
      shown: b.concat({ values: [shown, b.constant(computedConstant('int32', [1, count], 'shown', () => 1))], axis: 1 }),
    }
    const positions = b.constant(imagePositions(of(w.at('shared_image_embedding')), grid))
    const decoded = decodeMasks(b, b.add({ x: embeddings, y: dense }), positions, prompt, w.at('mask_decoder'), mask_decoder_config)
    return {
      iou_scores: { value: decoded.scores, role: 'scores' },
      pred_masks: { value: b.expand_dims({ x: decoded.masks, axes: [1] }), role: 'masks' },
    }
  })
}

/** SAM: masks of what points, boxes and masks show in a picture, whose embeddings are computed once. */
export default definePlugin({
  id: 'sam',
  spare: ['mask_decoder', 'prompt_encoder', 'shared_image_embedding'],
  tasks: { SamModel: 'mask-generation', SamVisionModel: 'feature-extraction' },
  options: {
    ...forTasks(['mask-generation'], {
      points: { type: 'integer', default: 4, minimum: 1, doc: 'points per prompt; label -2 where there are fewer' },
      boxes: { type: 'boolean', default: false, doc: 'a box beside the points: `input_boxes`' },
      masks: { type: 'boolean', default: false, doc: 'a mask beside the points, such as an earlier result: `input_masks`' },
    }),
    ...imageOptions,
  },
  tied: ({ architecture }) => (architecture === 'SamVisionModel' ? [] : tied),
  load: ({ checkpoint, architecture, task, options }) => {
    const { points, boxes, masks } = options
    const picture = options['image-input']
    const alone = architecture === 'SamVisionModel'
    const config = alone ? undefined : readSamConfig(checkpoint)
    const vision = config?.vision_config ?? readVisionConfig(checkpoint)
    const w = new Weights(checkpoint, {
      candidates: samNames(checkpoint, config?.mask_decoder_config.iou_head_depth ?? 3),
      tied,
    })
    const encoder = (output: string): Program =>
      programOf('vision_encoder', b => {
        const { image_size: size } = vision
        const x = b.input('pixel_values', 'fp32', [1, CHANNELS, size, size], pixels(checkpoint, size, picture))
        return { [output]: encodeImage(b, x, w.at('vision_encoder'), vision) }
      })
    if (task === 'feature-extraction' || !config) {
      const program = encoder('last_hidden_state')
      return {
        modelType: 'sam_vision_model',
        programs: [program],
        pipeline: { kind: 'encoder', steps: [callStep(program)] },
        options: { 'image-input': picture },
      }
    }
    const programs = [encoder('image_embeddings'), maskProgram(config, w, { points, boxes, masks })]
    return {
      modelType: 'sam',
      programs,
      pipeline: { kind: 'segmentation', steps: programs.map(program => callStep(program)) },
      options: { points, boxes, masks, 'image-input': picture },
    }
  },
})
