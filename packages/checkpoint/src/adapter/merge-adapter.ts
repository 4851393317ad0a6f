import { type Constant, castConstant, combineConstants, type Json, reshapeConstant, sizeOf, transposeConstant } from '@silane/core'
import { byPrefix } from '../by-prefix.ts'
import { errors } from '../errors.ts'
import type { WeightsFile } from '../weights-file.ts'
import { ADAPTER_CONFIG, type AdapterConfig, readAdapterConfig } from './adapter-config.ts'
import { type AdapterName, adapterName, type Factor } from './adapter-names.ts'
import { isTurned } from './is-turned.ts'
import { mergedWeight } from './low-rank.ts'

/** Where an adapter may be: among the weights, or in a file beside them. */
export interface AdapterPlace {
  readonly base: WeightsFile
  /** The file of the base, for messages. */
  readonly file: string
  /** The adapter's file and what is in it. */
  readonly beside?: { readonly file: string; readonly weights: WeightsFile } | undefined
  /** adapter_config.json, where there is one. */
  readonly settings: Json | undefined
  /** config.json. */
  readonly config: { readonly [key: string]: Json }
  readonly where: string
}

export interface Merged {
  readonly weights: WeightsFile
  /** The tensors that an adapter changed or brought. */
  readonly changed: readonly string[]
  readonly notes: readonly string[]
}

/** A tensor of the adapter, and what reads it. */
interface Part {
  readonly name: string
  readonly read: () => Constant
}

type Matrices = Partial<Record<Factor, Part>>

/**
 * The weights with an adapter merged into them, as peft computes with it: LoRA and DoRA over linear layers, convolutions and
 * embeddings, trained biases, and copies of whole modules. Nothing is read. Throws E_ADAPTER for every adapter that is of another
 * kind, does not fit the weights, or does not say how it enters.
 */
export function mergeAdapter(place: AdapterPlace): Merged {
  const { base, beside, where, settings } = place
  const refuse = (problem: string): Error => errors.E_ADAPTER({ problem, where })
  const inside = read(base, false)
  const outside = beside && read(beside.weights, true)
  const factorsInside = inside.factors.size > 0 || inside.saved.length > 0
  for (const [file, found] of [[place.file, inside] as const, ...(beside && outside ? [[beside.file, outside] as const] : [])]) {
    if (found.foreign) throw refuse(`${file}: "${found.foreign.name}" belongs to ${found.foreign.what}, which is not merged`)
    if (found.adapters.length > 1) {
      throw refuse(`${file} has several adapters (${listed(found.adapters)}), of which any or none may be meant`)
    }
  }
  if (!beside && !factorsInside) return { weights: renamed(base, inside.plain), changed: [], notes: leftOver(settings) }
  if (beside && factorsInside) throw refuse(`There is an adapter in ${place.file}, and another one in ${beside.file}`)
  const source = beside && outside ? { file: beside.file, ...outside } : { file: place.file, ...inside }
  if (settings === undefined) {
    const some = [...source.factors.values()].flatMap(matrices => Object.values(matrices))[0]?.name ?? source.saved[0]?.name
    throw refuse(
      `${source.file} has an adapter${some === undefined ? '' : ` ("${some}")`}, but there is no ${ADAPTER_CONFIG}: how strongly it enters (lora_alpha) stands nowhere`,
    )
  }
  const config = readAdapterConfig(settings, where)
  if (beside && config.changesBase !== undefined) {
    throw refuse(`${ADAPTER_CONFIG}: with init_lora_weights "${config.changesBase}" the adapter belongs to a base that it changed first`)
  }
  const names = inside.plain
  const locate = locator(names)
  const made = new Map<string, () => Constant>()
  // Once for all modules: how long the list of classes is, the file says.
  const shared = sharesWords(place.config)
  const checkTied = (name: string, shape: readonly number[]): void => {
    if (!shared || shape.length !== 2 || shape[0] !== place.config.vocab_size) return
    throw refuse(
      `The adapter changes "${name}", one of the modules that share the word embeddings (tie_word_embeddings); merged, it would change all of them`,
    )
  }
  const shapeOf = (name: string): readonly number[] => base.stored(names.get(name) as string)?.shape ?? []
  const turned = isTurned(
    [...names.keys()].map(name => ({ name, shape: shapeOf(name) })),
    config.turned,
  )
  for (const [module, matrices] of source.factors) {
    const target = place.beside ? locate(`${module}.weight`) : names.has(`${module}.weight`) ? `${module}.weight` : undefined
    if (target === undefined) throw refuse(`${source.file} has matrices for "${module}", but the weights have no "${module}.weight"`)
    const stored = base.stored(names.get(target) as string)
    const weight = (): Constant => base.tensor(names.get(target) as string) as Constant
    checkTied(target, stored?.shape ?? [])
    const fitted = fit(module, matrices, { shape: stored?.shape ?? [], config, turned, refuse })
    made.set(target, () => mergedWeight(weight(), fitted()))
    const { bias } = matrices
    if (bias) {
      const own = target.replace(/weight$/, 'bias')
      const added = sizeOf(bias.read().shape)
      if (!names.has(own) || sizeOf(shapeOf(own)) !== added)
        throw refuse(`"${bias.name}" has no "${own}" of ${added} elements to be added to`)
      const scale = config.scale(module)
      made.set(own, () => {
        const whole = castConstant(base.tensor(names.get(own) as string) as Constant, 'fp32')
        return combineConstants(`lora-bias:${scale}`, whole, castConstant(bias.read(), 'fp32'), (a, b) => a + scale * b)
      })
    }
  }
  const product = new Set(made.keys())
  // Trained biases and whole modules; under their own names where the base has none, as a head has that was made for the adapter.
  const copies = beside ? [...source.saved, ...[...source.plain].map(([name, at]) => copy(beside.weights, name, at))] : source.saved
  for (const { name, part } of copies) {
    const target = (beside && locate(name)) ?? name
    const shape = part.read().shape
    checkTied(target, shape)
    if (product.has(target)) throw refuse(`"${part.name}" takes the place of a weight that has matrices too`)
    if (!made.has(target)) made.set(target, () => part.read())
  }
  if (made.size === 0) throw refuse(`${source.file} holds no tensors`)
  const replaced = [...made.keys()].slice(product.size)
  const known = new Map<string, Constant>()
  return {
    weights: {
      names: [...names.keys(), ...replaced.filter(name => !names.has(name))],
      tensor: name => {
        const own = names.get(name)
        const found = known.get(name) ?? made.get(name)?.() ?? (own === undefined ? undefined : base.tensor(own))
        if (found) known.set(name, found)
        return found
      },
      stored: name => base.stored(names.get(name) ?? ''),
    },
    changed: [...made.keys()],
    notes: [
      `${source.file}: the adapter is merged into ${product.size === 1 ? 'one tensor' : `${product.size} tensors`}${replaced.length > 0 ? `, and brings ${listed(replaced)}` : ''}`,
    ],
  }
}

