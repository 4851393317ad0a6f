import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { folderFile, inside, readJsonFile } from '@silane/checkpoint'
import { isJsonObject, isSilaneError, type Json, type PortRole, pipelineKinds, resamplings, sizeOf } from '@silane/core'
import * as z from 'zod'
import { keptFolder } from './convert/output-folder.ts'
import { errors } from './errors.ts'

export const MANIFEST_FILE = 'silane.json'

/** That of a decoder with 100 layers has 2 MB. */
const MAX_BYTES = 64_000_000

/** Whatever `readJsonFile` gave: `z.json()` would look through all of it again, and drop keys that are called `__proto__`. */
const json = z.custom<Json>(value => value !== undefined)
const size = z.int().nonnegative()
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'is not a sha256')

/** A package has three files, a function up to two more. */
const MAX_FILES = 100_000

/**
 * Of whatever names: `z.record` drops the one of `__proto__`, and a tokenizer or an input that a manifest has under it would be missing
 * without a word.
 */
const record = <T>(value: z.ZodType<T>) =>
  z
    .preprocess(given => (isJsonObject(given) ? new Map(Object.entries(given)) : given), z.map(z.string(), value, 'is no object'))
    .transform((entries): Readonly<Record<string, T>> => Object.fromEntries(entries))

/** Paths in a manifest stay inside its folder, whoever wrote it. */
const path = z.string().refine(inside, 'is no path inside the folder')

/** Names of element types: `describeTensors` writes no others. */
const DTYPES: ReadonlySet<string> = new Set('float64 float32 float16 bf16 int64 int32 int16 int8 uint32 uint16 uint8 bool'.split(' '))
const dtype = z.string().refine(name => DTYPES.has(name), 'is no element type')

/** Of a tensor. The cache of a model with 64 layers and 16k slots has 2^31 elements in one piece. */
const MAX_RANK = 16
const MAX_ELEMENTS = 2 ** 31

/** Of all that goes into one call, and so is in memory at once: 2 GB in fp32. */
const MAX_FED = 2 ** 29

const shape = z
  .array(z.int().positive())
  .max(MAX_RANK)
  .refine(dims => sizeOf(dims) <= MAX_ELEMENTS, `has more than ${MAX_ELEMENTS} elements`)
  .readonly()
const numbers = z
  .array(z.number())
  .max(1 << 20)
  .readonly()
/** Of red, green and blue. */
const channels = z.array(z.number()).length(3, 'is not three numbers')
const roles = [
  'ids',
  'mask',
  'positions',
  'segments',
  'image',
  'points',
  'box',
  'labels',
  'vectors',
  'cache',
  'cross',
  'hidden',
] as const satisfies readonly PortRole[]

const pixels = z
  .int()
  .positive()
  .max(1 << 20)
const area = z.tuple([pixels, pixels]).readonly()
const resampling = z.enum(resamplings)
/** Preparing a picture takes four to six. */
const MAX_STEPS = 16

/** Pixels that all steps of a picture give together: the largest programs are given two million, and as many as this take seconds. */
const MAX_MADE = 2 ** 25

/** A middle larger than the picture has zeros around it, which no checkpoint asks for beyond a few. */
const MAX_SHARE = 4

/** See `ImageStep` of the core. */
const imageStep = z.union([
  z.strictObject({ resize: area, resampling }).readonly(),
  z.strictObject({ resizeLongest: pixels, resampling }).readonly(),
  z.strictObject({ crop: area }).readonly(),
  z.strictObject({ cropSquare: z.number().positive().max(MAX_SHARE) }).readonly(),
  z.strictObject({ rescale: z.number() }).readonly(),
  z
    .strictObject({
      normalize: z
        .object({ mean: channels.readonly(), std: channels.refine(std => !std.includes(0), 'divides by 0').readonly() })
        .readonly(),
    })
    .readonly(),
  z.strictObject({ pad: area }).readonly(),
])

const imageSteps = z
  .array(imageStep)
  .max(MAX_STEPS)
  .refine(steps => steps.reduce((sum, step) => sum + pixelsOf(step), 0) <= MAX_MADE, `make more than ${MAX_MADE} pixels`)
  .readonly()

/** What a step gives at most, where it says so itself. */
function pixelsOf(step: z.infer<typeof imageStep>): number {
  if ('resize' in step) return sizeOf(step.resize)
  if ('resizeLongest' in step) return step.resizeLongest ** 2
  if ('crop' in step) return sizeOf(step.crop)
  return 'pad' in step ? sizeOf(step.pad) : 0
}

