import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { openCheckpoint, readJsonFile } from '@silane/checkpoint'
import { type Checkpoint, type ImageStep, isSilaneError, type Port } from '@silane/core'
import { expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { fixturesOf, type PluginPlace, pathOf } from './read-cases.ts'

/** Settings of an image processor, and what versions of transformers make of a picture with them (tools/goldens/processors.py). */
const schema = z.array(
  z.strictObject({
    fixture: z.string(),
    file: z.record(z.string(), z.json()),
    /** It is for another processor: refused. */
    other: z.literal(true).optional(),
    4: z.string().nullable(),
    5: z.string().nullable(),
  }),
)

type Case = z.infer<typeof schema>[number]

/** How a plugin reads pictures. */
export interface PictureReader {
  /** The input that takes the picture. */
  readonly port: (checkpoint: Checkpoint) => Port | undefined | Promise<Port | undefined>
  /** The pixels of the picture in a file, as `@silane/images` makes them, of which a plugin need not depend otherwise. */
  readonly pixels: (file: string, steps: readonly ImageStep[]) => Promise<ArrayBufferView<ArrayBuffer>>
}

const HASH = /^[0-9a-f]{64}$/

/**
 * The tests of a plugin that reads pictures, over `test/pictures/processors.json` and `picture.png`: what some version of transformers makes
 * of a file and none makes otherwise is what silane makes, to the last byte; all else is E_CONFIG.
 */
export function imageProcessorConformance(place: PluginPlace, { port, pixels }: PictureReader): void {
  const pictures = join(pathOf(place.root), 'test/pictures')
  const file = 'processors.json'
  const cases = schema.parse(readJsonFile(join(pictures, file), { file, where: pictures }))

  async function made({ fixture, file }: Case): Promise<string> {
    const base = await openCheckpoint(join(fixturesOf(place), fixture))
    onTestFinished(() => base.close())
    try {
      const input = await port({ ...base, imageProcessor: () => ({ file: 'preprocessor_config.json', settings: file }) })
      const { buffer } = await pixels(join(pictures, 'picture.png'), input?.image?.steps ?? [])
      return createHash('sha256').update(new Uint8Array(buffer)).digest('hex')
    } catch (error) {
      if (isSilaneError(error)) return error.code
      throw error
    }
  }

  test.each(cases)('$file', async each => {
    const versions = new Set([each[4], each[5]].filter(result => result !== null))
    const [only = ''] = versions
    expect(await made(each)).toBe(versions.size === 1 && HASH.test(only) && !each.other ? only : 'E_CONFIG')
  })
}
