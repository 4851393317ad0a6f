import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { type FiniteConstants, type NonFinite, type Program, verifyProgram } from '@silane/core'
import { describe } from './describe.ts'
import { encodeFunction } from './encode-function.ts'
import { diskError, errors } from './errors.ts'
import { type FileDigest, folderDigest } from './folder-digest.ts'
import { type Model, type ModelDescription, ModelSchema } from './gen/model_pb.ts'
import { identifierProblem } from './identifiers.ts'
import { MAX_MODEL_BYTES } from './limits.ts'
import { MODEL_PATH, manifestText, WEIGHTS_PATH } from './manifest.ts'
import { MAX_OPSET, MIN_OPSET, STATE_OPSET, specVersionOf } from './opset.ts'
import { WeightPlan } from './weight-plan.ts'
import { writeWeights } from './write-weights.ts'

/** What Xcode and an app show about a model. */
export interface PackageMetadata {
  readonly shortDescription?: string
  readonly version?: string
  readonly author?: string
  readonly license?: string
  readonly userDefined?: Readonly<Record<string, string>>
}

export interface WritePackageOptions {
  /** `…/x.mlpackage`; must not exist. What an aborted or failed call leaves there is the caller's to remove. */
  readonly path: string
  /** The Core ML opset, 5 (iOS 15) to 9 (iOS 26). Its specification version is one more. */
  readonly opset: number
  readonly metadata?: PackageMetadata | undefined
  /** Constants that are known to be finite; those that turn out to be are added. */
  readonly finite?: FiniteConstants | undefined
  readonly signal?: AbortSignal | undefined
  /** Bytes of weights written so far, and in all. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined
}

export interface WrittenPackage {
  readonly specVersion: number
  /** Of all files. */
  readonly bytes: number
  /** Of the folder: see `folderDigest`. */
  readonly sha256: string
  readonly files: readonly FileDigest[]
  /** Constants that hold infinities or NaN as they were written, by name of function and value: `main: encoder_layer_0_weight`. */
  readonly nonFinite: readonly NonFinite[]
}

/** Writes a program as an .mlpackage. Equal programs give equal bytes. */
export async function writePackage(program: Program, options: WritePackageOptions): Promise<WrittenPackage> {
  const { path, opset } = options
  if (!path.endsWith('.mlpackage')) throw errors.E_PATH({ path, problem: 'does not end in .mlpackage' })
  if (!Number.isInteger(opset) || opset < MIN_OPSET || opset > MAX_OPSET) throw errors.E_OPSET_RANGE({ opset })
  options.signal?.throwIfAborted()
  verifyProgram(program, 'lowering to Core ML')

  const weights = new WeightPlan()
  const nonFinite: NonFinite[] = []
  const model = toBinary(ModelSchema, encodeModel(program, options, weights, nonFinite))
  if (model.length > MAX_MODEL_BYTES) throw errors.E_MODEL_SIZE({ where: path, bytes: model.length, limit: MAX_MODEL_BYTES })

  const modelSha256 = createHash('sha256').update(model).digest('hex')
  const files: FileDigest[] = [{ path: `Data/${MODEL_PATH}`, bytes: model.length, sha256: modelSha256 }]
  await makeFolders(path)
  await put(path, `Data/${MODEL_PATH}`, model)
  if (weights.bytes > 0) {
    const file = `Data/${WEIGHTS_PATH}/weight.bin`
    const written = await writeWeights(join(path, file), weights, options)
    files.push({ path: file, bytes: written.bytes, sha256: written.sha256 })
    nonFinite.push(...written.nonFinite)
  }
  options.signal?.throwIfAborted()
  // Last, so that a package that was cut short is no package.
  const manifest = Buffer.from(manifestText(modelSha256, files[1]?.sha256 ?? ''))
  await put(path, 'Manifest.json', manifest)
  files.push({ path: 'Manifest.json', bytes: manifest.length, sha256: createHash('sha256').update(manifest).digest('hex') })

  return {
    specVersion: specVersionOf(opset),
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    sha256: folderDigest(files),
    files,
    nonFinite,
  }
}

function encodeModel(program: Program, options: WritePackageOptions, weights: WeightPlan, nonFinite: NonFinite[]): Model {
  const { opset } = options
  const [first, ...others] = program.functions
  if (!first) throw errors.E_NOT_WRITABLE({ graph: program.name, problem: 'the program has no functions' })
  const several = others.length > 0
  if (several && opset < STATE_OPSET)
    throw errors.E_OPSET({ what: 'a package of several functions', name: program.name, since: STATE_OPSET, opset })
  const seen = new Set<string>()
  const functions = program.functions.map(graph => {
    const name = several ? graph.name : 'main'
    const problem = identifierProblem(name) ?? (seen.has(name) ? 'is the name of two functions' : undefined)
    if (problem) throw errors.E_NAME({ name, problem: `function ${problem}`, where: program.name })
    if (graph.inputs.length === 0 && opset < STATE_OPSET)
      throw errors.E_OPSET({ what: 'a function without inputs', name, since: STATE_OPSET, opset })
    seen.add(name)
    return {
      name,
      features: describe(graph, opset),
      value: encodeFunction(graph, { name, opset, weights, nonFinite }),
    }
  })
  const metadata = encodeMetadata(options.metadata)
  const description = several
    ? { functions: functions.map(({ name, features }) => ({ name, ...features })), defaultFunctionName: first.name }
    : { ...functions[0]?.features }
  return create(ModelSchema, {
    specificationVersion: specVersionOf(opset),
    description: { ...description, ...(metadata && { metadata }) },
    mlProgram: { version: 1n, functions: functions.map(({ name, value }) => ({ key: name, value })) },
  })
}

function encodeMetadata(metadata: PackageMetadata | undefined) {
  if (!metadata) return undefined
  const { shortDescription = '', version = '', author = '', license = '', userDefined = {} } = metadata
  return {
    shortDescription,
    versionString: version,
    author,
    license,
    userDefined: Object.entries(userDefined)
      .map(([key, value]) => ({ key, value }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  } satisfies Partial<Omit<NonNullable<ModelDescription['metadata']>, 'userDefined'>> & { userDefined: unknown }
}

async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path)
    // Core ML's tools expect the folder even when no constant is large enough for a file.
    await mkdir(join(path, 'Data', WEIGHTS_PATH), { recursive: true })
  } catch (error) {
    throw diskError(error, path)
  }
}

async function put(root: string, file: string, bytes: Uint8Array): Promise<void> {
  const path = join(root, file)
  try {
    await writeFile(path, bytes, { flag: 'wx' })
  } catch (error) {
    throw diskError(error, path)
  }
}