/** The type of an input or a state and what it is for (`Port` of the core). */
const tensor = z
  .object({
    name: z.string(),
    dtype,
    shape,
    role: z.enum(roles).exactOptional(),
    below: size.exactOptional(),
    values: numbers.exactOptional(),
    absent: z.number().exactOptional(),
    exact: z.literal(true).exactOptional(),
    image: z
      .object({
        color: z.enum(['rgb', 'bgr', 'gray']),
        scale: numbers,
        bias: numbers,
        steps: imageSteps.exactOptional(),
        picture: z.literal(true).exactOptional(),
      })
      .readonly()
      .exactOptional(),
    layers: z.tuple([size, size]).readonly().exactOptional(),
  })
  .readonly()

/** The type of an output and what is known of it (`OutputPort` of the core). */
const output = z
  .object({
    name: z.string(),
    dtype,
    shape,
    rows: z.string().exactOptional(),
    updates: z.string().exactOptional(),
    role: z.enum(['hidden', 'masks', 'scores', 'embedding']).exactOptional(),
    similarity: z.literal('dot').exactOptional(),
    best: z.object({ of: z.string(), axis: size }).readonly().exactOptional(),
    follows: z.string().exactOptional(),
    exact: z.literal(true).exactOptional(),
  })
  .readonly()
/** Far more than the layers of any model. */
const MAX_TENSORS = 10_000
const tensors = z.array(tensor).max(MAX_TENSORS).readonly()

/** A program for each part of a model that was cut by its layers. */
const MAX_PROGRAMS = 4096

/** Shapes that one program was made for. */
const MAX_FUNCTIONS = 256

/** Inputs of all calls of a pipeline together, whether or not they are of one program: a call for each part, with a cache for each layer. */
const MAX_WANTED = 200_000

/** No model is shown a picture as more rows. */
const MOST_PLACES = 1 << 16

/** No model answers from more passages at once. */
const MOST_PASSAGES = 1 << 12

const things = record(z.string())
const placeholders = z.object({ id: size, rows: z.string() }).readonly()
/** See `Step` of the core. */
const step = z.union([
  z.object({ call: z.string(), feeds: things, gives: things }).readonly(),
  z
    .object({
      decode: z.array(z.string()).nonempty().max(MAX_PROGRAMS).readonly(),
      entry: z.union([z.string(), z.object({ embed: z.string(), place: placeholders.exactOptional() }).readonly()]),
      feeds: things,
    })
    .readonly(),
  z
    .object({
      place: size,
      feeds: z.object({ ids: z.string(), vectors: z.string(), rows: z.string() }).readonly(),
      gives: things,
    })
    .readonly(),
  z.object({ host: z.string(), feeds: things, gives: things }).readonly(),
])

const coreml = z.object({ path, specVersion: z.int(), bytes: size, sha256: digest }).readonly()
const onnx = z.object({ path, opset: z.int(), bytes: size }).readonly()

const deployedFunction = z
  .object({
    name: z.string(),
    /** Where every function has a package of its own. */
    coreml: coreml.optional(),
    onnx: onnx.optional(),
    inputs: tensors,
    outputs: z.array(output).max(MAX_TENSORS).readonly(),
    states: tensors,
  })
  .readonly()

const program = z
  .object({
    name: z.string(),
    partOf: z.string().exactOptional(),
    coreml: coreml.optional(),
    functions: z.array(deployedFunction).nonempty().max(MAX_FUNCTIONS).readonly(),
  })
  .refine(agreeOnCaches, 'has functions that do not agree on the shape of a cache')
  .readonly()

/** What one function has written into a cache, the next one reads: under one name there is one shape. */
function agreeOnCaches({ functions }: { readonly functions: readonly z.infer<typeof deployedFunction>[] }): boolean {
  const shapes = new Map<string, string>()
  const caches = functions.flatMap(({ inputs, states }) => [...inputs, ...states].filter(({ role }) => role === 'cache'))
  return caches.every(({ name, shape }) => {
    const known = shapes.get(name) ?? String(shape)
    shapes.set(name, known)
    return known === String(shape)
  })
}

