import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { outputFolder } from '../src/convert/output-folder.ts'
import { convert, inspect, readGoldens, readManifest } from '../src/index.ts'
import { coded, systemError } from '../src/system-error.ts'
import { fixture, temporary, write } from './workspace.ts'

const launcher = fileURLToPath(new URL('../bin/silane.js', import.meta.url))

interface Limits {
  /** Blocks of 512 bytes that a file may have: stands in for a full disk, which a test cannot make. */
  readonly blocks?: number
  readonly env?: Readonly<Record<string, string>>
}

function silane(args: readonly string[], { blocks, env = {} }: Limits = {}) {
  const limit = blocks === undefined ? '' : `ulimit -f ${blocks} && `
  const { status, stderr } = spawnSync('sh', ['-c', `${limit}exec "$@"`, 'sh', process.execPath, launcher, ...args], {
    env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1', ...env },
    encoding: 'utf8',
  })
  return { status, said: stderr }
}

const full = 'the file is larger than the disk or the limits of this user allow'

describe.skipIf(process.platform === 'win32')('a disk that is full', () => {
  // Where it ends: in a copy, in the trace, in the package, in the ONNX file.
  test.each([
    [[], 0],
    [[], 8],
    [['--trace'], 0],
    [['--trace'], 100],
    [['--target', 'coreml', '--no-validate'], 100],
    [['--target', 'onnx', '--no-validate'], 100],
  ] as const)('convert %j, %d blocks a file: the output folder is named, and nothing is left', (more, blocks) => {
    const parent = temporary()
    const out = join(parent, 'out')
    const { status, said } = silane(['convert', fixture('base'), '--seq', '24', '--out', out, ...more], { blocks })
    expect(said).toMatch(new RegExp(`^E_OUT_WRITE Cannot write to ${out}(?:\\.trace)?: ${full}\\.\n`, 'm'))
    expect(status).toBe(2)
    // A trace that is complete is for whoever looks into the failure.
    expect(readdirSync(parent).filter(name => name !== 'out.trace')).toEqual([])
  })

  test('TMPDIR is named where it is what fails', async () => {
    const out = join(temporary(), 'out')
    await convert({ model: fixture('base'), seq: [24], targets: ['coreml'], validate: false, out })
    const again = ['validate', out, '--model', fixture('base')]
    const missing = join(temporary(), 'missing')
    expect(silane(again, { env: { TMPDIR: missing } })).toEqual({
      status: 2,
      said: `E_TEMPORARY Cannot write to the folder for temporary files, ${missing}: there is no such file or folder.\n  Free some space there, or name another folder with TMPDIR.\n`,
    })
    const scratch = temporary()
    const { said } = silane(again, { blocks: 20, env: { TMPDIR: scratch } })
    expect(said).toContain(`E_TEMPORARY Cannot write to the folder for temporary files, ${scratch}: ${full}.`)
    expect(readdirSync(scratch)).toEqual([])
  })
})

describe('what the system says of writing into an output folder', () => {
  const answer = (code: string, syscall: string, paths: object = {}) => Object.assign(new Error(`${code}: ?`), { code, syscall, ...paths })

  test.each([
    ['no room', () => answer('ENOSPC', 'write'), 'E_OUT_WRITE'],
    ['no room for a copy', () => answer('EDQUOT', 'copyfile', { path: '/model/a', dest: '/out/a' }), 'E_OUT_WRITE'],
    ['a file of it', (work: string) => answer('EACCES', 'open', { path: join(work, 'a') }), 'E_OUT_WRITE'],
    ['a fault of the disk', () => answer('EIO', 'write'), 'E_OUT_WRITE'],
    ['a file of the checkpoint', () => answer('EACCES', 'open', { path: '/model/a' }), 'EACCES'],
    ['a fault while reading', () => answer('EIO', 'read'), 'EIO'],
  ] as const)('%s', async (_, make, code) => {
    const folder = outputFolder(join(temporary(), 'out'), { force: false, keepOut: [] })
    await expect(
      folder.fill(() => {
        throw make(folder.work)
      }),
    ).rejects.toMatchObject({ code })
    folder.discard()
  })
})

describe('whoever calls a function gets codes too', () => {
  const file = () => join(write(temporary(), { file: '' }), 'file')

  test.each([
    ['convert', () => convert({ model: fixture('base'), seq: [24], validate: false, out: join(file(), 'out') }), 'E_OUT_WRITE'],
    ['inspect', () => inspect({ model: 'a'.repeat(300) }), 'E_SYSTEM'],
    ['readManifest', async () => readManifest(file()), 'E_NOT_CONVERTED'],
    ['readGoldens', async () => readGoldens('a'.repeat(300), []), 'E_SYSTEM'],
  ])('%s', async (_, call, code) => {
    await expect(call()).rejects.toMatchObject({ name: 'SilaneError', code })
  })

  test('what no disk answered stays what it is; a connection is no file', async () => {
    const error = new TypeError('x')
    await expect(coded(() => Promise.reject(error))()).rejects.toBe(error)
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })
    expect(systemError(refused)).toMatchObject({
      code: 'E_SYSTEM',
      what: 'A connection failed (connect): the system answers ECONNREFUSED.',
    })
  })

  test('a folder of somebody else in TMPDIR is not called temporary', () => {
    const path = join(process.env.TMPDIR ?? '/tmp', 'silane-model', 'config.json')
    expect(systemError(Object.assign(new Error(), { code: 'EACCES', syscall: 'open', path }))).toMatchObject({ code: 'E_SYSTEM' })
  })
})
