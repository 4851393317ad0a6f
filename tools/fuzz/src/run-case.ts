import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { main } from 'silane/cli'
import { type Bench, filesBelow, SECRET } from './bench.ts'
import { type Fault, fault, judgeError, judgePrinted, type Printed, type Verdict } from './judge.ts'
import { type Case, openPlace } from './place.ts'
import { TARGETS, type Target } from './targets.ts'

/** Beyond this, printed text is counted and not kept. */
const MOST_TEXT = 4_000_000

/** Runs the command line in this process, with what it prints kept back. */
export async function runMain(args: readonly string[]): Promise<Printed> {
  const texts = { stdout: '', stderr: '' }
  const streams = ['stdout', 'stderr'] as const
  const kept = streams.map(name => process[name].write)
  for (const name of streams) {
    const write = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
      if (texts[name].length < MOST_TEXT) texts[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')
      const done = rest.at(-1)
      if (typeof done === 'function') done()
      return true
    }
    process[name].write = write
  }
  try {
    // Stacks are printed with --verbose alone.
    const exitCode = await main(['--verbose', ...args])
    return { args, exitCode, ...texts }
  } finally {
    for (const [i, name] of streams.entries()) process[name].write = kept[i] as typeof process.stdout.write
  }
}

export interface Told {
  readonly verdict: Verdict
  readonly what: string
  readonly args: readonly string[] | undefined
  readonly ms: number
}

export interface CaseContext {
  readonly bench: Bench
  /** Of this process alone. */
  readonly folder: string
  /** What runs must leave empty: the folder for temporary files, and the working directory. */
  readonly empty: readonly string[]
  /** Rejections and exceptions that nothing waited for, since the last case. */
  readonly late: unknown[]
  /** Told of a case before it is run. */
  readonly onMade?: (what: string, args: readonly string[] | undefined) => void
  readonly targets?: Readonly<Record<string, Target>>
}

/** Makes a case, runs it and judges what became of it. */
export async function runCase(
  id: { readonly format: string; readonly seed: number; readonly index: number },
  context: CaseContext,
): Promise<Told> {
  const target = (context.targets ?? TARGETS)[id.format]
  if (!target) throw new Error(`there is no format ${id.format}`)
  const place = openPlace(context.bench, context.folder, id)
  try {
    const made = await target.make(place)
    const args = 'args' in made.run ? made.run.args : undefined
    context.onMade?.(made.what, args)
    const before = listed(place.input)
    const usual = Object.keys(made.env ?? {}).map(name => [name, process.env[name]] as const)
    Object.assign(process.env, made.env)
    const started = performance.now()
    const { verdict, failed } = await run(made)
    const ms = performance.now() - started
    made.done?.()
    for (const [name, value] of usual) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    // What was started and not waited for shows itself in the next turns of the loop.
    await new Promise(resolve => setImmediate(resolve))
    const besides =
      verdict.kind === 'fault'
        ? undefined
        : (lateFault(context.late) ??
          leftOver(place.output, context.empty, failed) ??
          changedInput(place.input, before, made) ??
          polluted() ??
          swollen(place.output) ??
          leaked(place.output, id.format))
    context.late.length = 0
    return { verdict: besides ?? verdict, what: made.what, args, ms }
  } finally {
    place.remove()
  }
}

async function run({ run }: Case): Promise<{ readonly verdict: Verdict; readonly failed: boolean }> {
  try {
    if ('call' in run) {
      await run.call()
      return { verdict: { kind: 'ok' }, failed: false }
    }
    const printed = await runMain(run.args)
    return { verdict: judgePrinted(printed), failed: printed.exitCode !== 0 && printed.exitCode !== 3 }
  } catch (error) {
    // Of the command line nothing but an exit code comes out.
    return {
      verdict:
        'call' in run ? judgeError(error) : fault('uncoded', `thrown: ${String(error)}`, error instanceof Error ? error.stack : undefined),
      failed: true,
    }
  }
}

function lateFault(late: readonly unknown[]): Fault | undefined {
  const [error] = late
  return error === undefined ? undefined : fault('late rejection', String(error), error instanceof Error ? error.stack : undefined)
}

/** An output appears whole or not at all, and nothing else appears anywhere. */
function leftOver(output: string, empty: readonly string[], failed: boolean): Fault | undefined {
  const names = readdirSync(output)
  // An index that was begun is gone on with, so it may stay.
  const wrong = failed
    ? names.filter(name => statSync(join(output, name), { throwIfNoEntry: false })?.isFile() !== true)
    : names.filter(name => !name.startsWith('made'))
  if (wrong.length > 0) return fault('partial output', `left beside the output: ${wrong.join(', ')}`)
  for (const folder of empty) {
    const left = readdirSync(folder)
    if (left.length > 0) return fault('partial output', `left in ${folder.slice(folder.lastIndexOf('/') + 1)}: ${left.join(', ')}`)
  }
  return undefined
}

const listed = (folder: string): string => filesBelow(folder).join('\n')

function changedInput(input: string, before: string, { env }: Case): Fault | undefined {
  // A hub's cache is written, and so is the journal of an index while it is open.
  if (env) return undefined
  const after = listed(input)
  return after === before
    ? undefined
    : fault('changed input', `files were ${before.split('\n').length} and are ${after.split('\n').length}`)
}

function polluted(): Fault | undefined {
  const names = Object.keys(Object.prototype)
  if (names.length === 0) return undefined
  for (const name of names) Reflect.deleteProperty(Object.prototype, name)
  return fault('pollution', `every object has ${names.join(', ')}`)
}

/** Much more in the output than in the input: what is produced needs bounds, too. */
const MOST_OUTPUT = 100e6

function swollen(output: string): Fault | undefined {
  const bytes = filesBelow(output).reduce((sum, file) => sum + (statSync(join(output, file), { throwIfNoEntry: false })?.size ?? 0), 0)
  return bytes > MOST_OUTPUT ? fault('large output', `${Math.round(bytes / 1e6)} MB were written`) : undefined
}

/** Whether a file from outside the checkpoint stands in the output. */
function leaked(output: string, format: string): Fault | undefined {
  if (format !== 'links') return undefined
  const found = filesBelow(output).find(file => {
    const stats = statSync(join(output, file), { throwIfNoEntry: false })
    return stats?.isFile() && stats.size < 1e6 && readFileSync(join(output, file), 'utf8').includes(SECRET)
  })
  return found === undefined ? undefined : fault('leak', `${found} holds a file from outside the checkpoint`)
}
