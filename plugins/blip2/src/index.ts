import {
  type Builder,
  bytePairs,
  callStep,
  decoderOptions,
  definePlugin,
  forTasks,
  ids,
  imageOptions,
  mainProgram,
  mask,
  sequenceLength,
  shapeOptions,
  tokenInputs,
  type Value,
  Weights,
  wordPieces,
} from '@silane/core'
import { look, picture, tokensOf } from '@silane/plugin-blip/model'
import { readBlip2Config, readLanguageConfig, requireImageToken, requireText } from './config.ts'
import { languageModel, tiedNames, widthOf } from './language.ts'
import { comparedQueries, comparedText, match, query, read, speak } from './model.ts'

/** BLIP-2: captions by an OPT or a Flan-T5 that is shown a picture, the queries' features, and how well a text goes with a picture. */
export default definePlugin({
  id: 'blip2',
  spare: [
    'itm_head',
    'vision_projection',
    'text_projection',
    'language_model',
    'language_projection',
    'query_tokens',
    'qformer.embeddings',
    'qformer.encoder.layer.*.intermediate',
    'qformer.encoder.layer.*.output',
    'embeddings.position_ids',
  ],
  tasks: {
    Blip2ForConditionalGeneration: 'image-to-text',
    Blip2Model: 'feature-extraction',
    Blip2ForImageTextRetrieval: 'image-text-retrieval',
  },
  options: {
    ...imageOptions,
    ...forTasks(['image-to-text', 'image-text-retrieval'], { seq: shapeOptions.seq }),
    ...decoderOptions(['image-to-text']),
  },
  tied: ({ checkpoint, task }) => (task === 'image-to-text' ? tiedNames(readLanguageConfig(checkpoint)) : []),
  load: ({ checkpoint, task, options }) => {
    const config = readBlip2Config(checkpoint)
    const { vision, qformer: queries } = config
    const side = vision.image_size
    const w = new Weights(checkpoint)
    const pixels = picture(checkpoint, side, options['image-input'])
    const shown = (b: Builder): Value => b.input('image_embeds', 'fp32', [1, tokensOf(vision), vision.hidden_size], { role: 'vectors' })
    const tower = mainProgram('vision_encoder', b => ({
      last_hidden_state: look(b, b.input('pixel_values', 'fp32', [1, 3, side, side], pixels), w.at('vision_model'), vision),
    }))
    const seen = callStep(tower, {}, { image_embeds: 'last_hidden_state' })
    const kind = 'vision-language'
    const about = { modelType: 'blip-2' }
    const taken = { 'image-input': options['image-input'] }

    if (task === 'feature-extraction') {
      const qformer = mainProgram('qformer', b => ({ query_output: query(b, shown(b), w, config) }))
      return { ...about, programs: [tower, qformer], pipeline: { kind, steps: [seen, callStep(qformer)] }, options: taken }
    }

    if (task === 'image-text-retrieval') {
      requireText(config, checkpoint)
      const length = sequenceLength(options.seq, checkpoint, queries.max_position_embeddings)
      const words = (b: Builder) => tokenInputs(b, { input_ids: ids(queries.vocab_size), attention_mask: mask }, [1, length])
      const qformer = mainProgram('qformer', b => {
        const x = query(b, shown(b), w, config)
        return { query_output: x, query_embeds: comparedQueries(b, x, w, config) }
      })
      const texts = mainProgram('text_encoder', b => {
        const { input_ids, attention_mask } = words(b)
        return { text_embeds: comparedText(b, read(b, input_ids, attention_mask, w, config), w, config) }
      })
      const itm = mainProgram('itm', b => {
        const { input_ids, attention_mask } = words(b)
        return { itm_score: match(b, input_ids, attention_mask, shown(b), w, config) }
      })
      const programs = [tower, qformer, texts, itm]
      return {
        ...about,
        programs,
        pipeline: { kind, steps: [seen, callStep(qformer), callStep(texts), callStep(itm)] },
        options: { ...taken, seq: length },
        // The Q-Former's, not a language model's.
        tokenizers: [wordPieces(['BertTokenizer'])],
      }
    }

    const language = readLanguageConfig(checkpoint)
    const place = { id: requireImageToken(config, language.config.vocab_size, checkpoint), rows: 'language_model_inputs' }
    const qformer = mainProgram('qformer', b => {
      const x = query(b, shown(b), w, config)
      return { query_output: x, language_model_inputs: speak(b, x, w, widthOf(language)) }
    })
    const spoken = languageModel({ checkpoint, options, place, queries: config.num_query_tokens }, language)
    return {
      ...about,
      programs: [tower, qformer, ...spoken.programs],
      pipeline: {
        kind,
        steps: [seen, callStep(qformer, {}, { language_model_inputs: 'language_model_inputs' }), ...spoken.steps],
        generation: language.generation,
        // How the authors ask (LAVIS, examples/blip2_instructed_generation.ipynb).
        question: 'Question: {question} Answer:',
        // A prompt begins with as many of these as there are queries.
        image_tokens: { id: place.id, count: config.num_query_tokens },
      },
      options: { ...taken, ...spoken.options },
      // T5's vocabulary is of SentencePiece.
      tokenizers: language.type === 'opt' ? [bytePairs(['GPT2Tokenizer'])] : [],
    }
  },
})
