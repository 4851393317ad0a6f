import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openCheckpoint } from '@silane/checkpoint'
import { type Checkpoint, type Json, type Port, SilaneError } from '@silane/core'
import { preparePixels, readPicture } from '@silane/images'
import { expect, onTestFinished, test } from 'vitest'
import { pixels } from '../src/pixels.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** tools/goldens/processors.py describes the fields. */
interface Case {
  readonly fixture: string
  readonly file: Readonly<Record<string, Json>>
  readonly other?: true
  readonly 4: string | null
  readonly 5: string | null
}

const cases = JSON.parse(readFileSync(here('pictures/processors.json'), 'utf8')) as readonly Case[]

const HASH = /^[0-9a-f]{64}$/

const portOf = (checkpoint: Checkpoint): Port => pixels(checkpoint, 64, false)

async function made({ fixture, file }: Case): Promise<string> {
  const base = await openCheckpoint(here(`../fixtures/${fixture}`))
  onTestFinished(() => base.close())
  const checkpoint: Checkpoint = { ...base, imageProcessor: () => ({ file: 'preprocessor_config.json', settings: file }) }
  try {
    const steps = portOf(checkpoint).image?.steps ?? []
    const { data } = preparePixels(await readPicture(here('pictures/picture.png')), steps)
    return createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex')
  } catch (error) {
    if (error instanceof SilaneError) return error.code
    throw error
  }
}

/** What some version of transformers makes of a file and none makes otherwise is what we make; all else is refused. */
test.each(cases)('$file', async each => {
  const versions = new Set([each[4], each[5]].filter(result => result !== null))
  const [only = ''] = versions
  expect(await made(each)).toBe(versions.size === 1 && HASH.test(only) && !each.other ? only : 'E_CONFIG')
})
