import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Transcript } from '@silane/registry'
import { expect, inject, onTestFinished, test } from 'vitest'
import { fakeHub } from '../../../packages/checkpoint/test/fake-hub.ts'
import { pageOf } from './page-of.ts'

const root = join(import.meta.dirname, '../../..')
const ABOUT =
  'Somebody with an empty folder, from the installation to the first tokens. The registry and the hub are this machine, and the model is tiny, with random weights, so that it writes nonsense; everything else is as it is anywhere. It is told by a test (`tools/release/test/first-hour.test.ts`); `npm run first-hour` writes this page anew.'

/** What the hub has: a decoder with its tokenizer. */
function model(): Readonly<Record<string, Uint8Array>> {
  const folder = join(root, 'plugins/gpt2/fixtures/text-generation-v5')
  const names = readdirSync(folder).filter(name => name !== 'case.json' && !name.startsWith('golden.'))
  return Object.fromEntries(names.map(name => [name, readFileSync(join(folder, name))]))
}

test('a first hour: install, look, convert from the hub, generate, benchmark', { timeout: 600_000 }, async () => {
  const cache = mkdtempSync(join(tmpdir(), 'silane-hub-'))
  const hub = await fakeHub('acme/tiny-writer', { main: model() }, cache)
  const transcript = new Transcript()
  const you = new Client(inject('registry').url, { transcript })
  onTestFinished(() => {
    you.remove()
    rmSync(cache, { recursive: true, force: true })
  })
  const environment = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cache }
  const run = (line: string, status = 0) => you.run(line, { status, environment })

  transcript.say('Install silane.')
  await run('npm install silane')
  transcript.say('Which plugin reads the model? It says.')
  expect((await run('npx silane inspect acme/tiny-writer', 2)).stdout).toContain('npm install @silane/plugin-gpt2')
  await run('npm install @silane/plugin-gpt2')
  transcript.say('Look before anything is downloaded.')
  expect((await run('npx silane inspect acme/tiny-writer --context 32')).stdout).toContain('@silane/plugin-gpt2')
  expect(hub.sent.get('model.safetensors') ?? 0).toBeLessThan(1 << 17)
  transcript.say('Convert. The first line is the verdict.')
  const converted = await run('npx silane convert acme/tiny-writer --context 32 --prefill 8')
  expect(converted.stdout).toMatch(/^ok: \d+ outputs pass, lowest \d+\.\d dB, not compared with the original\n/)
  const next = [...converted.stdout.matchAll(/^next: {2}(.*)$/gm)].map(([, command]) => command)
  expect(next).toEqual(['silane generate tiny-writer.silane --text "…"', 'silane benchmark tiny-writer.silane'])
  await run('ls tiny-writer.silane')
  transcript.say('Do what it says: text in, text out.')
  const written = await run('npx silane generate tiny-writer.silane --text "def f" --max-new-tokens 6')
  expect(written.stdout.length).toBeGreaterThan(1)
  transcript.say('How fast is it here, and what does the Neural Engine get?')
  expect((await run('npx silane benchmark tiny-writer.silane --runs 3')).stdout).toMatch(/decoder\/step/)
  transcript.say('Is everything as it was written?')
  await run('npx silane verify tiny-writer.silane')
  transcript.say('What went wrong, when something does.')
  expect((await run('npx silane generate tiny-writer.silane --text a --ids 5', 2)).stderr).toMatch(/^E_/m)

  const page = process.env.SILANE_FIRST_HOUR ?? 'tools/release/out/first-hour.md'
  mkdirSync(join(root, page, '..'), { recursive: true })
  const told = transcript.text.replaceAll(cache, '~/.cache/huggingface/hub').replaceAll(hub.endpoint, 'https://huggingface.co')
  writeFileSync(join(root, page), pageOf('A first hour', ABOUT, told))
})
