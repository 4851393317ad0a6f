import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folderDigest } from '@silane/coreml'
import { keptFolder } from '../src/convert/output-folder.ts'
import { packageOf, readManifest } from '../src/manifest.ts'

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))
const checkpoint = fileURLToPath(new URL('../../../plugins/bert/fixtures/base', import.meta.url))

/** Of two conversions that replace each other by turns. */
const LENGTHS = [8, 24] as const

export interface Kills {
  readonly kills: number
  /** How many left the old conversion in place, the new one, and the old one beside an empty place. */
  readonly old: number
  readonly new: number
  readonly beside: number
  /** What was neither, a sentence each. */
  readonly faults: readonly string[]
}

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

/** Every file of a folder with the digest of its bytes. */
function content(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const paths = files.map(entry => join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(paths.map(path => [relative(folder, path), sha256(readFileSync(path))]))
}

/** What is not as silane.json says; nothing where the folder is whole. */
function damages(folder: string): string[] {
  const manifest = readManifest(folder)
  const there = content(folder)
  const missing = manifest.files.filter(file => !(file in there)).map(file => `${file} is missing`)
  const foreign = Object.keys(there).filter(file => !manifest.files.includes(file))
  const wrong = manifest.programs.flatMap(program =>
    program.functions.flatMap(fn => {
      const [made, onnx] = [packageOf(program, fn), fn.onnx]
      const files = made ? Object.keys(there).filter(file => file.startsWith(`${made.path}/`)) : []
      const digests = files.map(file => ({
        path: file.slice((made?.path.length ?? 0) + 1),
        bytes: statSync(join(folder, file)).size,
        sha256: there[file] as string,
      }))
      return [
        ...(made && folderDigest(digests) !== made.sha256 ? [`${made.path} has another digest`] : []),
        ...(onnx && statSync(join(folder, onnx.path)).size !== onnx.bytes ? [`${onnx.path} has another size`] : []),
      ]
    }),
  )
  return [...missing, ...foreign.map(file => `${file} is not listed`), ...wrong]
}

function start(out: string, length: number) {
  const args = [launcher, 'convert', checkpoint, '--seq', String(length), '--no-validate', '--force', '--out', out]
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  return { kill: () => child.kill('SIGKILL'), ended: new Promise<void>(resolve => child.on('exit', () => resolve())) }
}

/**
 * Kills conversions with --force over an existing one, without a chance to clean up, and looks at what is there after: the old
 * conversion or the new one, whole, in its place or beside it under the kept name. Half of them at any moment, half near the end, where
 * the folder is put into its place. At the end one conversion runs through and must leave nothing else.
 */
export async function killRuns(kills: number, random: () => number = Math.random): Promise<Kills> {
  const parent = mkdtempSync(join(tmpdir(), 'silane-kills-'))
  const out = join(parent, 'place', 'out')
  const faults: string[] = []
  const seen = { old: 0, new: 0, beside: 0 }
  try {
    mkdirSync(join(parent, 'place'))
    // What each is from beginning to end; conversions of the same thing are the same bytes.
    const whole: string[] = []
    let duration = 0
    for (const length of LENGTHS) {
      const begin = performance.now()
      await start(join(parent, String(length)), length).ended
      duration = performance.now() - begin
      whole.push(JSON.stringify(content(join(parent, String(length)))))
    }
    await start(out, LENGTHS[0]).ended
    let last = 0
    for (let i = 0; i < kills; i++) {
      const next = 1 - last
      const moment = duration * (i % 2 === 0 ? random() : 0.7 + random() * 0.6)
      const run = start(out, LENGTHS[next] as number)
      const timer = setTimeout(run.kill, moment)
      await run.ended
      clearTimeout(timer)
      const kept = keptFolder(out)
      const place = existsSync(out) ? out : kept
      const where = `kill ${i + 1}, after ${Math.round(moment)} ms`
      if (place === undefined) {
        faults.push(`${where}: nothing is left`)
        await start(out, LENGTHS[last] as number).ended
        continue
      }
      // An old one beside the new one would pass for kept as soon as the new one is moved away.
      const beside = readdirSync(join(parent, 'place')).filter(name => name.startsWith('.out.silane-old-'))
      const looked = new Set([place, ...beside.map(name => join(parent, 'place', name))])
      for (const folder of looked) faults.push(...damages(folder).map(problem => `${where}: ${basename(folder)}: ${problem}`))
      const found = whole.indexOf(JSON.stringify(content(place)))
      if (found < 0) faults.push(`${where}: neither the old conversion nor the new one`)
      if (place !== out) seen.beside++
      else seen[found === last ? 'old' : 'new']++
      last = Math.max(0, found)
    }
    await start(out, LENGTHS[last] as number).ended
    const left = readdirSync(join(parent, 'place'))
    if (left.join() !== 'out') faults.push(`after a conversion that ran through: ${left.join(', ')}`)
    return { kills, ...seen, faults }
  } finally {
    rmSync(parent, { recursive: true, force: true })
  }
}
