import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Graph, isSilaneError, type Program } from '@silane/core'
import { checkInterface } from './check-interface.ts'
import { checkWire } from './check-wire.ts'
import { decodeFunction } from './decode-function.ts'
import { decodeMessage } from './decode-message.ts'
import type { WeightFiles } from './decode-value.ts'
import { errors } from './errors.ts'
import type { Program as MilProgram } from './gen/mil_pb.ts'
import { type Model, ModelSchema } from './gen/model_pb.ts'
import { identifierProblem } from './identifiers.ts'
import { type Finding, Journal, JournalFull } from './journal.ts'
import { MAX_BLOBS, MAX_FUNCTIONS, MAX_MODEL_BYTES, MAX_WEIGHT_FILES } from './limits.ts'
import { MAX_OPSET, MIN_OPSET, STATE_OPSET, specVersionOf } from './opset.ts'
import { inside, type PackageLayout, readManifest } from './read-manifest.ts'
import { WeightFile } from './weight-file.ts'
import type { PackageMetadata } from './write-package.ts'
import { ZeroBiases } from './zero-biases.ts'

/** A program read from an .mlpackage. Its large constants are read from the package when asked for. */
export interface ReadPackage extends Program {
  readonly specVersion: number
  readonly opset: number
  readonly metadata: PackageMetadata
}

/** Reads an .mlpackage back into graphs. Throws at the first thing that is wrong with it. */
export async function readPackage(path: string): Promise<ReadPackage> {
  const found = await load(path, new Journal('stop'))
  if (!found) throw errors.E_PACKAGE({ path, problem: 'cannot be read' })
  return found
}

/** Checks an .mlpackage and lists what is wrong or odd, as far as it can be seen in one go. */
export const checkPackage = async (path: string): Promise<readonly Finding[]> => (await examinePackage(path)).findings

/** What a check found, and the package itself where nothing is worse than odd. */
export interface ExaminedPackage {
  readonly findings: readonly Finding[]
  readonly read: ReadPackage | undefined
}

/** Checks an .mlpackage as `checkPackage` does, and reads it on the same way. */
export async function examinePackage(path: string): Promise<ExaminedPackage> {
  const journal = new Journal('collect')
  let read: ReadPackage | undefined
  try {
    read = await load(path, journal)
  } catch (error) {
    note(error, journal)
  }
  const { findings } = journal
  return { findings, read: findings.every(({ severity }) => severity === 'warning') ? read : undefined }
}

/** What ends a check: an error, which may be the one that fills the journal, or that it is full. */
function note(error: unknown, journal: Journal): void {
  if (error instanceof JournalFull) return
  if (!isSilaneError(error)) throw error
  try {
    journal.error(error)
  } catch (full) {
    if (!(full instanceof JournalFull)) throw full
  }
}

async function load(path: string, journal: Journal): Promise<ReadPackage | undefined> {
  const layout = await readManifest(path, journal)
  if (!layout) return undefined
  const model = await readModel(layout, journal)
  const program = model.mlProgram
  const where = layout.modelPath
  // Models of another kind are seen before.
  if (!program) return journal.error(errors.E_PROGRAM({ where, problem: 'there is none' }))
  if (model.isUpdatable) journal.error(errors.E_MODEL_KIND({ where, problem: 'it is updatable' }))
  const opset = model.specificationVersion - 1
  if (opset < MIN_OPSET)
    return journal.error(
      errors.E_PROGRAM({
        where,
        problem: `its specification version is ${model.specificationVersion}, and programs came with ${specVersionOf(MIN_OPSET)}`,
      }),
    )
  if (opset > MAX_OPSET)
    return journal.error(
      errors.E_SPEC_VERSION({ where, version: model.specificationVersion, min: specVersionOf(MIN_OPSET), max: specVersionOf(MAX_OPSET) }),
    )
  const order = functionOrder(model, program, opset, journal, where)
  const files = weightFiles(layout)
  const zeroBiases = new ZeroBiases()
  const functions = order.flatMap((name): Graph[] => {
    const source = program.functions.find(entry => entry.key === name)?.value
    const decoded = source && decodeFunction(name, source, { opset, files, journal, zeroBiases })
    if (decoded) checkInterface(decoded, featuresOf(model, name), model.specificationVersion, journal)
    return decoded ? [decoded.graph] : []
  })
  const {
    shortDescription = '',
    versionString: version = '',
    author = '',
    license = '',
    userDefined = [],
  } = model.description?.metadata ?? {}
  return {
    name: basename(path, '.mlpackage'),
    functions,
    specVersion: model.specificationVersion,
    opset,
    metadata: {
      shortDescription,
      version,
      author,
      license,
      userDefined: Object.fromEntries(userDefined.map(({ key, value }) => [key, value])),
    },
  }
}

/** Field numbers of the other kinds of models lie between these. */
const KIND_FIELDS = [200, 3000] as const

