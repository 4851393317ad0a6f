import { create } from '@bufbuild/protobuf'
import { Builder, computedConstant, type DType, type Graph } from '@silane/core'
import { describe, expect, test } from 'vitest'
import { Argument_BindingSchema, type Operation, type Value } from '../src/gen/mil_pb.ts'
import type { Model } from '../src/gen/model_pb.ts'
import { checkPackage, diskError, readPackage } from '../src/index.ts'
import { elements, immediateValue, milType } from '../src/literal.ts'
import { changeModel, normalized, operationsOf, write } from './package-files.ts'

const find = (model: Model, type: string): Operation => operationsOf(model).find(operation => operation.type === type)!

const numbers = (dtype: DType, values: readonly number[], shape: readonly number[] = [values.length]): Value =>
  immediateValue({ dtype, shape }, elements(dtype, values))

/** Parameters spelled out where they are used; without a value, the parameter is left out. */
function spell(operation: Operation, parameters: Readonly<Record<string, Value | undefined>>): void {
  for (const [key, value] of Object.entries(parameters)) {
    operation.inputs = operation.inputs.filter(input => input.key !== key)
    if (!value) continue
    const binding = create(Argument_BindingSchema, { binding: { case: 'value', value } })
    operation.inputs.push({
      $typeName: 'silane.coreml.ArgumentEntry',
      key,
      value: { $typeName: 'silane.coreml.Argument', arguments: [binding] },
    })
  }
}

const graph = (make: (b: Builder) => Record<string, ReturnType<Builder['constant']>>): Graph => {
  const b = new Builder('main')
  return b.finish(make(b))
}
const x = (b: Builder, shape: readonly number[] = [2, 3, 4]) => b.input('x', 'fp16', shape)
const image = (b: Builder) => x(b, [1, 4, 6, 6])
const pool = { kernel_sizes: [2, 2], strides: [1, 1], pad: [0, 0, 0, 0] }
const table = (b: Builder, shape: readonly number[]) => b.constant(computedConstant('fp16', shape, 'table', index => index / 64))
const int = (value: number) => numbers('int32', [value], [])
const ints = (...values: number[]) => numbers('int32', values)

// What a graph is in the core's one spelling, and what other writers may have put there instead.
const cases: Record<string, [Graph, (model: Model) => void]> = {
  'a reshape with a dimension left open': [
    graph(b => ({ y: b.reshape({ x: x(b), shape: [6, 4] }) })),
    model => spell(find(model, 'reshape'), { shape: ints(-1, 4) }),
  ],
  'a reshape that keeps a dimension': [
    graph(b => ({ y: b.reshape({ x: x(b, [2, 6]), shape: [2, 6, 1].slice(0, 2) }) })),
    model => spell(find(model, 'reshape'), { shape: ints(0, -1) }),
  ],
  flatten2d: [
    graph(b => ({ y: b.reshape({ x: x(b), shape: [2, 12] }) })),
    model => {
      find(model, 'reshape').type = 'flatten2d'
      spell(find(model, 'flatten2d'), { shape: undefined })
    },
  ],
  'a split by number': [
    graph(b => ({ y: b.split({ x: x(b), axis: 2, split_sizes: [2, 2] })[1]! })),
    model => spell(find(model, 'split'), { split_sizes: undefined, num_splits: int(2) }),
  ],
  slice_by_size: [
    graph(b => ({ y: b.slice_by_index({ x: x(b), begin: [0, 1, 2], end: [2, 2, 4] }) })),
    model => {
      find(model, 'slice_by_index').type = 'slice_by_size'
      spell(find(model, 'slice_by_size'), { begin: ints(0, -2, 2), end: undefined, size: ints(-1, 1, 2) })
    },
  ],
  'a squeeze of all that is 1': [
    graph(b => ({ y: b.squeeze({ x: x(b, [1, 3, 1]), axes: [0, 2] }) })),
    model => spell(find(model, 'squeeze'), { axes: undefined }),
  ],
  'a reduction over everything': [
    graph(b => ({ y: b.reduce_max({ x: x(b), axes: [0, 1, 2], keep_dims: true }) })),
    model => spell(find(model, 'reduce_max'), { axes: undefined }),
  ],
  'a transpose with axes from the end': [
    graph(b => ({ y: b.transpose({ x: x(b), perm: [2, 0, 1] }) })),
    model => spell(find(model, 'transpose'), { perm: ints(-1, 0, -2) }),
  ],
  'a convolution without its defaults': [
    graph(b => ({ y: b.conv({ x: image(b), weight: table(b, [2, 4, 3, 3]), strides: [1, 1], pad: [0, 0, 0, 0], dilations: [1, 1] }) })),
    model =>
      spell(find(model, 'conv'), { strides: undefined, pad: undefined, dilations: undefined, groups: undefined, pad_type: undefined }),
  ],
  'pooling without its defaults': [
    graph(b => ({ y: b.max_pool({ x: image(b), ...pool }) })),
    model => spell(find(model, 'max_pool'), { strides: undefined, pad: undefined, ceil_mode: undefined }),
  ],
  'an epsilon of Core ML': [
    graph(b => ({ y: b.rsqrt({ x: b.input('x', 'fp32', [2]), epsilon: 1e-12 }) })),
    model => spell(find(model, 'rsqrt'), { epsilon: undefined }),
  ],
  'topk in any order': [
    graph(b => ({ y: b.topk({ x: x(b), k: 2 })[0]! })),
    model => spell(find(model, 'topk'), { sort: numbers('bool', [0], []), output_indices_dtype: undefined }),
  ],
  'narrow parameters': [
    graph(b => ({ y: b.slice_by_index({ x: x(b), begin: [0, 1, 2], end: [2, 2, 4] }) })),
    model => spell(find(model, 'slice_by_index'), { begin: numbers('int16', [0, 1, 2]), end: numbers('int8', [2, 2, 4]) }),
  ],
  'an upsampling factor given as a float': [
    graph(b => ({ y: b.upsample_nearest_neighbor({ x: image(b), scale_factor_height: 2, scale_factor_width: 1 }) })),
    model =>
      spell(find(model, 'upsample_nearest_neighbor'), { scale_factor_height: numbers('fp32', [2], []), scale_factor_width: undefined }),
  ],
}

