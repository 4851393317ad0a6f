import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { Client, inOrder, type Manifest, publish, publishedVersions, repack, type Tarball } from '../src/index.ts'

const { url, tarballs } = inject('registry')
const clients: Client[] = []
const client = () => {
  const made = new Client(url)
  clients.push(made)
  return made
}
afterEach(() => {
  for (const made of clients.splice(0)) made.remove()
})

describe('the registry', () => {
  test('has every package of the workspace, and what it has is not published again', async () => {
    expect(tarballs.length).toBeGreaterThan(20)
    for (const tarball of tarballs) {
      expect(await publishedVersions(url, tarball.manifest.name)).toEqual([tarball.manifest.version])
      expect(await publish(url, tarball)).toBe(false)
    }
  })

  test('knows nothing of a name of ours that was never published', async () => {
    expect(await publishedVersions(url, '@silane/plugin-never')).toEqual([])
  })

  test('takes a later version of a package, with what was changed in it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'silane-later-'))
    try {
      const [first] = tarballs
      if (first === undefined) throw new Error('nothing was packed')
      const later = repack(first, join(folder, 'later.tgz'), (manifest, unpacked) => {
        writeFileSync(join(unpacked, 'note.txt'), 'later\n')
        return { ...manifest, name: '@acme/later', version: '1.2.3', dependencies: {}, peerDependencies: {} }
      })
      expect(await publish(url, later)).toBe(true)
      const user = client()
      await user.run('npm install @acme/later')
      expect(readFileSync(join(user.folder, 'node_modules/@acme/later/note.txt'), 'utf8')).toBe('later\n')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('a client', () => {
  test('has its own home and settings, and the Node of the workspace', async () => {
    const user = client()
    const { stdout } = await user.run('npm config get registry; npm config get cache; npm prefix -g; node --version; cd && pwd')
    expect(stdout.trim().split('\n')).toEqual([url, join(user.home, '.npm'), join(user.home, 'global'), process.version, user.home])
    expect(user.transcript).toContain('$ npm config get registry')
  })

  test('reaches nothing but this machine', async () => {
    const fetched = await client().try(
      `node -e "fetch('http://registry.invalid/').catch(e => { console.log(e.cause.code); process.exit(3) })"`,
    )
    expect(fetched).toMatchObject({ status: 3, stdout: 'ECONNREFUSED\n' })
  })

  test('says what a command printed when it ends otherwise than expected', async () => {
    await expect(client().run('echo out; echo err >&2; exit 4')).rejects.toThrow(
      'echo out; echo err >&2; exit 4\nended with 4 instead of 0\nout\nerr\n',
    )
  })
})

test('what others depend on is published before them', () => {
  const named = (name: string, needs: Partial<Manifest> = {}): Tarball => ({ path: '', manifest: { name, version: '1.0.0', ...needs } })
  const sorted = inOrder([
    named('plugin', { peerDependencies: { core: '^1.0.0' } }),
    named('cli', { dependencies: { runtime: '^1.0.0', elsewhere: '^1.0.0' } }),
    named('runtime', { dependencies: { core: '^1.0.0' } }),
    named('core'),
  ])
  expect(sorted.map(({ manifest }) => manifest.name)).toEqual(['core', 'plugin', 'runtime', 'cli'])
})