async function readModel({ modelPath, modelBytes }: PackageLayout, journal: Journal): Promise<Model> {
  if (modelBytes > MAX_MODEL_BYTES) throw errors.E_MODEL_SIZE({ where: modelPath, bytes: modelBytes, limit: MAX_MODEL_BYTES })
  const bytes = await readFile(modelPath)
  const unknown = checkWire(ModelSchema, bytes, modelPath)
  for (const { message, number } of unknown) {
    if (message === 'Model' && number >= KIND_FIELDS[0] && number <= KIND_FIELDS[1])
      throw errors.E_MODEL_KIND({ where: modelPath, problem: `it is a model of another kind (field ${number})` })
    journal.error(errors.E_UNKNOWN_FIELD({ where: modelPath, message, number }))
  }
  return decodeMessage(ModelSchema, bytes, modelPath)
}

/** Checks what the model says about its functions, and gives their names, the default one first. */
function functionOrder(model: Model, program: MilProgram, opset: number, journal: Journal, where: string): string[] {
  const fail = (problem: string): undefined => journal.error(errors.E_PROGRAM({ where, problem }))
  if (program.version !== 1n) fail(`its program has version ${program.version}, not 1`)
  if (program.docString !== '') fail('its program has a text of documentation')
  for (const { key } of program.attributes) if (key !== 'buildInfo') fail(`its program has an attribute "${key}"`)
  const names = program.functions.map(entry => entry.key)
  if (names.length > MAX_FUNCTIONS)
    throw errors.E_PROGRAM({ where, problem: `it has ${names.length} functions; the limit is ${MAX_FUNCTIONS}` })
  names.forEach((name, i) => {
    const problem = identifierProblem(name)
    if (problem) journal.error(errors.E_IDENTIFIER({ where, name, problem: `a function ${problem}` }))
    if (names.indexOf(name) !== i) journal.error(errors.E_DUPLICATE({ where, what: `function "${name}"` }))
  })
  const { functions = [], defaultFunctionName = '', input = [], output = [], state = [] } = model.description ?? {}
  if (functions.length === 0 && defaultFunctionName === '') {
    if (names.join() !== 'main') fail(`its functions are ${names.join(', ') || 'none'}, where one called main belongs`)
    return [...new Set(names)]
  }
  if (opset < STATE_OPSET) fail(`it describes several functions, which came with specification version ${specVersionOf(STATE_OPSET)}`)
  if (input.length + output.length + state.length > 0) fail('it describes features beside those of its functions')
  if (functions.length > MAX_FUNCTIONS)
    throw errors.E_PROGRAM({ where, problem: `it describes ${functions.length} functions; the limit is ${MAX_FUNCTIONS}` })
  const described = functions.map(description => description.name)
  if (new Set(described).size < described.length) journal.error(errors.E_DUPLICATE({ where, what: 'described function' }))
  for (const name of names) if (!described.includes(name)) fail(`its function "${name}" is not described`)
  for (const name of described) if (!names.includes(name)) fail(`its described function "${name}" is not in the program`)
  if (!described.includes(defaultFunctionName)) fail(`its default function "${defaultFunctionName}" is not described`)
  return [...new Set([defaultFunctionName, ...described, ...names])].filter(name => names.includes(name))
}

function featuresOf({ description }: Model, name: string) {
  const { functions = [], input = [], output = [], state = [] } = description ?? {}
  if (functions.length === 0) return { input, output, state }
  return functions.find(described => described.name === name) ?? { input: [], output: [], state: [] }
}

/** The weight files of a package, each opened when the program first names it. */
function weightFiles({ root, modelPath, identity }: PackageLayout): WeightFiles {
  const files = new Map<string, WeightFile | Error>()
  const opened: Opened = { byPath: new Map(), records: 0 }
  return (fileName, where) => {
    if (!files.has(fileName)) {
      if (files.size === MAX_WEIGHT_FILES)
        throw errors.E_PROGRAM({ where, problem: `the program names more than ${MAX_WEIGHT_FILES} weight files` })
      files.set(fileName, openWeightFile(fileName, { root, modelPath, identity }, opened))
    }
    const file = files.get(fileName)
    if (file instanceof WeightFile) return file
    throw file ?? errors.E_WEIGHT_FILE({ where, problem: `${fileName} was not found` })
  }
}

const PREFIX = '@model_path/'

/** Weight files by their real path: one that has several names is read once. */
interface Opened {
  readonly byPath: Map<string, WeightFile>
  records: number
}

function openWeightFile(
  name: string,
  { root, modelPath, identity }: Pick<PackageLayout, 'root' | 'modelPath' | 'identity'>,
  opened: Opened,
): WeightFile | Error {
  const fail = (problem: string) => errors.E_WEIGHT_FILE({ where: join(dirname(modelPath), name.replace(PREFIX, '')), problem })
  if (!name.startsWith(PREFIX)) return fail(`its name ${JSON.stringify(name)} does not start with ${PREFIX}`)
  const relative = name.slice(PREFIX.length)
  const found = inside(dirname(modelPath), relative, root)
  if (found.problem !== undefined) return fail(`it ${found.problem}`)
  try {
    const known = opened.byPath.get(found.path)
    if (known) return known
    const file = new WeightFile(found.path, `${identity}/${relative}`, MAX_BLOBS - opened.records)
    opened.byPath.set(found.path, file)
    opened.records += file.records
    return file
  } catch (error) {
    if (isSilaneError(error)) return error
    throw error
  }
}
