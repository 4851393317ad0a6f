import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { OptionValue, TargetName } from '@silane/core'
import { checkOption } from '../convert/check-option.ts'
import type { ModelOptions } from '../convert/convert-options.ts'
import { type GivenSettings, settings } from '../convert/settings.ts'
import { errors } from '../errors.ts'
import { CI_FILE, type CiFile, type CiModel, type OptionSet } from './ci-file.ts'

/** One conversion. Known from the file alone: no checkpoint is opened for it, so that every machine can tell who does what. */
export interface PlannedEntry {
  /** Unique within the file, also where capitals do not count, and fit for files and artifacts. */
  readonly name: string
  /** As the file has it. */
  readonly model: string
  /** Undefined: the one of the checkpoint's architecture. */
  readonly task: string | undefined
  readonly target: TargetName
  readonly options: OptionSet
}

/** At a minute each they take a machine two weeks; a product of short lists may have billions. */
export const MAX_PLANNED = 20_000

/** Every model × task × target × options, in the order of the file. Throws E_CI_FILE for what is there twice, and for more than 20 000. */
export function planMatrix({ models, folder }: CiFile): readonly PlannedEntry[] {
  const count = models.reduce((sum, model) => sum + countOf(model), 0)
  if (count > MAX_PLANNED)
    throw errors.E_CI_FILE({
      file: CI_FILE,
      problem: `its tasks, targets and options make ${count} conversions, of which ${MAX_PLANNED} are planned at most`,
      where: folder,
    })
  const entries = models.flatMap(entriesOf)
  const seen = new Map<string, number>()
  for (const { model, task, target, options } of entries) {
    const key = JSON.stringify([model, task ?? null, target, sorted(options)])
    seen.set(key, (seen.get(key) ?? 0) + 1)
    if (seen.get(key) !== 1)
      throw errors.E_CI_FILE({
        file: CI_FILE,
        problem: `models: ${model}, ${[...(task === undefined ? [] : [task]), target, ...words(options)].join(', ')} is there twice`,
        where: folder,
      })
  }
  const taken = new Set<string>()
  /** By a name that is taken: the number to try next. */
  const numbers = new Map<string, number>()
  return entries.map(entry => {
    const name = nameOf(entry)
    let free = name
    let number = numbers.get(name.toLowerCase()) ?? 2
    for (; taken.has(free.toLowerCase()); number++) free = `${name}-${number}`
    numbers.set(name.toLowerCase(), number)
    taken.add(free.toLowerCase())
    return { name: free, ...entry }
  })
}

type Unnamed = Omit<PlannedEntry, 'name'>

const countOf = ({ tasks = [''], targets = settings.targets.choices, options = [{}] }: CiModel): number =>
  tasks.length * targets.length * options.length

function entriesOf({ model, tasks, targets = settings.targets.choices, options = [{}] }: CiModel): readonly Unnamed[] {
  const each: readonly (string | undefined)[] = tasks ?? [undefined]
  return each.flatMap(task => targets.flatMap(target => options.map(set => ({ model, task, target, options: set }))))
}

const sorted = (options: OptionSet): OptionSet => Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)))

const words = (options: OptionSet): string[] => Object.entries(sorted(options)).map(([name, value]) => `${name}-${value}`)

/** Characters of a name: with what is put around it, a file's name stays below the 255 bytes that file systems have. */
const MAX_NAME = 120

function nameOf({ model, task, target, options }: Unnamed): string {
  const parts = [model, ...(task === undefined ? [] : [task]), target, ...words(options)]
  const name = parts
    .map(part => part.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, ''))
    .filter(Boolean)
    .join('.')
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 9)}-${sha256(parts).slice(0, 8)}`
}

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

/** Tells whether reports are of the same matrix: it holds all that is planned. */
export const digestOf = (entries: readonly PlannedEntry[]): string =>
  sha256(entries.map(({ name, model, task, target, options }) => [name, model, task ?? null, target, sorted(options)]))

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** The options of `convert`. A model that is a folder counts from `folder`. Throws E_OPTION for a setting that cannot be had. */
export function entryOptions({ model, task, target, options }: Unnamed, folder: string): ModelOptions {
  const path = resolve(folder, model)
  const rest = new Map<string, OptionValue>()
  const common: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const setting = Object.entries(settings).find(([, { flag }]) => flag === name)
    if (setting) common[setting[0]] = checkOption(`--${name}`, value, setting[1])
    else rest.set(name, value)
  }
  return {
    // Each was read as its row says.
    ...(common as GivenSettings),
    model: /^\.{0,2}\//.test(model) || isFolder(path) ? path : model,
    targets: [target],
    options: Object.fromEntries(rest),
    ...(task === undefined ? {} : { task }),
  }
}
