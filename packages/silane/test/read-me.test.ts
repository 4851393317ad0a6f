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

test('README.md says how to call the program from Swift', async () => {
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

    Add the packages to an Xcode target, which compiles them into the bundle, or compile one at run time with \`MLModel.compileModel(at:)\`.

    \`\`\`swift
    import CoreML

    enum ProgramError: Error {
      /// A package is not in the app's bundle, or an output not in its program.
      case missing(String)
    }

    /// A package, which Xcode has compiled into the app.
    func loadModel(_ name: String, function: String? = nil) throws -> MLModel {
      guard let url = Bundle.main.url(forResource: name, withExtension: "mlmodelc") else { throw ProgramError.missing(name) }
      let configuration = MLModelConfiguration()
      configuration.computeUnits = .cpuAndNeuralEngine
      if let function { configuration.functionName = function }
      return try MLModel(contentsOf: url, configuration: configuration)
    }

    extension MLFeatureProvider {
      /// The tensor that an output is.
      func tensor(_ name: String) throws -> MLMultiArray {
        guard let array = featureValue(for: name)?.multiArrayValue else { throw ProgramError.missing(name) }
        return array
      }
    }

    struct ModelMain24Program {
      let model: MLModel

      init() throws {
        model = try loadModel("model", function: "main_24")
      }

      /// \`inputIds\`: [1, 24], row by row
      /// \`attentionMask\`: [1, 24], row by row
      /// \`tokenTypeIds\`: [1, 24], row by row
      /// Gives \`lastHiddenState\` [1, 24, 48], \`poolerOutput\` [1, 48]
      func predict(
        inputIds: [Int32], attentionMask: [Int32], tokenTypeIds: [Int32]
      ) throws -> (lastHiddenState: MLShapedArray<Float16>, poolerOutput: MLShapedArray<Float16>) {
        let inputs = try MLDictionaryFeatureProvider(dictionary: [
          "input_ids": MLMultiArray(MLShapedArray<Int32>(scalars: inputIds, shape: [1, 24])),
          "attention_mask": MLMultiArray(MLShapedArray<Int32>(scalars: attentionMask, shape: [1, 24])),
          "token_type_ids": MLMultiArray(MLShapedArray<Int32>(scalars: tokenTypeIds, shape: [1, 24])),
        ])
        let outputs = try model.prediction(from: inputs)
        return try (
          lastHiddenState: MLShapedArray<Float16>(outputs.tensor("last_hidden_state")),
          poolerOutput: MLShapedArray<Float16>(outputs.tensor("pooler_output"))
        )
      }
    }

    struct ModelMain16Program {
      let model: MLModel

      init() throws {
        model = try loadModel("model", function: "main_16")
      }

      /// \`inputIds\`: [1, 16], row by row
      /// \`attentionMask\`: [1, 16], row by row
      /// \`tokenTypeIds\`: [1, 16], row by row
      /// Gives \`lastHiddenState\` [1, 16, 48], \`poolerOutput\` [1, 48]
      func predict(
        inputIds: [Int32], attentionMask: [Int32], tokenTypeIds: [Int32]
      ) throws -> (lastHiddenState: MLShapedArray<Float16>, poolerOutput: MLShapedArray<Float16>) {
        let inputs = try MLDictionaryFeatureProvider(dictionary: [
          "input_ids": MLMultiArray(MLShapedArray<Int32>(scalars: inputIds, shape: [1, 16])),
          "attention_mask": MLMultiArray(MLShapedArray<Int32>(scalars: attentionMask, shape: [1, 16])),
          "token_type_ids": MLMultiArray(MLShapedArray<Int32>(scalars: tokenTypeIds, shape: [1, 16])),
        ])
        let outputs = try model.prediction(from: inputs)
        return try (
          lastHiddenState: MLShapedArray<Float16>(outputs.tensor("last_hidden_state")),
          poolerOutput: MLShapedArray<Float16>(outputs.tensor("pooler_output"))
        )
      }
    }
    \`\`\`

    ## ONNX

    The files in \`onnx/\` have the same names and shapes. **Shapes are fixed**: pad what is shorter, and convert again with other lengths (\`--seq\`, \`--context\`) for what is longer. Ids and masks are int64 there, other tensors float32, and a state is an input and an output \`…_out\`. Keep a \`.onnx_data\` file beside its \`.onnx\` files.
    "
  `)
})

test('README.md of a decoder with a state', async () => {
  const swift = (await page(decoder, { kv: 'state', context: 32, prefill: 8 }))('README.md')
  expect(swift).toContain('| state | `kv_cache` | float16 |')
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
