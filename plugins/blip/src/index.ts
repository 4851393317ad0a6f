import {
  type Builder,
  cachedDecoder,
  callStep,
  decoderOptions,
  definePlugin,
  encoderStep,
  forTasks,
  ids,
  imageOptions,
  mainProgram,
  mask,
  perToken,
  sequenceLength,
  shapeOptions,
  type TiedNames,
  tokenInputs,
  type Value,
  Weights,
  wordPieces,
} from '@silane/core'
import { type BlipConfig, readBlipConfig, requireEqualWidths } from './config.ts'
import { compared, crossProjections, embed, look, match, predictWords, read, textLayer, tokensOf } from './model.ts'
import { picture } from './picture.ts'

/** What the decoder of words has under two names. */
const tied = ({ tied }: BlipConfig): readonly TiedNames[] => [
  ['text_decoder.cls.predictions.bias', 'text_decoder.cls.predictions.decoder.bias'],
  ...(tied ? [['text_decoder.bert.embeddings.word_embeddings.weight', 'text_decoder.cls.predictions.decoder.weight']] : []),
]

/** BLIP: captions, answers to questions about a picture, and how well a text goes with one. */
export default definePlugin({
  id: 'blip',
  spare: [
    'itm_head',
    'vision_proj',
    'text_proj',
    'visual_projection',
    'text_projection',
    'logit_scale',
    'text_encoder',
    'text_decoder',
    'pooler',
    'position_ids',
  ],
  tasks: {
    BlipForConditionalGeneration: 'image-to-text',
    BlipForQuestionAnswering: 'visual-question-answering',
    BlipForImageTextRetrieval: 'image-text-retrieval',
  },
  options: {
    ...imageOptions,
    ...forTasks(['visual-question-answering', 'image-text-retrieval'], { seq: shapeOptions.seq }),
    ...decoderOptions(['image-to-text', 'visual-question-answering']),
  },
  tied: ({ checkpoint, task }) => (task === 'image-text-retrieval' ? [] : tied(readBlipConfig(checkpoint))),
  load: ({ checkpoint, task, options }) => {
    const config = readBlipConfig(checkpoint)
    const { vision, text, image_text_hidden_size: shared } = config
    const { image_size: side, hidden_size: width } = vision
    const w = new Weights(checkpoint, { tied: tied(config) })
    const [pixels, decoderStack, encoderStack] = [
      picture(checkpoint, side, options['image-input']),
      w.at('text_decoder.bert'),
      w.at('text_encoder'),
    ]
    const seen = (b: Builder): Value => look(b, b.input('pixel_values', 'fp32', [1, 3, side, side], pixels), w.at('vision_model'), vision)
    const tokens = tokensOf(vision)
    const shown = (b: Builder): Value => b.input('image_embeds', 'fp32', [1, tokens, width], { role: 'vectors' })
    const words = (b: Builder, length: number) => tokenInputs(b, { input_ids: ids(text.vocab_size), attention_mask: mask }, [1, length])
    const about = { modelType: 'blip', tokenizers: [wordPieces(['BertTokenizer'])] }
    const taken = { 'image-input': options['image-input'] }

    if (task === 'image-text-retrieval') {
      const length = sequenceLength(options.seq, checkpoint, text.max_position_embeddings)
      const programs = {
        vision: mainProgram('vision_encoder', b => {
          const x = seen(b)
          return { last_hidden_state: x, image_embeds: compared(b, x, w.at('vision_proj'), shared) }
        }),
        text: mainProgram('text_encoder', b => {
          const { input_ids, attention_mask } = words(b, length)
          return { text_embeds: compared(b, read(b, input_ids, attention_mask, undefined, encoderStack, text), w.at('text_proj'), shared) }
        }),
        itm: mainProgram('itm', b => {
          const { input_ids, attention_mask } = words(b, length)
          return { itm_score: match(b, read(b, input_ids, attention_mask, shown(b), encoderStack, text), w) }
        }),
      }
      const steps = [callStep(programs.vision), callStep(programs.text), callStep(programs.itm, { image_embeds: 'last_hidden_state' })]
      return {
        ...about,
        programs: [programs.vision, programs.text, programs.itm],
        pipeline: { kind: 'vision-language', steps },
        options: { ...taken, seq: length },
      }
    }

    const decoder = (cross: { readonly length: number; readonly mask: boolean }) =>
      cachedDecoder(options, {
        layers: text.num_hidden_layers,
        channels: text.hidden_size,
        positions: text.max_position_embeddings,
        entry: { vocabulary: text.vocab_size },
        cross,
        embed: (b, entry, positions) => embed(b, entry, positions, decoderStack, text),
        layer: (b, x, index, attention) => textLayer(b, x, index, attention, decoderStack, text),
        logits: (b, x) => predictWords(b, x, w.at('text_decoder'), text),
      })
    // What the original's `generate` starts and stops with, whatever its generation_config.json says.
    const generation = { decoder_start_token_id: text.bos_token_id, eos_token_id: text.sep_token_id }

    if (task === 'image-to-text') {
      const encoder = mainProgram('vision_encoder', b => {
        const x = seen(b)
        return { last_hidden_state: x, ...crossProjections(b, x, decoderStack, text) }
      })
      const captions = decoder({ length: tokens, mask: false })
      const look = callStep(encoder, {}, { cross_key: 'cross_key', cross_value: 'cross_value' })
      return {
        ...about,
        programs: [encoder, captions.program],
        pipeline: { kind: 'vision-language', steps: [look, captions.step], generation },
        options: { ...taken, ...captions.options },
      }
    }

    requireEqualWidths(config, checkpoint)
    const length = sequenceLength(options.seq, checkpoint, text.max_position_embeddings)
    const encoder = mainProgram('vision_encoder', b => ({ last_hidden_state: seen(b) }))
    const questions = mainProgram('text_encoder', b => {
      const { input_ids, attention_mask } = words(b, length)
      const x = read(b, input_ids, attention_mask, shown(b), encoderStack, text)
      return { last_hidden_state: perToken(x), ...crossProjections(b, x, decoderStack, text) }
    })
    const answers = decoder({ length, mask: true })
    const asked = encoderStep(questions)
    const steps = [
      callStep(encoder, {}, { image_embeds: 'last_hidden_state' }),
      { ...asked, feeds: { ...asked.feeds, image_embeds: 'image_embeds' } },
      answers.step,
    ]
    return {
      ...about,
      programs: [encoder, questions, answers.program],
      pipeline: { kind: 'vision-language', steps, generation },
      options: { ...taken, seq: length, ...answers.options },
    }
  },
})
