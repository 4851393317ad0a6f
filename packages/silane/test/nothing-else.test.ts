import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import type { ConvertOptions } from '../src/convert/convert-options.ts'
import { indexDocuments } from '../src/documents/index-documents.ts'
import { fixture, temporary, write } from './workspace.ts'

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))
const tracer = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0

/** What a process of Node may not do without a network. Loaded before all else; a call ends the process with a code that nothing else has. */
const NO_NETWORK = `
import dgram from 'node:dgram'
import dns from 'node:dns'
import net from 'node:net'
import { writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
const refuse = what => () => {
  writeSync(2, 'the network was used: ' + what)
  process.kill(process.pid, 'SIGKILL')
}
net.Socket.prototype.connect = refuse('connect')
dgram.Socket.prototype.send = refuse('send')
for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6']) {
  dns[name] = refuse(name)
  dns.promises[name] = refuse(name)
}
syncBuiltinESMExports()
`

/** Folders that are empty but for what a run leaves there, and a copy of a checkpoint to run over. */
function surroundings() {
  const base = temporary()
  const place = (name: string) => join(base, name)
  for (const name of ['home', 'tmp', 'work']) mkdirSync(place(name))
  cpSync(fixture('base'), place('work/model'), { recursive: true })
  write(base, { 'no-network.mjs': NO_NETWORK })
  const listing = () => readdirSync(base, { recursive: true }).map(String).sort()
  const run = (...args: string[]) => {
    const trace = place('trace')
    const node = [process.execPath, '--import', pathToFileURL(place('no-network.mjs')).href, launcher, ...args]
    const calls = 'trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,connect,sendto'
    const command = tracer ? ['strace', '-f', '-y', '-qq', '-s', '4096', '-o', trace, '-e', calls, ...node] : node
    const { status, stderr } = spawnSync(command[0] as string, command.slice(1), {
      cwd: place('work'),
      env: { PATH: process.env.PATH, HOME: place('home'), TMPDIR: place('tmp') },
      encoding: 'utf8',
    })
    return { status, stderr, calls: existsSync(trace) ? readFileSync(trace, 'utf8').split('\n') : [] }
  }
  return { base, place, listing, run }
}

/** Paths that calls of the system open for writing or make, of those that succeeded. Relative ones are told by the folder's descriptor. */
const written = (calls: readonly string[]): string[] => {
  const making = calls.filter(
    line => !/ = -1 /.test(line) && (/ (?:mkdir|rename|link|symlink|creat)/.test(line) || /O_(?:WRONLY|RDWR|CREAT)/.test(line)),
  )
  return making.flatMap(line => {
    const at = /\(AT_FDCWD<([^>]*)>/.exec(line)?.[1] ?? /\(\d+<([^>]*)>, "/.exec(line)?.[1] ?? '/'
    const paths = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path = '']) => resolve(at, path))
    // A link changes nothing about what it leads to.
    return / (?:sym)?link/.test(line) ? paths.slice(-1) : paths
  })
}

