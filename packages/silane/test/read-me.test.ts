import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { fixture, temporary } from './workspace.ts'

const decoder = fileURLToPath(new URL('../../../plugins/gpt2/fixtures/text-generation', import.meta.url))
const page = async (model: string, options: Partial<Parameters<typeof convert>[0]> = {}) => {
  const { out } = await convert({ model, out: join(temporary(), 'out'), validate: false, ...options })
  return (file: string) => readFileSync(join(out, file), 'utf8')
}

test('README.md says what the program takes and gives, and how the Swift beside it is used', async () => {
  const read = await page(fixture('base'), { seq: [24, 16] })
  // Versions change with every release.
  expect(read('README.md').replaceAll(/\d+\.\d+\.\d+/g, '…')).toMatchInlineSnapshot(`
    "# base

    BertModel (bert), task feature-extraction, converted by silane … with @silane/plugin-bert ….

    Every name, shape and option stands in \`silane.json\`, the numeric checks and a static analysis in \`report.html\`.

    ## model, function \`main_24\`

    \`model.mlpackage\`, \`onnx/model_main_24.onnx\`

    | | name | type | shape | |
    |---|---|---|---|---|
    | in | \`input_ids\` | int32 | [1, 24] | ids: below 256 |
    | in | \`attention_mask\` | int32 | [1, 24] | mask |
    | in | \`token_type_ids\` | int32 | [1, 24] | segments: below 2 |
    | out | \`last_hidden_state\` | float16 | [1, 24, 48] | rows where \`attention_mask\` is 1 |
    | out | \`pooler_output\` | float16 | [1, 48] |  |

    ## model, function \`main_16\`

    \`model.mlpackage\`, \`onnx/model_main_16.onnx\`

    | | name | type | shape | |
    |---|---|---|---|---|
    | in | \`input_ids\` | int32 | [1, 16] | ids: below 256 |
    | in | \`attention_mask\` | int32 | [1, 16] | mask |
    | in | \`token_type_ids\` | int32 | [1, 16] | segments: below 2 |
    | out | \`last_hidden_state\` | float16 | [1, 16, 48] | rows where \`attention_mask\` is 1 |
    | out | \`pooler_output\` | float16 | [1, 48] |  |

    ## From Swift

    \`BaseModel.swift\` is all that an app needs around the packages: add it and them to an Xcode target, which compiles packages into the bundle. Text goes in and out where the app has the package swift-transformers (\`Tokenizers\`); without it, ids do.

    \`\`\`swift
    let textReader = try BaseModel.TextReader()
    let tokenizer = try await BaseModel.TextReader.tokenizer(in: folder)
    let found = try textReader.read("A text that it reads", by: tokenizer)
    \`\`\`

    ## ONNX

    The files in \`onnx/\` have the same names and shapes. **Shapes are fixed**: pad what is shorter, and convert again with other lengths (\`--seq\`, \`--context\`) for what is longer. Ids and masks are int64 there, other tensors float32, and a state is an input and an output \`…_out\`. Keep a \`.onnx_data\` file beside its \`.onnx\` files.
    "
  `)
})

test('README.md and Swift of a decoder with a state', async () => {
  const read = await page(decoder, { kv: 'state', context: 32, prefill: 8 })
  expect(read('README.md')).toContain('| state | `kv_cache` | float16 |')
  const swift = read('TextGenerationModel.swift')
  expect(swift).toContain('model = try loadModel("decoder", function: "prefill")')
  expect(swift).toContain('model = try loadModel("decoder", function: "step")')
  expect(swift).toContain('var memory = Memory(state: decoderPrefill.model.makeState())')
  expect(swift).toContain('model.prediction(from: inputs, using: state)')
})

test('report.html holds the figures and no markup of strangers', async () => {
  const html = (await page(fixture('base'), { seq: [24] }))('report.html')
  expect(html).toContain('<h1>base</h1>')
  expect(html).toContain('encoder.<wbr>layer.<wbr>1')
  expect(html).not.toMatch(/<script|https?:/)
})

test('README.md says what stands in the places of a picture', async () => {
  const model = (name: string) => fileURLToPath(new URL(`../../../plugins/blip2/fixtures/${name}`, import.meta.url))
  const standIn =
    'Where an id is 139, put the next row of `language_model_inputs` in the place of the vector that the embedding gives for it.'
  const opt = (await page(model('opt'), { context: 32, prefill: 8 }))('README.md')
  expect(opt).toContain(`It reads the vectors that \`embed_tokens\` gives for ids. ${standIn}`)
  expect((await page(model('flan-t5'), { seq: [24], context: 32, prefill: 8 }))('README.md')).toContain(standIn)
})