const schema = z
  .object({
    schema: z.literal(1, 'was written by a newer silane'),
    /** Present where a gate was missed. */
    ok: z.literal(false).optional(),
    model: z
      .object({
        id: z.string(),
        revision: z.string().nullable(),
        /** Of a repository on the hub, the folder that the checkpoint is. */
        subfolder: path.exactOptional(),
        modelType: z.string(),
        architecture: z.string(),
        task: z.string(),
        /** As the model card has it. */
        license: z.string().exactOptional(),
        /** Where on the web its text stands. */
        licenseLink: z.url({ protocol: /^https?$/ }).exactOptional(),
        files: z.array(z.object({ path: z.string(), bytes: size, sha256: digest }).readonly()).readonly(),
      })
      .readonly(),
    /** What packages and files are named, where it was asked for. */
    name: z.string().exactOptional(),
    plugin: z.object({ package: z.string(), version: z.string(), id: z.string() }).readonly(),
    silane: z.object({ version: z.string(), core: z.string() }).readonly(),
    options: record(json),
    /** How the vectors of texts are used (`SentenceUse` of the core). */
    sentence: z
      .object({ prompts: record(z.string()), defaultPrompt: z.string().nullable(), similarity: z.string() })
      .readonly()
      .exactOptional(),
    programs: z.array(program).nonempty().max(MAX_PROGRAMS).readonly(),
    /** Every file of the folder, this one included: what --force may replace. */
    files: z.array(path).max(MAX_FILES).readonly(),
    pipeline: z
      .object({
        kind: z.enum(pipelineKinds),
        steps: z.array(step, 'is missing: convert again').nonempty().max(MAX_PROGRAMS).readonly(),
        /** What a prompt begins with where a picture is shown: this id, so often. */
        image_tokens: z
          .object({ id: size, count: z.int().positive().max(MOST_PLACES) })
          .readonly()
          .exactOptional(),
        /** How a question is put, around `{question}`. */
        question: z.string().exactOptional(),
        generation: record(json).exactOptional(),
        /** Folders of tokenizers, by the program whose ids they make. */
        tokenizers: record(path).exactOptional(),
        /** How many passages the model answers a question from. */
        documents: z
          .object({ count: z.int().positive().max(MOST_PASSAGES), most: z.int().positive().exactOptional() })
          .catchall(json)
          .readonly()
          .exactOptional(),
      })
      .catchall(json)
      .readonly(),
  })
  .refine(wantFew, { path: ['pipeline', 'steps'], message: `have more than ${MAX_WANTED} inputs` })
  .readonly()

/** Whether calls have few inputs together: a program with thousands could be called thousands of times. */
function wantFew({ programs, pipeline }: WithCalls): boolean {
  const counts = new Map(programs.map(({ name, functions }) => [name, functions[0]?.inputs.length ?? 0]))
  const all = pipeline.steps.reduce((sum, each) => sum + ('call' in each ? (counts.get(each.call) ?? 0) : 0), 0)
  return all <= MAX_WANTED
}

interface WithCalls {
  readonly programs: readonly z.infer<typeof program>[]
  readonly pipeline: { readonly steps: readonly z.infer<typeof step>[] }
}

/** `silane.json`: what a conversion produced and from what. */
export type Manifest = z.infer<typeof schema>
export type DeployedProgram = z.infer<typeof program>
export type DeployedFunction = z.infer<typeof deployedFunction>
export type DeployedTensor = z.infer<typeof tensor>
export type DeployedOutput = z.infer<typeof output>

/** Reads and checks the manifest of a converted folder. Throws E_NOT_CONVERTED or E_MANIFEST. */
export function readManifest(folder: string): Manifest {
  const file = join(folder, MANIFEST_FILE)
  if (!existsSync(file)) throw notThere(folder)
  let json: unknown
  try {
    folderFile(folder, { file: MANIFEST_FILE, where: folder })
    json = readJsonFile(file, { file: MANIFEST_FILE, where: folder }, MAX_BYTES)
  } catch (cause) {
    throw errors.E_MANIFEST({ problem: isSilaneError(cause) ? cause.what.replace(/\.$/, '') : 'it cannot be read', where: file }, { cause })
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw errors.E_MANIFEST({ problem: `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not valid'}`, where: file })
}

/** Nothing stands there, or something that no conversion wrote; a replacement that was killed may have left the old one beside it. */
function notThere(folder: string): Error {
  const kept = keptFolder(folder)
  return kept === undefined ? errors.E_NOT_CONVERTED({ where: folder }) : errors.E_OUT_KEPT({ out: folder, kept })
}

/** Throws E_MANIFEST where a call of a function would take more memory than one that is run here may. */
export function checkFed({ programs }: Manifest, folder: string): void {
  for (const { name, functions } of programs) {
    for (const fn of functions) {
      const elements = [...fn.inputs, ...fn.states].reduce((sum, { shape }) => sum + sizeOf(shape), 0)
      if (elements <= MAX_FED) continue
      const problem = `${name}/${fn.name} takes ${elements} elements in one call; up to ${MAX_FED} are run here`
      throw errors.E_MANIFEST({ problem, where: join(folder, MANIFEST_FILE) })
    }
  }
}

/** Whether a folder was written by a conversion. */
export const isConverted = (folder: string): boolean => existsSync(join(folder, MANIFEST_FILE))

/** The package that holds a function. */
export const packageOf = (owner: DeployedProgram, fn: DeployedFunction) => fn.coreml ?? owner.coreml