describe('other spellings are read as the core spells them:', () => {
  test.each(Object.entries(cases))('%s', async (_, [source, change]) => {
    const path = await write({ name: 'model', functions: [source] })
    const canonical = normalized(await readPackage(path))
    changeModel(path, change)
    expect(await checkPackage(path)).toEqual([])
    expect(normalized(await readPackage(path))).toBe(canonical)
  })
})

/** The text that a changed package is read as. */
async function readAfter(source: Graph, change: (model: Model) => void): Promise<string> {
  const path = await write({ name: 'model', functions: [source] })
  changeModel(path, change)
  expect(await checkPackage(path)).toEqual([])
  return normalized(await readPackage(path))
}

test('a split into one piece is the value itself', async () => {
  const source = graph(b => ({ y: b.relu({ x: x(b) }) }))
  const change = (model: Model) => {
    find(model, 'relu').type = 'split'
    spell(find(model, 'split'), { axis: int(0), num_splits: int(1) })
  }
  expect(await readAfter(source, change)).toMatchInlineSnapshot(`
    "program model
    graph main(%x: fp16[2, 3, 4])
      %y = identity(x=%x) : fp16[2, 3, 4]
      return y=%y"
  `)
})

test('values spelled out where they are used become constants, from the weight file too', async () => {
  const source = graph(b => ({ y: b.mul({ x: b.add({ x: x(b), y: table(b, [3, 4]) }), y: table(b, [4]) }) }))
  const change = (model: Model) => {
    for (const kind of ['add', 'mul']) {
      const bound = find(model, kind).inputs.find(input => input.key === 'y')!.value!.arguments[0]!.binding.value
      const constant = operationsOf(model).find(({ outputs }) => outputs[0]!.name === bound)!
      spell(find(model, kind), { y: constant.attributes.find(({ key }) => key === 'val')!.value! })
      operationsOf(model).splice(operationsOf(model).indexOf(constant), 1)
    }
  }
  expect(await readAfter(source, change)).toMatchInlineSnapshot(`
    "program model
    graph main(%x: fp16[2, 3, 4])
      %add_y = const(val=<…>) : fp16[3, 4]
      %add = add(x=%x, y=%add_y) : fp16[2, 3, 4]
      %y_y = const(val=<…>) : fp16[4]
      %y = mul(x=%add, y=%y_y) : fp16[2, 3, 4]
      return y=%y"
  `)
})