const listed = (names: readonly string[]): string =>
  names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', ')

const leftOver = (settings: Json | undefined): readonly string[] =>
  settings === undefined ? [] : [`${ADAPTER_CONFIG} is there without an adapter; the weights are taken as they are`]

interface Content {
  /** Names of the model's own tensors, and those under which they are stored. */
  readonly plain: ReadonlyMap<string, string>
  readonly factors: ReadonlyMap<string, Matrices>
  readonly saved: readonly { readonly name: string; readonly part: Part }[]
  readonly adapters: readonly string[]
  readonly foreign: { readonly name: string; readonly what: string } | undefined
}

/** Sorts the tensors of a file by what their names say. */
function read(weights: WeightsFile, isBeside: boolean): Content {
  const plain = new Map<string, string>()
  const factors = new Map<string, Matrices>()
  const saved: { name: string; part: Part }[] = []
  const originals = new Map<string, string>()
  const adapters = new Set<string>()
  let foreign: Content['foreign']
  for (const stored of weights.names) {
    const said: AdapterName = adapterName(stored, isBeside)
    const part: Part = { name: stored, read: () => weights.tensor(stored) as Constant }
    if (said.kind === 'plain') plain.set(plain.has(said.name) ? stored : said.name, stored)
    else if (said.kind === 'original') originals.set(said.name, stored)
    else if (said.kind === 'foreign') foreign ??= { name: stored, what: said.what }
    else {
      adapters.add(said.adapter)
      if (said.kind === 'saved') saved.push({ name: said.name, part })
      else factors.set(said.module, { ...factors.get(said.module), [said.factor]: part })
    }
  }
  // Beside the weights they are copies of the base's, among what was trained.
  if (!isBeside) for (const [name, stored] of originals) plain.set(name, stored)
  return { plain, factors, saved, adapters: [...adapters], foreign }
}

const copy = (weights: WeightsFile, name: string, stored: string): { name: string; part: Part } => ({
  name,
  part: { name: stored, read: () => weights.tensor(stored) as Constant },
})

