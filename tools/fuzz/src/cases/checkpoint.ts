import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, type Fixture, linkFiles } from '../bench.ts'
import { FIRST, HOSTILE, INHERITED, type Json, jsonText, mutateJson, pathsOf, replaceAt } from '../mutate/json.ts'
import { mutateSafetensors } from '../mutate/safetensors.ts'
import { mutateTorch } from '../mutate/torch.ts'
import { type Case, type MakeCase, type Place, putFile } from '../place.ts'
import type { Random } from '../random.ts'

const isGolden = (file: string): boolean => /^golden\.|^case\.json$/.test(file)

/** The flags that a fixture is converted with. */
function flagsOf({ folder }: Fixture): readonly string[] {
  const file = join(folder, 'case.json')
  const { convert = [] } = (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}) as { readonly convert?: readonly string[] }
  return convert
}

/** Looks at the checkpoint, or converts it, which takes ten times as long. */
export function checkpointRun({ random, input, output }: Place, fixture: Fixture): Case['run'] {
  const flags = [...flagsOf(fixture), ...(random.once(6) ? [] : ['--plugin', fixture.plugin]), ...(random.once(3) ? ['--json'] : [])]
  if (!random.once(8)) return { args: ['inspect', input, ...flags, ...(random.once(4) ? ['--tensors'] : [])] }
  const targets = random.pick([[], ['--target', 'onnx'], ['--target', 'onnx', '--onnx-precision', 'fp16'], ['--precision', 'fp32']])
  return { args: ['convert', input, ...flags, ...targets, '--no-validate', '--out', join(output, 'made')] }
}

const nameOf = ({ folder }: Fixture): string => folder.split('/').slice(-2).join('/')

export const configCase: MakeCase = place => {
  const fixture = place.random.pick(place.bench.fixtures)
  linkFiles(fixture.folder, place.input, isGolden)
  putFile(
    join(place.input, 'config.json'),
    mutateJson(readFileSync(join(fixture.folder, 'config.json'), 'utf8'), place.random, fixture.keys),
  )
  return { what: `config.json of ${nameOf(fixture)}`, run: checkpointRun(place, fixture) }
}

/** Every key of every family's configurations, with the first fixture that has it. */
function keysOf(bench: Bench) {
  const seen = new Set<string>()
  return bench.fixtures.flatMap(fixture => {
    const config = JSON.parse(readFileSync(join(fixture.folder, 'config.json'), 'utf8')) as Json
    const written = pathsOf(config).filter(({ length }) => length > 0 && length <= 2)
    const unwritten = [...fixture.keys, ...INHERITED].filter(key => !written.some(([first]) => first === key)).map(key => [key])
    return [...written, ...unwritten].flatMap(path => {
      const name = `${fixture.plugin} ${path.join('.')}`
      if (seen.has(name)) return []
      seen.add(name)
      return [{ fixture, config, path }]
    })
  })
}

/** Every key with every value: with those that any schema has to do with first, in an order that comes round to each family soon. */
export const sweepCase: MakeCase = place => {
  const keys = keysOf(place.bench)
  const [first, rest] = [keys.length * FIRST, keys.length * (HOSTILE.length - FIRST)]
  const step = (index: number, total: number) => Number((BigInt(index) * BigInt(coprime(total))) % BigInt(total))
  const at = place.index < first ? step(place.index, first) : first + step((place.index - first) % rest, rest)
  const { fixture, config, path } = keys[at % keys.length] as (typeof keys)[number]
  const value = (HOSTILE[Math.floor(at / keys.length)] as () => Json)()
  linkFiles(fixture.folder, place.input, isGolden)
  putFile(join(place.input, 'config.json'), jsonText(replaceAt(config, path, value)))
  const told = JSON.stringify(value) ?? 'nothing'
  return {
    what: `${path.join('.')} of ${nameOf(fixture)} = ${told.slice(0, 60)}`,
    run: { args: ['inspect', place.input, ...flagsOf(fixture), '--plugin', fixture.plugin] },
  }
}

/** Near the golden section of `total`, so that neighbours lie far apart. */
function coprime(total: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
  let step = Math.floor(total * 0.6180339887)
  while (gcd(step, total) !== 1) step++
  return step
}