test('what is computed from fixed shapes becomes constants', async () => {
  const source = graph(b => ({
    a: b.relu({ x: x(b) }),
    b: b.exp({ x: b.input('z', 'fp32', [3]) }),
    c: b.abs({ x: b.input('i', 'int32', [3]) }),
    d: b.sin({ x: x2(b) }),
  }))
  const change = (model: Model) => {
    const turn = (from: string, to: string, parameters: Readonly<Record<string, Value | undefined>>) => {
      const operation = find(model, from)
      operation.type = to
      spell(operation, parameters)
    }
    turn('relu', 'fill', { x: undefined, shape: ints(2, 3, 4), value: numbers('fp16', [0.5], []) })
    turn('exp', 'range_1d', {
      x: undefined,
      start: numbers('fp32', [1], []),
      end: numbers('fp32', [6], []),
      step: numbers('fp32', [2], []),
    })
    turn('abs', 'shape', { x: numbers('fp16', [1, 2, 3, 4, 5, 6], [1, 2, 3]) })
    turn('sin', 'fill_like', { x: undefined, ref_tensor: numbers('fp32', [1, 2], [2]), value: numbers('fp32', [7], []) })
  }
  const path = await write({ name: 'model', functions: [source] })
  changeModel(path, change)
  const read = await readPackage(path)
  const constants = read.functions[0]!.outputs.map(({ value }) => value.producer!.attributes.val)
  expect(
    constants.map(constant => typeof constant === 'object' && 'read' in constant && [...(constant.read(0, 2) as Float32Array)]),
  ).toEqual([
    [0.5, 0.5],
    [1, 3],
    [1, 2],
    [7, 7],
  ])
})

const x2 = (b: Builder) => b.input('w', 'fp32', [2])

test('the masks of a slice_update become its bounds', async () => {
  const source = graph(b => {
    const bound = (values: number[]) => b.constant(computedConstant('int32', [3], values.join(), index => values[index]!))
    return { y: b.slice_update({ x: x(b), update: b.input('u', 'fp16', [2, 1, 4]), begin: bound([9, 1, 9]), end: bound([9, 2, 9]) }) }
  })
  const mask = numbers('bool', [1, 0, 1])
  const path = await write({ name: 'model', functions: [source] })
  changeModel(path, model => spell(find(model, 'slice_update'), { begin_mask: mask, end_mask: mask, stride: ints(1, 1, 1) }))
  const { operands } = (await readPackage(path)).functions[0]!.ops.find(op => op.kind === 'slice_update')!
  const values = [operands.begin, operands.end].map(value => value && 'producer' in value && value.producer?.attributes.val)
  expect(values.map(constant => typeof constant === 'object' && 'read' in constant && [...(constant.read(0, 3) as Int32Array)])).toEqual([
    [0, 1, 0],
    [2, 2, 4],
  ])
})

test('begin and end of a slice_update with masks are as short as the shapes that there are', async () => {
  const source = graph(b => {
    const bound = b.constant(computedConstant('int32', [3], 'bound', () => 0))
    return { y: b.slice_update({ x: x(b), update: b.input('u', 'fp16', [2, 1, 4]), begin: bound, end: bound }) }
  })
  const path = await write({ name: 'model', functions: [source] })
  const mask = numbers('bool', [1, 0, 1])
  changeModel(path, model => {
    spell(find(model, 'slice_update'), { begin_mask: mask, begin: numbers('int32', Array<number>(5000).fill(0)) })
  })
  await expect(readPackage(path)).rejects.toThrow('a parameter of 5000 elements')
})

test('a result whose declared type is another is refused', async () => {
  const path = await write({ name: 'model', functions: [graph(b => ({ y: b.relu({ x: x(b) }) }))] })
  changeModel(path, model => {
    find(model, 'relu').outputs[0]!.type = milType({ dtype: 'fp16', shape: [2, 3, 5] })
  })
  expect((await checkPackage(path)).map(finding => finding.code)).toContain('E_TYPES')
})

test('a full disk is told as such', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' })
  expect(diskError(full, 'x.mlpackage')).toMatchObject({ code: 'E_DISK_FULL', cause: full })
  const other = new RangeError('other')
  expect(diskError(other, 'x.mlpackage')).toBe(other)
})
