import { basename, dirname, extname, join, resolve } from 'node:path'
import { arrayConstant, type Constant, own, readAll, sizeOf, type Tensors } from '@silane/core'
import type * as Images from '@silane/images'
import { outputFolder } from '../convert/output-folder.ts'
import { jsonText, writeTexts } from '../convert/write-files.ts'
import { errors } from '../errors.ts'
import { readFolderJson } from '../folder-json.ts'
import { checkFed, type DeployedOutput, type DeployedTensor, readManifest } from '../manifest.ts'
import { type Bound, givenOutputs, wantedInputs } from '../pipeline/borders.ts'
import { openPrograms, type ProgramSource } from '../pipeline/open-programs.ts'
import { runPipeline } from '../pipeline/run-pipeline.ts'
import { deployedSteps } from '../pipeline/steps-for.ts'
import { isRecord } from '../plugins/find-package.ts'
import type { ImageRequest } from './image-request.ts'
import { readImage } from './read-image.ts'

/** A place in the picture that is meant, or one that is not. */
export interface PromptPoint {
  readonly x: number
  readonly y: number
  /** 1, the default: it belongs to what is looked for. 0: it does not. */
  readonly label?: number | undefined
}

export interface SegmentOptions extends ImageRequest {
  readonly points?: readonly PromptPoint[] | undefined
  /** Two corners of a box around what is looked for, in pixels of the picture. */
  readonly box?: readonly [x0: number, y0: number, x1: number, y1: number] | undefined
  /** Keep every mask, not only the one with the highest score. */
  readonly all?: boolean | undefined
  /** The folder for masks, scores and the overlay. Default: the picture's name + `.masks`. */
  readonly out?: string | undefined
  readonly force?: boolean | undefined
  /** What runs: the ONNX files, or the Core ML packages read back from disk. Both in onnxruntime. */
  readonly from?: ProgramSource | undefined
}

export interface Segmented {
  readonly out: string
  /** The masks that were written, the best first: its file in the folder, what the model thinks of it, and its share of the picture. */
  readonly masks: readonly { readonly file: string; readonly score: number; readonly area: number }[]
  readonly overlay: string
  readonly notes: readonly string[]
}

/** What tells a folder that this wrote. */
const SCORES = 'masks.json'
const OVERLAY = 'overlay.png'

/** Masks of what points and a box show in a picture: PNG files of its size, their scores, and the picture with the best of them over it. */
export async function segment(options: SegmentOptions): Promise<Segmented> {
  const { folder, from = 'onnx', points = [], box, all = false } = options
  const manifest = readManifest(folder)
  checkFed(manifest, folder)
  const { steps } = manifest.pipeline
  const prompt = promptInputs(wantedInputs(steps, manifest.programs))
  if (!prompt) throw errors.E_NO_PICTURES({ verb: 'segment', problem: 'it gives no masks of points', where: folder })
  const outputs = givenOutputs(steps, manifest.programs)
  const read = await readImage(manifest, { ...options, verb: 'segment' })
  const { images, picture, sizes, frame } = read
  const out = resolve(options.cwd ?? '.', options.out ?? `${nameOf(options.image)}.masks`)
  const things = { ...read.things, ...promptThings(prompt, { points, box }, sizes, folder) }
  const target = outputFolder(out, {
    force: options.force ?? false,
    keepOut: [resolve(options.cwd ?? '.', folder)],
    kept: 'the converted programs',
    mark: { file: SCORES, files: masksOfFolder },
  })
  const programs = await openPrograms(folder, manifest, from)
  try {
    const made = await runPipeline(deployedSteps(manifest, from), programs, things, async () => ({}))
    const found = await masksOf(outputs, made, images, { sizes, frame, folder })
    const kept = all ? found : found.slice(0, 1)
    const masks = kept.map(({ score, bits }, i) => ({
      file: all ? `mask-${i}.png` : 'mask.png',
      score,
      area: bits.reduce((sum, bit) => sum + bit, 0) / bits.length,
    }))
    await target.fill(async () => {
      for (const [i, { file }] of masks.entries())
        await images.writeMask(join(target.work, file), (kept[i] as Found).bits, picture.width, picture.height)
      await images.writeOverlay(join(target.work, OVERLAY), picture, {
        ...(kept[0] ? { mask: kept[0].bits } : {}),
        points: points.map(({ x, y, label = 1 }) => ({ x, y, inside: label === 1 })),
        ...(box ? { box } : {}),
      })
      await writeTexts(target.work, { [SCORES]: jsonText({ masks, points, box: box ?? null }) })
    })
    const left = target.commit()
    return { out, masks, overlay: OVERLAY, notes: [...picture.notes, ...left] }
  } finally {
    target.discard()
    await programs.close()
  }
}

