import { join } from 'node:path'
import type { Bench } from '../bench.ts'
import type { MakeCase, Place } from '../place.ts'

/** What a flag is given that it was not made for. */
const VALUES: readonly string[] = [
  '',
  ' ',
  '0',
  '-1',
  '1',
  '2',
  '0.5',
  '1e9',
  '1e400',
  '4294967301',
  '9007199254740993',
  '100000000000000000000',
  'NaN',
  'Infinity',
  'abc',
  'constructor',
  '__proto__',
  'toString',
  '1,2,3',
  Array.from({ length: 21 }, (_, i) => i + 1).join(','),
  '300',
  '5,,6',
  '-5',
  '0x10',
  '1_000',
  '\u001b[31mevil\u0007',
  '\u202eabc',
  'a\nb',
  'a'.repeat(300),
  'true',
  'null',
  '=',
  'a=',
  '=b',
  'seq=-1',
  'seq=constructor',
  'x=y=z',
  '--',
  '../..',
  '{}',
  '[',
]

const SHAPE = [
  '--seq',
  '--batch',
  '--context',
  '--prefill',
  '--kv',
  '--task',
  '--option',
  '--target',
  '--precision',
  '--onnx-precision',
  '--revision',
]

/** Verbs, the arguments that they work with, and their flags. */
const VERBS: Readonly<
  Record<string, { readonly args: (bench: Bench, place: Place) => readonly string[]; readonly flags: readonly string[] }>
> = {
  inspect: { args: bench => [join(bench.folder, 'fixtures/bert/base'), '--seq', '8'], flags: [...SHAPE, '--print'] },
  convert: {
    args: (bench, { output }) => [join(bench.folder, 'fixtures/bert/base'), '--seq', '8', '--no-validate', '--out', join(output, 'made')],
    flags: SHAPE,
  },
  verify: { args: bench => [join(bench.converted('encoder'), 'model.mlpackage')], flags: ['--bogus'] },
  plugins: { args: () => [], flags: ['--plugin'] },
  generate: {
    args: bench => [bench.converted('decoder'), '--ids', '5,6', '--max-new-tokens', '2'],
    flags: ['--ids', '--text', '--from', '--max-new-tokens', '--beams', '--temperature', '--top-k', '--top-p', '--seed'],
  },
  benchmark: { args: bench => [bench.converted('encoder'), '--runs', '1'], flags: ['--runs', '--plugin'] },
  search: {
    args: bench => [bench.converted('vectors'), '--index', join(bench.folder, 'index.sqlite'), '--query', 'a'],
    flags: ['--query', '--count', '--from', '--index'],
  },
  index: {
    args: (bench, { output }) => [
      bench.converted('vectors'),
      '--documents',
      join(bench.folder, 'documents.jsonl'),
      '--out',
      join(output, 'made'),
    ],
    flags: ['--chunk', '--overlap', '--from', '--for', '--documents'],
  },
  classify: {
    args: bench => [bench.converted('pixels'), bench.pictures.find(file => file.endsWith('rgb16.png')) ?? ''],
    flags: ['--count', '--from', '--plugin'],
  },
  bogus: { args: () => ['x'], flags: ['--x'] },
}

export const argumentsCase: MakeCase = place => {
  const { random, bench } = place
  const verb = random.pick(Object.keys(VERBS))
  const { args, flags } = VERBS[verb] as (typeof VERBS)[string]
  let given = [...args(bench, place)]
  // Times of a benchmark are asked for: a day of it is no fault.
  const harmless = (flag: string, value: string) => flag !== '--runs' || !/^\d{3,}|e/.test(value)
  for (let count = random.int(3); count > 0; count--) {
    const [flag, value] = [random.pick(flags), random.pick(VALUES)]
    if (harmless(flag, value)) given.push(flag, value)
  }
  if (random.once(8)) given = given.filter(() => !random.once(3))
  if (random.once(12)) given.push(random.pick(VALUES))
  // Outputs stay in their place.
  const at = given.indexOf('--out')
  if ((verb === 'convert' || verb === 'index') && (at < 0 || !given[at + 1]?.startsWith(place.output))) given = [...args(bench, place)]
  if (random.once(2)) given.push('--json')
  return { what: given.map(arg => JSON.stringify(arg.slice(0, 40))).join(' '), run: { args: [verb, ...given] } }
}