/** Paths of files that are opened to be written, under the name that they then have. */
const openedFor = (calls: readonly string[]): string[] => written(calls.filter(line => / (?:open|openat|creat)\(/.test(line)))

/** Connections to another machine, or to a resolver of names. */
const sent = (calls: readonly string[]): string[] => calls.filter(line => /AF_INET|nscd|resolved/.test(line))

const plugins = fileURLToPath(new URL('../../../plugins', import.meta.url))
const picture = join(plugins, 'sam/test/pictures/picture.png')

/** Folders that verbs run on; each is converted when the first of them wants it. */
const conversions = mkdtempSync(join(tmpdir(), 'silane-test-'))
afterAll(() => rmSync(conversions, { recursive: true, force: true }))

const common = { validate: false } as const
const rag = join(plugins, 'rag')
const documents = { 'documents.jsonl': '{"id":"bird","title":"Two Birds","text":"a bird sings in the tree"}\n' }

/** A checkpoint of a part of RAG, with tokenizers that it is published without. */
function ragCheckpoint(name: string, tokenizers: Readonly<Record<string, string>>): string {
  const folder = join(conversions, `${name}-checkpoint`)
  cpSync(join(rag, 'fixtures', name), folder, { recursive: true })
  for (const [from, to] of Object.entries(tokenizers)) cpSync(join(rag, 'test/fixtures/ask', from), join(folder, to), { recursive: true })
  return folder
}

const both = { question_encoder_tokenizer: 'question_encoder_tokenizer', generator_tokenizer: 'generator_tokenizer' }
const recipes: Readonly<Record<string, () => Omit<ConvertOptions, 'out'>>> = {
  done: () => ({ model: fixture('base'), seq: [24] }),
  masks: () => ({ model: join(plugins, 'sam/fixtures/windows'), targets: ['onnx'], options: { points: '1' } }),
  captions: () => ({ model: join(plugins, 'blip/fixtures/image-to-text'), targets: ['coreml'], context: 32, prefill: 8 }),
  labels: () => ({ model: join(plugins, 'perceiver/fixtures/image-classification-channels'), targets: ['coreml'] }),
  text: () => ({ model: join(plugins, 'gpt2/fixtures/text-generation'), targets: ['coreml'], context: 32, prefill: 8 }),
  passages: () => ({ model: ragCheckpoint('context-encoder', { question_encoder_tokenizer: '.' }), targets: ['onnx'], seq: [40] }),
  answers: () => ({ model: ragCheckpoint('token', both), targets: ['onnx'], seq: [40], context: 32, prefill: 8 }),
}

/** Puts a conversion, or an index of documents, under its name into a folder. */
async function provide(name: string, folder: string): Promise<void> {
  const made = join(conversions, name)
  if (!existsSync(made)) {
    const recipe = recipes[name]
    if (recipe) await convert({ ...common, ...recipe(), out: made })
    else {
      write(conversions, documents)
      await provide('passages', conversions)
      await provide('answers', conversions)
      await indexDocuments({
        folder: join(conversions, 'passages'),
        documents: join(conversions, 'documents.jsonl'),
        out: made,
        for: join(conversions, 'answers'),
      })
    }
  }
  if (folder !== conversions) cpSync(made, join(folder, name), { recursive: true })
}

describe.skipIf(process.platform === 'win32')('a run leaves nothing but what was asked for, and sends nothing', () => {
  const verbs: readonly (readonly [verb: string, args: readonly string[], made: readonly string[]])[] = [
    ['convert', ['convert', './model', '--seq', '24', '--out', 'out', '--offline', '--trace'], ['work/out', 'work/out.trace']],
    ['inspect', ['inspect', './model', '--seq', '24', '--offline'], []],
    ['inspect a folder', ['inspect', './done'], []],
    ['validate', ['validate', './done', '--model', './model', '--offline'], []],
    ['benchmark', ['benchmark', './done', '--runs', '2'], []],
    ['verify', ['verify', './done/model.mlpackage'], []],
    ['plugins', ['plugins'], []],
    ['generate', ['generate', './text', '--ids', '5,6', '--max-new-tokens', '2', '--from', 'coreml'], []],
    ['caption', ['caption', './captions', picture, '--max-new-tokens', '2', '--from', 'coreml'], []],
    ['classify', ['classify', './labels', picture, '--from', 'coreml'], []],
    ['segment', ['segment', './masks', picture, '--points', '1,1', '--out', 'out'], ['work/out']],
    ['index', ['index', './passages', '--documents', 'documents.jsonl', '--for', './answers', '--out', 'out'], ['work/out']],
    ['search', ['search', './answers', '--index', './index', '--query', 'Who sings?'], []],
    ['ask', ['ask', './answers', '--index', './index', '--question', 'Who sings?', '--max-new-tokens', '2'], []],
    ['ci', ['ci', '--only', 'model.coreml.seq-24', '--out', 'out', '--offline'], ['work/out']],
    ['an error', ['convert', 'org/name', '--offline'], []],
  ]

  test.each(verbs)('%s', { timeout: 60_000 }, async (verb, args, made) => {
    const { base, place, listing, run } = surroundings()
    write(place('work'), { ...documents, 'silane.ci.json': { models: [{ model: 'model', options: [{ seq: 24 }] }] } })
    const wanted = new Set(args.flatMap(word => /^\.\/(?!model)(\w+)/.exec(word)?.[1] ?? []))
    for (const name of wanted) await provide(name, place('work'))
    const before = listing()
    const there = before.map(name => place(name)).filter(path => statSync(path).isFile())
    const content = () => there.map(path => readFileSync(path, 'base64'))
    const was = content()
    const { status, stderr, calls } = run(...args)
    expect([stderr, status]).toEqual([expect.not.stringContaining('the network was used'), verb === 'an error' ? 2 : 0])
    const allowed = ['trace', 'tmp/node-compile-cache', ...made]
    const within = (file: string) => allowed.some(name => file === name || file.startsWith(`${name}/`))
    expect(listing().filter(file => !before.includes(file) && !within(file))).toEqual([])
    expect(content()).toEqual(was)
    if (!tracer) return
    // Meanwhile too, wherever in the system: beside the output folder, which is filled under another name, and in TMPDIR.
    const names = made.map(name => join(base, dirname(name), `.${name.slice(dirname(name).length + 1)}.silane-`))
    // SQLite has files for what it sorts, and opens a file that it only reads from as one that it could mend.
    const sqlite = [place('tmp/etilqs_'), place('work/index')]
    const places = [...allowed.map(place), place('tmp/silane-'), ...sqlite, ...names, '/dev/', '/proc/']
    expect(written(calls).filter(path => !places.some(start => path.startsWith(start)))).toEqual([])
    // And nothing is half there under its name: what is made is written under another one. An index grows, by transactions.
    const own = verb === 'index' ? [] : made.map(place)
    const open = openedFor(calls).filter(path => own.some(start => path.startsWith(start)) && !path.includes('/.silane-'))
    expect(open).toEqual([])
    expect(sent(calls)).toEqual([])
  })

  test('the guard itself: with a network, the hub is asked', () => {
    const { run } = surroundings()
    const { stderr, status } = run('convert', 'org/name')
    expect(stderr).toContain('the network was used')
    expect(status).not.toBe(0)
  })
})

test.skipIf(process.platform === 'win32')('a working directory that is gone, and a package.json that is none', () => {
  const gone = join(temporary(), 'gone')
  mkdirSync(gone)
  const code = `import { rmdirSync } from 'node:fs'\nrmdirSync(process.cwd())\nawait import(${JSON.stringify(pathToFileURL(launcher).href)})\n`
  const script = join(write(temporary(), { 'run.mjs': code }), 'run.mjs')
  const { status, stderr } = spawnSync(process.execPath, [script, 'plugins'], { cwd: gone, encoding: 'utf8' })
  expect([stderr.trim().split('\n')[0], status]).toEqual(['E_SYSTEM The working directory: it has been removed.', 2])

  const project = write(temporary(), { 'node_modules/silane/package.json': '{' })
  const run = spawnSync(process.execPath, [launcher, 'inspect', fixture('base'), '--seq', '24'], { cwd: project, encoding: 'utf8' })
  expect([run.stderr, run.status]).toEqual(['', 0])
})
