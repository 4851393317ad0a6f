import { spawnSync } from 'node:child_process'
import type * as Fs from 'node:fs'
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { keptFolder, outputFolder } from '../src/convert/output-folder.ts'
import { temporary, write } from './workspace.ts'

/** Where the system refuses to remove, part of the way: what nobody's permissions can be set to for every user that may run this. */
const refusing = vi.hoisted(() => ({ removals: false }))

vi.mock(import('node:fs'), async original => {
  const fs: typeof Fs = await original()
  const rmSync: typeof Fs.rmSync = (path, options) => {
    if (!refusing.removals || `${path}`.includes('-new-')) return fs.rmSync(path, options)
    fs.rmSync(`${path}/silane.json`, { force: true })
    throw Object.assign(new Error(`EACCES: permission denied, rm '${path}'`), { code: 'EACCES', syscall: 'rm', path })
  }
  return { ...fs, rmSync }
})

const OPTIONS = { force: true, keepOut: [] }

/** A folder as a conversion leaves it. */
const folder = (parent: string, text: string) =>
  write(join(parent, 'out'), { 'silane.json': { files: ['a', 'onnx/b'] }, a: text, 'onnx/b': text })

function replace(out: string, text: string): readonly string[] {
  const target = outputFolder(out, OPTIONS)
  write(target.work, { 'silane.json': { files: ['a'] }, a: text })
  const notes = target.commit()
  target.discard()
  return notes
}

test('a replaced folder that cannot be removed is a note, and what is left of it passes for nothing', () => {
  const parent = temporary()
  const out = folder(parent, 'old')
  refusing.removals = true
  try {
    const notes = replace(out, 'new')
    expect(readFileSync(join(out, 'a'), 'utf8')).toBe('new')
    const left = readdirSync(parent).filter(name => name !== 'out')
    expect(left).toEqual([expect.stringMatching(/^\.out\.silane-gone-/)])
    const sentence = (name: string) =>
      `${join(parent, name)} is left of an older folder and can be deleted: it could not be removed, permission is denied.`
    expect(notes).toEqual(left.map(sentence))
    // It is in nobody's way, and told of again.
    const more = replace(out, 'newer')
    expect(more).toEqual(expect.arrayContaining(readdirSync(parent).flatMap(name => (name === 'out' ? [] : [sentence(name)]))))
    expect(more).toHaveLength(2)
    renameSync(out, join(parent, 'moved'))
    expect(keptFolder(out)).toBe(undefined)
    outputFolder(out, OPTIONS).discard()
    expect(existsSync(out)).toBe(false)
  } finally {
    refusing.removals = false
  }
  expect(replace(out, 'newest')).toEqual([])
  expect(readdirSync(parent).sort()).toEqual(['moved', 'out'])
})

const strace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0
const module = JSON.stringify(new URL('../src/convert/output-folder.ts', import.meta.url).href)
const script = `
  import { writeFileSync } from 'node:fs'
  const { outputFolder } = await import(${module})
  const target = outputFolder(process.argv[1], { force: true, keepOut: [] })
  writeFileSync(target.work + '/silane.json', '{"files":[]}')
  target.commit()`

test.skipIf(!strace)(
  'killed while the replaced folder is removed: the new one is in its place, and a part of the old one is never taken for it',
  () => {
    const parent = temporary()
    const out = folder(parent, 'old')
    const removals = 'unlink,unlinkat,rmdir'
    const kill = ['-e', `trace=${removals}`, '-e', `inject=${removals}:signal=SIGKILL:when=2`]
    const node = [process.execPath, '--input-type=module', '-e', script, out]
    const { signal } = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', ...kill, ...node], {
      env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' },
    })
    expect(signal).toBe('SIGKILL')
    expect(readdirSync(out)).toEqual(['silane.json'])
    expect(readdirSync(parent).map(name => name.replace(/-gone-.*/, '-gone'))).toEqual(['.out.silane-gone', 'out'])
    renameSync(out, join(parent, 'moved'))
    expect(keptFolder(out)).toBe(undefined)
    replace(out, 'next')
    expect(readdirSync(parent).sort()).toEqual(['moved', 'out'])
  },
)
