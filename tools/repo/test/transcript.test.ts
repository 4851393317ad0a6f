import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { transcript } from '../../docs/src/transcript.ts'
import { root } from '../fixtures.ts'

/** Times, sizes of memory and the engine differ from machine to machine, and dB in what stands behind the point. */
const steady = (text: string): string => text.replace(/onnxruntime-\w+ [\d.]+/, 'onnxruntime').replaceAll(/\d+\.\d+/g, '#')

it('the README shows what the demo prints', async () => {
  const shown = /^It says\n\n```text\n([\s\S]*?)\n```$/m.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1]
  expect(steady(shown ?? '')).toBe(steady(await transcript()))
})
