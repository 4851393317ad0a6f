import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type Conversion, filesBelow, linkFiles, SECRET_FILE } from '../bench.ts'
import { type MakeCase, type Place, putFile } from '../place.ts'
import { checkpointRun } from './checkpoint.ts'

/** What may stand where a file is expected. */
const KINDS: Readonly<Record<string, (file: string, place: Place) => void>> = {
  'a link to a file outside': (file, { bench }) => symlinkSync(join(bench.folder, SECRET_FILE), file),
  'a link to a folder outside': (file, { bench }) => symlinkSync(bench.folder, file),
  'a link to nothing': file => symlinkSync('nothing', file),
  'a link to itself': file => symlinkSync(file, file),
  'a link to /dev/zero': file => symlinkSync('/dev/zero', file),
  'a link to /dev/null': file => symlinkSync('/dev/null', file),
  'a pipe': file => void spawnSync('mkfifo', [file]),
  'a folder': file => void mkdirSync(file),
  'an empty file': file => putFile(file, ''),
  'a file of 3 GB that is not stored': file => {
    putFile(file, '')
    truncateSync(file, 3e9)
  },
  'a pointer of Git LFS': file => putFile(file, 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'),
}

export const linksCase: MakeCase = place => {
  const { random, bench, input, output } = place
  const kind = random.pick(Object.keys(KINDS))
  const replace = (folder: string, files: readonly string[]): string => {
    const name = random.pick(files)
    rmSync(join(folder, name), { recursive: true, force: true })
    KINDS[kind]?.(join(folder, name), place)
    return `${kind} in place of ${name}`
  }
  const beside = [
    'merges.txt',
    'generation_config.json',
    'modules.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'preprocessor_config.json',
    'case.json',
    'model.safetensors.index.json',
  ]
  if (random.once(2)) {
    const fixture = random.pick(bench.fixtures)
    linkFiles(fixture.folder, input)
    const what = replace(input, [...fixture.files.filter(file => !file.includes('/')), ...(random.once(2) ? beside : [])])
    const { args } = checkpointRun(place, fixture) as { readonly args: readonly string[] }
    // Copies of what stands beside the weights are made by a conversion alone.
    const run =
      args[0] === 'inspect' && random.once(3)
        ? ['convert', input, '--plugin', fixture.plugin, '--no-validate', '--out', join(output, 'made')]
        : args
    return { what: `${what} of ${fixture.folder.split('/').slice(-2).join('/')}`, run: { args: run } }
  }
  const name = random.pick<Conversion>(['decoder', 'encoder', 'vectors'])
  const folder = join(input, 'converted')
  linkFiles(bench.converted(name), folder)
  const what = `${replace(folder, [...filesBelow(folder), ...beside])} of ${name}`
  const package_ = filesBelow(bench.converted(name)).find(file => file.endsWith('.mlpackage/Manifest.json')) ?? ''
  const runs: readonly (readonly string[])[] = [
    ['inspect', folder],
    ['verify', join(folder, package_, '..')],
    name === 'decoder' ? ['generate', folder, '--ids', '5', '--max-new-tokens', '1'] : ['benchmark', folder, '--runs', '1'],
  ]
  return { what, run: { args: random.pick(runs) } }
}