/** Tells where a tensor of the adapter is in the base. Either may have been saved with or without the head, whose backbone has a prefix then. */
function locator(names: ReadonlyMap<string, string>): (name: string) => string | undefined {
  let ending: ReturnType<typeof byPrefix> | undefined
  return name => {
    const parts = name.split('.')
    const cut = [0, 1, 2].map(count => parts.slice(count)).filter(rest => rest.length > 1)
    const found = cut.map(rest => rest.join('.')).find(candidate => names.has(candidate))
    if (found !== undefined) return found
    ending ??= byPrefix(names.keys(), backwards)
    const [longer, ...others] = ending(backwards(`.${name}`), 2)
    return others.length === 0 ? longer : undefined
  }
}

const backwards = (name: string): string => name.split('').reverse().join('')

/** The same tensors by other names. */
const renamed = (weights: WeightsFile, names: ReadonlyMap<string, string>): WeightsFile =>
  [...names].every(([name, stored]) => name === stored) && names.size === weights.names.length
    ? weights
    : {
        names: [...names.keys()],
        tensor: name => weights.tensor(names.get(name) ?? ''),
        stored: name => weights.stored(names.get(name) ?? ''),
      }

interface Fitting {
  readonly shape: readonly number[]
  readonly config: AdapterConfig
  /** Whether a weight is stored [in, out], where its shape does not tell. */
  readonly turned: boolean | undefined
  readonly refuse: (problem: string) => Error
}

/** The product that a module's matrices are to its weight. Throws E_ADAPTER where they do not fit. */
function fit(
  module: string,
  matrices: Matrices,
  { shape, config, turned: square, refuse }: Fitting,
): () => Parameters<typeof mergedWeight>[1] {
  const isEmbedding = matrices.embeddingA !== undefined || matrices.embeddingB !== undefined
  const [down, up] = isEmbedding ? [matrices.embeddingA, matrices.embeddingB] : [matrices.A, matrices.B]
  if (!down || !up || (isEmbedding && (matrices.A || matrices.B))) throw refuse(`Of the two matrices for "${module}" one is missing`)
  const [a, b] = [down.read(), up.read()]
  const [rank, out] = [a.shape[0] as number, b.shape[0] as number]
  const width = sizeOf(a.shape) / rank
  const given = `"${module}": matrices [${b.shape}]·[${a.shape}] for a weight [${shape}]`
  const said = config.rank(module)
  if (rank !== said) throw refuse(`${given}, but ${ADAPTER_CONFIG} says rank ${said}`)
  if (sizeOf(b.shape) !== out * rank || shape.length < 2) throw refuse(`${given} do not fit`)
  const columns = sizeOf(shape.slice(1))
  const isStraight =
    !isEmbedding && shape[0] === out && columns === width && (shape.length === 2 || String(a.shape.slice(1)) === String(shape.slice(1)))
  const isTurnedShape = shape.length === 2 && shape[0] === width && columns === out
  if (!isStraight && !isTurnedShape) throw refuse(`${given} do not fit`)
  const turned = isEmbedding || (isStraight && isTurnedShape ? square : isTurnedShape)
  if (turned === undefined) {
    throw refuse(`${given}: whether it is stored [in, out] (fan_in_fan_out) cannot be told, since other weights of the file say otherwise`)
  }
  const { magnitude } = matrices
  if ((magnitude !== undefined) !== config.magnitudes)
    throw refuse(`"${module}": use_dora in ${ADAPTER_CONFIG} and the magnitudes in the file differ`)
  const lengths = magnitude?.read()
  if (lengths && sizeOf(lengths.shape) !== out) throw refuse(`"${module}": magnitudes [${lengths.shape}] for ${out} outputs`)
  return () => {
    const [low, high] = [reshapeConstant(a, [rank, width]), reshapeConstant(b, [out, rank])]
    return {
      left: turned ? transposeConstant(low, [1, 0]) : high,
      right: turned ? transposeConstant(high, [1, 0]) : low,
      scale: config.scale(module),
      magnitude: lengths && { of: turned ? 'columns' : 'rows', lengths },
    }
  }
}

/** Classes with a matrix over the vocabulary at their end, as transformers names them. */
const WITH_VOCABULARY = /LMHead|CausalLM|MaskedLM|Seq2SeqLM|PreTraining|ConditionalGeneration|DoubleHeads/

/**
 * Whether word embeddings are the output matrix too: two modules over one tensor, of which the adapter changes one. What is merged into
 * the tensor would change both.
 */
function sharesWords({ architectures, tie_word_embeddings: tied, is_encoder_decoder: twice }: AdapterPlace['config']): boolean {
  const classes = Array.isArray(architectures) ? architectures.map(String) : []
  return tied !== false && (twice === true || classes.some(name => WITH_VOCABULARY.test(name)))
}
