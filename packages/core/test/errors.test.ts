import { describe, expect, it } from 'vitest'
import { defineErrors, errors, isSilaneError, nearest, SilaneError } from '../src/index.ts'

/** Facts for each code; a code without any does not compile. */
const examples: { readonly [C in keyof typeof errors]: () => SilaneError } = {
  E_JSON: () => errors.E_JSON({ file: 'config.json', problem: 'expected ":"', line: 3, column: 3, where: './model' }),
  E_JSON_LIMIT: () => errors.E_JSON_LIMIT({ file: 'config.json', what: 'deeper nesting', limit: 64, where: './model' }),
  E_TENSOR_MISSING: () =>
    errors.E_TENSOR_MISSING({ tensor: 'encoder.layer.0.query.weight', near: ['encoder.layer.0.key.weight'], where: './model' }),
  E_TENSOR_SHAPE: () => errors.E_TENSOR_SHAPE({ tensor: 'pooler.weight', expected: [768, 768], actual: [2, 768], where: './model' }),
  E_TENSOR_INTEGERS: () => errors.E_TENSOR_INTEGERS({ tensor: 'encoder.layer.0.output.dense.weight', dtype: 'int8', where: '/models/a' }),
  E_CONFIG: () => errors.E_CONFIG({ field: 'hidden_size', problem: 'expected number, received string', where: './model' }),
  E_OPTION: () => errors.E_OPTION({ option: '--seq', problem: "600 is more than the model's 512 positions" }),
  E_UNSUPPORTED: () => errors.E_UNSUPPORTED({ what: 'No activation is called "sine".' }),
  E_TYPE: () => errors.E_TYPE({ op: 'softmax (encoder)', problem: 'axis 3 is outside rank 3' }),
  E_GRAPH: () => errors.E_GRAPH({ graph: 'main', problem: 'it has no outputs', after: 'ane' }),
  E_RULE_LOOP: () => errors.E_RULE_LOOP({ rule: 'merge-reshapes', op: 'reshape' }),
}

describe('the catalogue', () => {
  it('is covered', () => expect(Object.keys(examples)).toEqual(Object.keys(errors)))
  it('says', () => {
    const texts = Object.entries(examples).map(([code, make]) => {
      const error = make()
      expect(error.code).toBe(code)
      return `${error.exitCode} ${code}: ${error.message}`
    })
    expect(texts.join('\n\n')).toMatchInlineSnapshot(`
      "2 E_JSON: config.json is not valid JSON: expected ":" in line 3, column 3.
      Looked in: ./model
      Download the file again; if it stays the same, it was published broken.

      2 E_JSON_LIMIT: config.json has deeper nesting than the 64 that are read of a JSON file.
      Looked in: ./model
      Download the file again; if it stays the same, it was published broken.

      2 E_TENSOR_MISSING: No tensor called "encoder.layer.0.query.weight" in the checkpoint. Closest names: encoder.layer.0.key.weight.
      Looked in: ./model
      Check that config.json belongs to these weights, or choose another --task.

      2 E_TENSOR_SHAPE: Tensor "pooler.weight" has the shape [2, 768]; the configuration asks for [768, 768].
      Looked in: ./model
      Check that config.json belongs to these weights.

      2 E_TENSOR_INTEGERS: Tensor "encoder.layer.0.output.dense.weight" is stored as int8; the model calculates with floats there.
      Looked in: /models/a
      Use the weights as they were published in floats; quantised ones need the quantization_config that says what their numbers mean.

      2 E_CONFIG: config.json: hidden_size: expected number, received string.
      Looked in: ./model
      Correct the file; it should be the one that was published with the weights.

      2 E_OPTION: Option --seq: 600 is more than the model's 512 positions.
      See \`silane plugins --json\` for the options of a plugin and \`silane convert --help\` for the general ones.

      2 E_UNSUPPORTED: No activation is called "sine".

      1 E_TYPE: softmax (encoder): axis 3 is outside rank 3.

      1 E_GRAPH: Graph "main" is broken after ane: it has no outputs.
      This is a fault in silane or in a plugin, not in your input.

      1 E_RULE_LOOP: Rule "merge-reshapes" keeps rewriting reshape: more than 64 replacements deep.
      A rule must not match what it made."
    `)
  })
  it('leaves out what there is nothing to say about', () => {
    expect(errors.E_TENSOR_MISSING({ tensor: 'w', near: [], where: './model' }).message).toMatchInlineSnapshot(`
      "No tensor called "w" in the checkpoint. Closest names: none.
      Looked in: ./model
      Check that config.json belongs to these weights, or choose another --task."
    `)
    expect(errors.E_GRAPH({ graph: 'main', problem: 'it has no outputs' }).what).toBe('Graph "main" is broken: it has no outputs.')
    expect(errors.E_OPTION({ option: '--seq', problem: 'no', next: 'Do this.' }).next).toBe('Do this.')
  })
})

describe('an error', () => {
  it('has its parts, a message of them all, and its cause', () => {
    const cause = new RangeError('inner')
    const error = errors.E_CONFIG({ field: 'f', problem: 'p', where: 'w' }, { cause })
    expect(error).toMatchObject({ name: 'SilaneError', code: 'E_CONFIG', what: 'config.json: f: p.', where: 'w', exitCode: 2, cause })
    expect(error.message).toBe(`${error.what}\nLooked in: w\n${error.next}`)
  })
  it('is told by its fields, since two copies of this package may meet', () => {
    const foreign = Object.assign(new Error('x'), { name: 'SilaneError', code: 'E_X', what: 'x' })
    expect(foreign).not.toBeInstanceOf(SilaneError)
    expect(isSilaneError(foreign)).toBe(true)
    for (const other of [new Error('x'), { name: 'SilaneError', code: 'E_X', what: 'x' }, undefined, 'E_X']) {
      expect(isSilaneError(other)).toBe(false)
    }
  })
  it('of another package is made in the same way', () => {
    const own = defineErrors({ E_OWN: (f: { n: number }) => ({ what: `${f.n} of them.`, exitCode: 3 }) })
    expect(own.E_OWN({ n: 2 })).toMatchObject({ code: 'E_OWN', message: '2 of them.', exitCode: 3 })
  })
})

describe('the nearest names', () => {
  const names = ['encoder.layer.0.query.weight', 'encoder.layer.1.query.weight', 'decoder.query', 'pooler.weight']
  it('come first, equal ones by the alphabet', () => {
    expect(nearest('encoder.layer.0.query.weigt', names, 2)).toEqual(names.slice(0, 2))
    expect(nearest('b', ['c', 'a'])).toEqual(['a', 'c'])
    expect(nearest('pooler.wight', names, 1)).toEqual(['pooler.weight'])
  })
  it('of none are none', () => expect(nearest('x', [])).toEqual([]))
})