/** What a folder of masks consists of, besides the file that says so. */
const masksOfFolder = (path: string): readonly string[] => {
  const json = readFolderJson(dirname(path), SCORES)
  const masks = Array.isArray(json?.masks) ? json.masks : []
  return [OVERLAY, ...masks.flatMap(mask => (isRecord(mask) && typeof mask.file === 'string' ? [mask.file] : []))]
}

const nameOf = (image: string | Uint8Array): string => (typeof image === 'string' ? basename(image, extname(image)) : 'picture')

interface PromptInputs {
  readonly points: Bound<DeployedTensor>
  readonly labels: Bound<DeployedTensor>
  readonly box: Bound<DeployedTensor> | undefined
  /** What is wanted besides and cannot be given here. */
  readonly other: readonly string[]
}

function promptInputs(inputs: readonly Bound<DeployedTensor>[]): PromptInputs | undefined {
  const ofRole = (role: DeployedTensor['role']) => inputs.find(input => input.role === role)
  const [points, labels, box, pixels] = [ofRole('points'), ofRole('labels'), ofRole('box'), ofRole('image')]
  const known = new Set([points, labels, box, pixels])
  const places = points?.shape.at(-2) ?? 0
  // Each place has x, y and a label, and a box two corners.
  const fit = sizeOf(points?.shape ?? []) === 2 * places && sizeOf(labels?.shape ?? []) === places && (!box || sizeOf(box.shape) === 4)
  return points && labels && fit
    ? { points, labels, box, other: inputs.filter(input => !known.has(input)).map(({ name }) => name) }
    : undefined
}

interface Prompt {
  readonly points: readonly PromptPoint[]
  readonly box: SegmentOptions['box']
}

