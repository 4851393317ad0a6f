import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeFolder } from '../src/index.ts'
import { temporary } from './temporary.ts'

describe('a folder is made', () => {
  it('with those that it is in, once', () => {
    const top = temporary()
    makeFolder(join(top, 'a/b/c'))
    makeFolder(join(top, 'a/b/c'))
    expect(lstatSync(join(top, 'a/b/c')).isDirectory()).toBe(true)
    symlinkSync(join(top, 'a'), join(top, 'link'))
    makeFolder(join(top, 'link/d'))
    makeFolder('/')
    expect(readdirSync(join(top, 'a'))).toEqual(['b', 'd'])
  })

  it.each([
    ['a file', (path: string) => writeFileSync(path, '')],
    ['a link that leads nowhere', (path: string) => symlinkSync('nowhere', path)],
    ['links in a circle', (path: string) => symlinkSync(path, path)],
  ])('not where %s stands, or below', (_, put) => {
    const place = join(temporary(), 'x')
    put(place)
    for (const path of [place, join(place, 'y')]) expect(() => makeFolder(path)).toThrow(expect.objectContaining({ syscall: 'mkdir' }))
    expect(() => mkdirSync(place)).toThrow('EEXIST')
  })

  it.runIf(process.platform === 'linux')('not where the system makes none, and the answer comes', () => {
    for (const path of ['/proc/x', '/proc/x/y/z']) {
      expect(() => makeFolder(path)).toThrow(expect.objectContaining({ code: 'ENOENT', path: '/proc/x' }))
    }
  })
})
