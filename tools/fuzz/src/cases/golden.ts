import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readGoldens } from 'silane'
import { linkFiles } from '../bench.ts'
import { mutateJson } from '../mutate/json.ts'
import { mutateSafetensors } from '../mutate/safetensors.ts'
import { type MakeCase, putFile } from '../place.ts'

const PROGRAMS = ['model', 'encoder', 'decoder', 'vision_encoder', 'text_encoder'].map(name => ({ name }))

export const goldenCase: MakeCase = ({ random, bench, input, output }) => {
  // A conversion with its validation takes a second, the reader alone a few milliseconds.
  const whole = random.once(40)
  const chosen = random.pick(
    bench.fixtures.filter(
      ({ folder, files }) =>
        files.some(file => /^golden\./.test(file)) && (!whole || /\/(?:bert|distilbert|albert)\/(?:base|fill-mask)$/.test(folder)),
    ),
  )
  linkFiles(chosen.folder, input)
  const goldens = chosen.files.filter(file => /^golden\./.test(file))
  const file = random.once(3) && existsSync(join(chosen.folder, 'case.json')) ? 'case.json' : random.pick(goldens)
  const bytes = readFileSync(join(chosen.folder, file))
  putFile(
    join(input, file),
    file === 'case.json'
      ? mutateJson(bytes.toString('utf8'), random, ['drive', 'valid', 'convert', 'programs'])
      : mutateSafetensors(bytes, random),
  )
  const what = `${file} of ${chosen.folder.split('/').slice(-2).join('/')}`
  if (whole) return { what, run: { args: ['convert', input, '--plugin', chosen.plugin, '--out', join(output, 'made')] } }
  return { what, run: { call: () => readGoldens(input, PROGRAMS) } }
}
