import type { Random } from '../random.ts'
import { mutateBytes } from './bytes.ts'
import { mutateJson } from './json.ts'

/** A file with one JSON object in each line, after a change to some lines or to its bytes. */
export function mutateLines(text: string, random: Random, keys: readonly string[]): Buffer {
  if (random.once(6)) return mutateBytes(Buffer.from(text), random)
  const lines = text.split('\n').filter(line => line !== '')
  const made = lines.flatMap((line): (string | Buffer)[] => {
    if (!random.once(3)) return [line]
    if (random.once(6)) return random.pick([[], [line, line], ['', ' ', line], [`\ufeff${line}`], [`${line}\r`], ['x'.repeat(200_000)]])
    return [mutateJson(line, random, keys)]
  })
  const end = Buffer.from(random.pick(['\n', '\n', '\r\n', '\n\n\n']))
  return Buffer.concat(made.flatMap(line => [Buffer.from(line), end]))
}
