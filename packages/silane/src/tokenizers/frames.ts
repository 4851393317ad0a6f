import { isJsonObject, type Json, type JsonObject } from '@silane/core'

/** Ids that stand around texts, or one of the texts. */
export type FramePart = { readonly ids: readonly number[]; readonly segment: number } | { readonly text: 0 | 1; readonly segment: number }

/** What a tokenizer makes of one text and of two. */
export interface Frames {
  readonly single: readonly FramePart[]
  readonly pair: readonly FramePart[]
}

const A = (segment: number): FramePart => ({ text: 0, segment })
const B = (segment: number): FramePart => ({ text: 1, segment })

/** Without anything around them, the second text is of a segment of its own. */
const BARE: Frames = { single: [A(0)], pair: [A(0), B(1)] }

const frames: Readonly<Record<string, (settings: JsonObject) => Frames>> = {
  // Concerns offsets alone.
  ByteLevel: () => BARE,
  BertProcessing: ({ cls, sep }) => {
    const [before, after] = [idOf(cls), idOf(sep)]
    const single = [token(before, 0), A(0), token(after, 0)]
    return { single, pair: [...single, B(1), token(after, 1)] }
  },
  RobertaProcessing: ({ cls, sep }) => {
    const [before, after] = [idOf(cls), idOf(sep)]
    const single = [token(before, 0), A(0), token(after, 0)]
    return { single, pair: [...single, token(after, 0), B(0), token(after, 0)] }
  },
  TemplateProcessing: ({ single, pair, special_tokens }) => {
    const parts = (template: Json | undefined) => list(template).map(part => templatePart(part, special_tokens))
    return { single: parts(single), pair: parts(pair) }
  },
  Sequence: ({ processors }) => {
    const framing = list(processors).filter(each => isJsonObject(each) && each.type !== 'ByteLevel')
    if (framing.length > 1) throw new Error('several post-processors put tokens around texts')
    return framesOf(framing[0] ?? null)
  },
}

/** What the post-processor of a tokenizer.json puts around texts. Its own ids count, whatever they are in the vocabulary. */
export function framesOf(post: Json | undefined): Frames {
  if (post === undefined || post === null) return BARE
  const { type } = isJsonObject(post) ? post : {}
  const make = typeof type === 'string' && Object.hasOwn(frames, type) ? frames[type] : undefined
  if (!make || !isJsonObject(post)) throw new Error(`unknown post-processor: ${JSON.stringify(type)}`)
  return make(post)
}

const list = (json: Json | undefined): readonly Json[] => (Array.isArray(json) ? json : [])

const token = (id: number, segment: number): FramePart => ({ ids: [id], segment })

/** Of a token with its id. */
function idOf(json: Json | undefined): number {
  const id = list(json)[1]
  if (typeof id !== 'number') throw new Error('the post-processor has a token without an id')
  return id
}

function templatePart(part: Json, specials: Json | undefined): FramePart {
  const { SpecialToken: special, Sequence: sequence } = isJsonObject(part) ? part : {}
  const { id, type_id } = isJsonObject(special) ? special : isJsonObject(sequence) ? sequence : {}
  const segment = typeof type_id === 'number' ? type_id : 0
  if (sequence !== undefined && (id === 'A' || id === 'B')) return id === 'A' ? A(segment) : B(segment)
  const named = typeof id === 'string' && isJsonObject(specials) && Object.hasOwn(specials, id) ? specials[id] : undefined
  const { ids } = isJsonObject(named) ? named : {}
  if (!Array.isArray(ids))
    throw new Error(`the template has ${JSON.stringify(part)}, which is neither a text nor one of its special_tokens`)
  return { ids: ids.filter(each => typeof each === 'number'), segment }
}