/** The prompt in pixels of the resized picture; places that no point takes are said to be absent. */
function promptThings(inputs: PromptInputs, { points, box }: Prompt, { original, resized }: Images.Sizes, folder: string): Tensors {
  const option = (name: string) => `Convert again with --option ${name}.`
  const places = inputs.points.shape.at(-2) ?? 0
  const { values = [], absent } = inputs.labels
  if (points.length === 0 && !box)
    throw errors.E_PROMPT({ problem: 'Nothing says what to look for', next: 'Give --points x,y or --box x0,y0,x1,y1.' })
  if (points.length > places)
    throw errors.E_PROMPT({
      problem: `${folder} takes no more than ${places} points, and there are ${points.length}`,
      next: option(`points=${points.length}`),
    })
  if (points.length < places && absent === undefined)
    throw errors.E_PROMPT({ problem: `${folder} takes ${places} points, no fewer`, next: option(`points=${points.length}`) })
  if (box && !inputs.box) throw errors.E_PROMPT({ problem: `${folder} takes no box`, next: option('boxes=true') })
  if (!box && inputs.box)
    throw errors.E_PROMPT({ problem: `${folder} takes points with a box`, next: `Give --box x0,y0,x1,y1. ${option('boxes=false')}` })
  if (inputs.other.length > 0)
    throw errors.E_PROMPT({
      problem: `${folder} wants ${inputs.other.join(', ')} besides, which cannot be given here`,
      next: 'Convert again without that option.',
    })
  const [height, width] = original
  const inside = (what: string, x: number, y: number): void => {
    if (!(x >= 0 && x <= width && y >= 0 && y <= height))
      throw errors.E_PROMPT({
        problem: `${what} ${x},${y} is not in the picture, which has ${width} × ${height} pixels`,
        next: 'Count from its upper left corner.',
      })
  }
  for (const { x, y, label = 1 } of points) {
    inside('The point', x, y)
    if (!values.includes(label) || label === absent)
      throw errors.E_PROMPT({
        problem: `${label} is no label of a point`,
        next: `Labels are ${values.filter(value => value !== absent).join(', ')}.`,
      })
  }
  if (box) {
    inside('The corner', box[0], box[1])
    inside('The corner', box[2], box[3])
  }
  if (box && !(box[0] < box[2] && box[1] < box[3]))
    throw errors.E_PROMPT({ problem: `${box.join(',')} is no box`, next: 'Give the upper left corner, then the lower right one.' })
  const [down, across] = [resized[0] / height, resized[1] / width]
  // As long as the folder says, which a list of numbers would take eight times the memory for.
  const tensor = (
    { shape }: DeployedTensor,
    array: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
    list: readonly number[],
  ): Constant => {
    array.set(list)
    return arrayConstant(array instanceof Int32Array ? 'int32' : 'fp32', shape, array)
  }
  const coordinates = points.flatMap(({ x, y }) => [x * across, y * down])
  const labels = points.map(({ label = 1 }) => label)
  const corners = box?.map((at, i) => at * (i % 2 === 0 ? across : down))
  return {
    [inputs.points.thing]: tensor(inputs.points, new Float32Array(2 * places), coordinates),
    [inputs.labels.thing]: tensor(inputs.labels, new Int32Array(places).fill(absent ?? 0), labels),
    ...(corners && inputs.box ? { [inputs.box.thing]: tensor(inputs.box, new Float32Array(4), corners) } : {}),
  }
}

interface Found {
  readonly score: number
  /** [height, width] of the picture, 1 inside. */
  readonly bits: Uint8Array
}

/** Masks of one prompt, each of which becomes as large as the picture. SAM gives three. */
const MAX_MASKS = 64

/** The masks at the size of the picture, the one with the highest score first. */
async function masksOf(
  outputs: readonly Bound<DeployedOutput>[],
  things: Tensors,
  images: typeof Images,
  { sizes, frame, folder }: { readonly sizes: Images.Sizes; readonly frame: Images.Size; readonly folder: string },
): Promise<readonly Found[]> {
  const floats = (role: DeployedOutput['role']) => {
    const thing = own(things, outputs.find(output => output.role === role)?.thing ?? '')
    if (!thing) throw errors.E_PIPELINE({ problem: `no program gave ${role}` })
    const data = Float32Array.from(readAll(thing), Number)
    if (!data.every(Number.isFinite)) throw errors.E_NOT_FINITE({ what: `${role}`, where: folder })
    return { shape: thing.shape, data }
  }
  const [logits, scores] = [floats('masks'), floats('scores')]
  const [count = 0, height = 0, width = 0] = logits.shape.slice(-3)
  if (count * height * width !== logits.data.length || scores.data.length !== count || count > MAX_MASKS) {
    const problem = `it gives masks [${logits.shape.join(', ')}] and ${scores.data.length} scores; up to ${MAX_MASKS} masks with a score each are read`
    throw errors.E_NO_PICTURES({ verb: 'segment', problem, where: folder })
  }
  const masks = images.masksOfPicture({ shape: [count, height, width], data: logits.data }, frame, sizes)
  const size = masks.length / count
  return Array.from({ length: count }, (_, i) => ({ score: scores.data[i] as number, bits: masks.slice(i * size, (i + 1) * size) })).sort(
    (a, b) => b.score - a.score,
  )
}