/** Files that transformers and its relatives put beside weights, and what some of them hold. */
const BESIDE: Readonly<Record<string, string>> = {
  'generation_config.json':
    '{"num_beams":2,"max_length":20,"eos_token_id":[1,2],"bos_token_id":0,"no_repeat_ngram_size":3,"forced_bos_token_id":0}',
  'tokenizer_config.json': '{"model_max_length":512,"do_lower_case":true,"tokenizer_class":"BertTokenizer"}',
  'modules.json':
    '[{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},{"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},{"idx":2,"name":"2","path":"2_Normalize","type":"sentence_transformers.models.Normalize"}]',
  '1_Pooling/config.json':
    '{"word_embedding_dimension":64,"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":true,"pooling_mode_max_tokens":false}',
  '2_Dense/config.json': '{"in_features":64,"out_features":32,"bias":true,"activation_function":"torch.nn.modules.activation.Tanh"}',
  'sentence_bert_config.json': '{"max_seq_length":128,"do_lower_case":false}',
  'preprocessor_config.json':
    '{"do_resize":true,"size":{"height":16,"width":16},"resample":3,"do_rescale":true,"rescale_factor":0.00392156862745098,"do_normalize":true,"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5],"do_center_crop":false,"crop_size":16,"image_processor_type":"BlipImageProcessor"}',
  'adapter_config.json': '{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["query","value"],"base_model_name_or_path":"org/m"}',
  'model.safetensors.index.json':
    '{"metadata":{"total_size":1},"weight_map":{"a":"model.safetensors","b":"model-00001-of-00002.safetensors"}}',
  'special_tokens_map.json': '{"cls_token":"[CLS]"}',
}

/** Those of a fixture that are read when it is inspected or converted. */
const isBeside = (file: string): boolean => file.endsWith('.json') && file !== 'config.json' && !isGolden(file)

export const besideCase: MakeCase = place => {
  const { random, bench, input } = place
  const withFiles = bench.fixtures.filter(({ files }) => files.some(isBeside))
  const fixture = random.pick(random.once(4) ? bench.fixtures : withFiles)
  linkFiles(fixture.folder, input, isGolden)
  const own = fixture.files.filter(isBeside)
  const names = own.length === 0 || random.once(4) ? Object.keys(BESIDE) : own
  const changed = Array.from({ length: 1 + random.int(2) }, () => random.pick(names))
  for (const name of changed) {
    const file = join(fixture.folder, name)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : (BESIDE[name] ?? '{}')
    putFile(join(input, name), mutateJson(text, random, Object.keys(JSON.parse(BESIDE[name] ?? '{}') as object)))
  }
  return { what: `${changed.join(', ')} of ${nameOf(fixture)}`, run: checkpointRun(place, fixture) }
}

/** The largest weights that are changed: a file of megabytes shows nothing that a small one does not. */
const MOST_BYTES = 600_000

const FORMATS: Readonly<
  Record<'safetensors' | 'torch', { readonly files: RegExp; readonly mutate: (bytes: Buffer, random: Random) => Buffer }>
> = {
  safetensors: { files: /^[^/]*\.safetensors$/, mutate: mutateSafetensors },
  torch: { files: /\.(?:bin|pt)$/, mutate: mutateTorch },
}

export const weightsCase = (format: keyof typeof FORMATS): MakeCase => {
  const { files, mutate } = FORMATS[format]
  return place => {
    const { random, bench, input } = place
    const weights = (fixture: Fixture): readonly string[] =>
      fixture.files.filter(file => files.test(file) && !isGolden(file) && statSync(join(fixture.folder, file)).size <= MOST_BYTES)
    const fixture = random.pick(bench.fixtures.filter(candidate => weights(candidate).length > 0))
    const name = random.pick(weights(fixture))
    const bytes = readFileSync(join(fixture.folder, name))
    linkFiles(fixture.folder, input, isGolden)
    putFile(join(input, name), mutate(bytes, random))
    return { what: `${name} of ${nameOf(fixture)}`, run: checkpointRun(place, fixture) }
  }
}
