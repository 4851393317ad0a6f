import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { convert } from '../src/convert/convert.ts'
import { validate } from '../src/validate/validate.ts'
import { bertPlugin, fixture, temporary } from './workspace.ts'

/** A convolution with padding over normalised pixels, in place of BERT. */
const camera = (): string =>
  bertPlugin(
    'camera',
    `export default {
      id: 'bert',
      tasks: { BertModel: 'feature-extraction' },
      options: core.imageOptions,
      load: ({ options }) => {
        const b = new core.Builder('main')
        const steps = [
          { resize: [8, 8], resampling: 'bicubic' },
          { rescale: 1 / 255 },
          { normalize: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } },
          { pad: [8, 8] },
        ]
        const x = b.input('pixel_values', 'fp32', [1, 3, 8, 8], core.image(steps, { picture: options['image-input'] }))
        const weight = core.computedConstant('fp32', [4, 3, 3, 3], 'weight', k => Math.sin(k))
        const y = b.conv({ x, weight: b.constant(weight), strides: [1, 1], pad_type: 'custom', pad: [1, 1, 1, 1], dilations: [1, 1] })
        const program = { name: 'model', functions: [b.finish({ y })] }
        return { modelType: 'bert', programs: [program], pipeline: { kind: 'encoder', steps: [core.callStep(program)] }, options }
      },
    }`,
  )

test('Core ML takes a picture, ONNX normalised pixels, and both are validated on the same ones', async () => {
  const [out, plugin] = [join(temporary(), 'out'), camera()]
  const common = { plugins: [plugin] }
  const { ok, manifest, comparisons } = await convert({ ...common, model: fixture('base'), out, options: { 'image-input': true } })
  expect(ok).toBe(true)
  expect(comparisons.map(({ line }) => line)).toEqual(['onnx', 'lowering', 'file', 'weights', 'arithmetic', 'total'])
  const [input] = manifest.programs[0]!.functions[0]!.inputs
  expect(input).toMatchObject({
    name: 'pixel_values',
    dtype: 'float32',
    role: 'image',
    exact: true,
    image: { color: 'rgb', picture: true },
  })
  expect(manifest.options).toMatchObject({ 'image-input': true })
  const readme = readFileSync(join(out, 'README.md'), 'utf8')
  const swift = readFileSync(join(out, 'BaseModel.swift'), 'utf8')
  expect(swift).toContain('func predict(pixelValues: CVPixelBuffer)')
  expect(swift).toContain('"pixel_values": MLFeatureValue(pixelBuffer: pixelValues),')
  expect(readme).toContain('an RGB picture in Core ML')
  expect(readme).toContain('exact only for pictures that fill the frame')
  expect(await validate({ ...common, folder: out, model: fixture('base') })).toMatchObject({ ok: true })
})

test('without the option both take normalised pixels', async () => {
  const out = join(temporary(), 'out')
  const { manifest } = await convert({ model: fixture('base'), out, plugins: [camera()], validate: false })
  expect(manifest.programs[0]!.functions[0]!.inputs[0]).toMatchObject({ dtype: 'float16', image: { color: 'rgb' } })
  expect(readFileSync(join(out, 'BaseModel.swift'), 'utf8')).toContain('func predict(pixelValues: [Float16])')
})
