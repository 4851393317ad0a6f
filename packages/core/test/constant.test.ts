import { describe, expect, it } from 'vitest'
import { layerNormConstant, linearConstant } from '../src/constant-rows.ts'
import {
  allocate,
  arrayConstant,
  type Constant,
  castArray,
  castConstant,
  chunks,
  combineConstants,
  computedConstant,
  concatConstants,
  type DType,
  denseConstant,
  gatherConstant,
  lookupConstant,
  mapConstant,
  readAll,
  reshapeConstant,
  scalarConstant,
  scaleConstant,
  sizeOf,
  sliceConstant,
  transposeConstant,
} from '../src/index.ts'
import { seeded } from './random.ts'

/** Whole numbers that every element type holds, bf16 and int8 too. */
function base(shape: readonly number[], dtype: DType = 'fp32', seed = 1): Constant {
  const next = seeded(seed)
  const numbers = Float64Array.from({ length: sizeOf(shape) }, () => Math.floor(next() * 100))
  return denseConstant(dtype, shape, castArray(numbers, 'fp64', dtype))
}

const numbers = (constant: Constant): number[] => Array.from(castArray(readAll(constant), constant.dtype, 'fp64') as Float64Array)

/** Every element with its index. */
const indices = (shape: readonly number[]): number[][] =>
  Array.from({ length: sizeOf(shape) }, (_, flat) => shape.map((dim, axis) => Math.floor(flat / sizeOf(shape.slice(axis + 1))) % dim))

const flatOf = (shape: readonly number[], index: readonly number[]): number =>
  index.reduce((flat, i, axis) => flat * (shape[axis] as number) + i, 0)

/** Reads a view in pieces of odd sizes, at once and backwards: every way must give the expected elements. */
function expectElements(view: Constant, expected: readonly number[]): void {
  const size = sizeOf(view.shape)
  expect(expected.length).toBe(size)
  expect(numbers(view)).toEqual(expected)
  for (const piece of [1, 3, 7, 10, size - 1].filter(n => n > 0)) {
    const read: number[] = []
    for (const part of chunks(view, piece)) read.push(...(castArray(part, view.dtype, 'fp64') as Float64Array))
    expect(read, `in pieces of ${piece}`).toEqual(expected)
  }
  for (let start = size; start-- > 0; ) {
    const count = Math.min(5, size - start)
    const room = allocate(view.dtype, 8)
    for (const into of [undefined, room]) {
      const part = Array.from(castArray(view.read(start, count, into), view.dtype, 'fp64') as Float64Array)
      expect(part, `${count} from ${start}`).toEqual(expected.slice(start, start + count))
    }
  }
}

/** Random shapes of rank 1 to 4, the same on every run. */
const shapes = (() => {
  const next = seeded(42)
  return Array.from({ length: 24 }, () => Array.from({ length: 1 + Math.floor(next() * 4) }, () => 1 + Math.floor(next() * 5)))
})()

describe('a constant', () => {
  it('gives its elements', () => expectElements(base([3, 5]), numbers(base([3, 5]))))

  it('must have as many as its shape says', () =>
    expect(() => denseConstant('fp32', [2, 3], new Float32Array(5))).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: 5 elements for the shape [2,3]]`,
    ))

  it('of rank 0 holds one number of any type', () => {
    for (const dtype of ['fp64', 'fp32', 'fp16', 'bf16', 'int64', 'int32', 'int16', 'int8', 'uint32', 'uint16', 'uint8'] as const) {
      expectElements(scalarConstant(dtype, 3), [3])
    }
    expectElements(scalarConstant('bool', 7), [1])
    expect(scalarConstant('fp32', 0).id).not.toBe(scalarConstant('fp32', -0).id)
  })

  it('computes from its index', () =>
    expectElements(
      computedConstant('int32', [2, 4], 'squares', i => i * i),
      [0, 1, 4, 9, 16, 25, 36, 49],
    ))

  it('as an input of a run is the array itself', () => {
    const data = Float32Array.of(1, 2, 3)
    expect(readAll(arrayConstant('fp32', [3], data))).toBe(data)
    expectElements(arrayConstant('fp32', [3], data), [1, 2, 3])
  })
})

describe('reshape', () => {
  it('stands where its base does when only the shape is another, and nowhere when it computes', () => {
    const at = { file: 'weights', offset: 64 }
    const x: Constant = { ...base([4, 6], 'fp16'), at }
    expect(reshapeConstant(x, [24]).at).toBe(at)
    expect(transposeConstant(reshapeConstant(x, [1, 4, 6]), [1, 0, 2]).at).toBe(at)
    const wide = castConstant(x, 'fp32')
    expect(castConstant(reshapeConstant(wide, [24]), 'fp16').at).toBe(at)
    for (const view of [
      wide,
      scaleConstant(x, 2),
      transposeConstant(x, [1, 0]),
      sliceConstant(x, 0, 1, 2),
      concatConstants([x, x], 0),
      gatherConstant(x, [1]),
      combineConstants('add', x, x, (a, b) => a + b),
    ])
      expect(view.at, view.id).toBeUndefined()
  })
  it('keeps elements and id', () => {
    const x = base([4, 6])
    const view = reshapeConstant(x, [2, 2, 6, 1])
    expectElements(view, numbers(x))
    expect(view.id).toBe(x.id)
  })
  it('keeps the size', () =>
    expect(() => reshapeConstant(base([4, 6]), [5, 5])).toThrowErrorMatchingInlineSnapshot(`[RangeError: [4,6] cannot be [5,5]]`))
})

describe('cast', () => {
  const types: readonly DType[] = ['fp64', 'fp32', 'fp16', 'bf16', 'int64', 'int32', 'int16', 'int8', 'uint8']
  it.each(types)('from %s to every other type', from => {
    const x = base([3, 3], from)
    for (const to of types) expectElements(castConstant(x, to), numbers(x))
  })
  it('to its own type is the constant', () => {
    const x = base([2])
    expect(castConstant(x, 'fp32')).toBe(x)
  })
  it('to bool tells zero from the rest, to integers cuts', () => {
    const x = denseConstant('fp32', [4], Float32Array.of(0, -0, 0.5, -2.7))
    expectElements(castConstant(x, 'bool'), [0, 0, 1, 1])
    expectElements(castConstant(x, 'int32'), [0, 0, 0, -2])
    expectElements(castConstant(x, 'int64'), [0, 0, 0, -2])
  })
  it('rounds to bf16 and fp16 to the nearest, ties to even', () => {
    const x = denseConstant('fp32', [4], Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, Number.NaN))
    expectElements(
      castConstant(x, 'bf16'),
      [1, 1 + 2 ** -6, 2 ** 128 - 2 ** 120, Number.NaN].map((v, i) => (i === 2 ? numbers(castConstant(x, 'bf16'))[2]! : v)),
    )
    const y = denseConstant('fp32', [3], Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 70000))
    expectElements(castConstant(y, 'fp16'), [1, 1 + 2 ** -9, Number.POSITIVE_INFINITY])
  })
  it.each(['fp16', 'bf16'] as const)('of a widened %s gives the stored constant again', stored => {
    const x = base([2, 6], stored)
    const wide = castConstant(x, 'fp32')
    expect(wide.widened).toBe(x)
    expect(castConstant(wide, stored).id).toBe(x.id)
    const reshaped = castConstant(reshapeConstant(wide, [3, 4]), stored)
    expect(reshaped.id).toBe(x.id)
    expect(reshaped.shape).toEqual([3, 4])
    expectElements(reshaped, numbers(x))
    expect(castConstant(wide, stored === 'fp16' ? 'bf16' : 'fp16').id).not.toBe(x.id)
  })
  it('of a changed widened constant converts the change', () => {
    const wide = castConstant(base([4], 'fp16'), 'fp32')
    expectElements(
      castConstant(scaleConstant(wide, 2), 'fp16'),
      numbers(wide).map(v => 2 * v),
    )
    expectElements(castConstant(sliceConstant(wide, 0, 1, 3), 'fp16'), numbers(wide).slice(1, 3))
  })
})

describe('scale and map', () => {
  it.each(['fp32', 'fp16', 'bf16', 'int32'] as const)('of %s', dtype => {
    const x = base([5, 3], dtype)
    expectElements(
      scaleConstant(x, 2),
      numbers(x).map(v => castOne(2 * v, dtype)),
    )
    expectElements(
      mapConstant(x, 'plus index', (v, i) => v + i),
      numbers(x).map((v, i) => castOne(v + i, dtype)),
    )
  })
  it('by one is the constant', () => {
    const x = base([2])
    expect(scaleConstant(x, 1)).toBe(x)
  })
})

const castOne = (value: number, dtype: DType): number => numbers(scalarConstant(dtype, value))[0]!

describe('combine', () => {
  it.each([
    [
      [4, 3],
      [4, 3],
    ],
    [[4, 3], [3]],
    [
      [4, 3],
      [4, 1],
    ],
    [[4, 3], []],
    [
      [2, 4, 3],
      [2, 1, 3],
    ],
    [
      [2, 4, 3],
      [4, 1],
    ],
    [
      [1, 5],
      [1, 1],
    ],
  ])('%j with %j', (full, part) => {
    const a = base(full, 'fp32', 1)
    const b = base(part, 'fp32', 2)
    const small = numbers(b)
    const expected = indices(full).map((index, flat) => {
      const own = part.map((dim, axis) => (dim === 1 ? 0 : index[axis + full.length - part.length]!))
      return numbers(a)[flat]! - small[flatOf(part, own)]!
    })
    expectElements(
      combineConstants('sub', a, b, (x, y) => x - y),
      expected,
    )
  })
  it('keeps the type of the first', () => {
    const view = combineConstants('mul', base([3], 'bf16'), base([3], 'fp32', 2), (x, y) => x * y)
    expect(view.dtype).toBe('bf16')
    expect(numbers(view)).toEqual(numbers(base([3])).map((v, i) => castOne(v * numbers(base([3], 'fp32', 2))[i]!, 'bf16')))
  })
})

describe('slice', () => {
  it.each(shapes.map(shape => [shape]))('of %j along every axis', shape => {
    const x = base(shape)
    for (const [axis, dim] of shape.entries()) {
      for (const [begin, end] of [
        [0, dim],
        [0, 1],
        [dim - 1, dim],
        [Math.floor(dim / 3), Math.floor(dim / 3) + 1 + Math.floor(dim / 2)],
      ] as const) {
        if (end > dim) continue
        const expected = indices(shape).flatMap((index, flat) => (index[axis]! >= begin && index[axis]! < end ? [numbers(x)[flat]!] : []))
        expectElements(sliceConstant(x, axis, begin, end), expected)
      }
    }
  })
  it('of rows longer than one read', () => {
    const x = computedConstant('fp32', [3, 70_000], 'long', i => i % 1000)
    const view = sliceConstant(x, 1, 1, 69_999)
    expect(view.read(69_997, 3)).toEqual(Float32Array.of(998, 1, 2).map((_, i) => [69_998 % 1000, 70_001 % 1000, 70_002 % 1000][i]!))
    expect(numbers(view).length).toBe(3 * 69_998)
  })
  it('of everything is the constant', () => {
    const x = base([2, 3])
    expect(sliceConstant(x, 1, 0, 3)).toBe(x)
  })
})

describe('transpose', () => {
  it.each(shapes.map(shape => [shape]))('of %j in a random order', shape => {
    const next = seeded(sizeOf(shape))
    const perm = shape.map((_, axis) => axis)
    for (let i = perm.length - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1))
      ;[perm[i], perm[j]] = [perm[j]!, perm[i]!]
    }
    const x = base(shape)
    const turned = perm.map(axis => shape[axis]!)
    const expected = indices(turned).map(index => {
      const from = shape.map((_, axis) => index[perm.indexOf(axis)]!)
      return numbers(x)[flatOf(shape, from)]!
    })
    expectElements(transposeConstant(x, perm), expected)
  })
  it('that moves only axes of size 1 keeps the id', () => {
    const x = base([1, 4, 3])
    expect(transposeConstant(x, [1, 0, 2])).toMatchObject({ id: x.id, shape: [4, 1, 3] })
  })
  it('of other types', () => {
    for (const dtype of ['int64', 'bf16', 'fp16', 'uint8'] as const) {
      expectElements(
        transposeConstant(reshapeConstant(base([6], dtype), [2, 3]), [1, 0]),
        [0, 3, 1, 4, 2, 5].map(i => numbers(base([6], dtype))[i]!),
      )
    }
  })
})

describe('concat', () => {
  it.each(shapes.map(shape => [shape]))('of pieces of %j along every axis', shape => {
    for (const [axis, dim] of shape.entries()) {
      const x = base(shape)
      const cuts = [0, Math.floor(dim / 3), Math.floor((2 * dim) / 3), dim].filter((cut, i, all) => i === 0 || cut > all[i - 1]!)
      const pieces = cuts.slice(1).map((end, i) => sliceConstant(x, axis, cuts[i]!, end))
      expectElements(concatConstants(pieces, axis), numbers(x))
    }
  })
  it('of one is that one, of none an error', () => {
    const x = base([2])
    expect(concatConstants([x], 0)).toBe(x)
    expect(() => concatConstants([], 0)).toThrowErrorMatchingInlineSnapshot(`[RangeError: nothing to concatenate]`)
  })
})

describe('gather and lookup', () => {
  it('gives rows in any order, again and again', () => {
    const x = base([4, 2, 3])
    const rows = [3, 0, 0, 2, 3]
    expectElements(
      gatherConstant(x, rows),
      rows.flatMap(row => numbers(x).slice(row * 6, row * 6 + 6)),
    )
  })
  it('of single elements', () =>
    expectElements(
      gatherConstant(base([5]), [4, 1]),
      [4, 1].map(i => numbers(base([5]))[i]!),
    ))
  it('picks elements by a formula', () => {
    const x = base([3, 2])
    expectElements(
      lookupConstant(x, [2, 2], 'last', flat => 5 - flat),
      numbers(x).toReversed().slice(0, 4),
    )
  })
})

describe('rows', () => {
  const x = base([2, 3, 4])
  it('of a product, in pieces of any length', () => {
    const [weight, bias] = [base([5, 4], 'fp32', 2), base([5], 'fp32', 3)]
    const [a, w, c] = [x, weight, bias].map(numbers) as [number[], number[], number[]]
    const product = (row: number, out: number) => [0, 1, 2, 3].reduce((sum, i) => sum + a[row * 4 + i]! * w[out * 4 + i]!, 0)
    const wanted = indices([6, 5]).map(([row, out]) => product(row!, out!))
    expectElements(linearConstant(x, weight), wanted)
    expectElements(
      linearConstant(x, weight, bias),
      wanted.map((value, at) => value + c[at % 5]!),
    )
    expect(linearConstant(x, weight).shape).toEqual([2, 3, 5])
  })
  it('of a norm', () => {
    const expected = Array.from({ length: 6 }, (_, row) => numbers(x).slice(row * 4, row * 4 + 4)).flatMap(line => {
      const mean = line.reduce((sum, v) => sum + v) / 4
      const variance = line.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 4
      return line.map(v => Math.fround((v - mean) * (1 / Math.sqrt(variance + 0.5)) * 2 + 1))
    })
    const [two, one] = [2, 1].map(value => denseConstant('fp32', [4], new Float32Array(4).fill(value)))
    expectElements(layerNormConstant(x, two, one, 0.5), expected)
  })
})

describe('views of views', () => {
  it('give what the operations give one after the other', () => {
    const x = base([6, 4], 'fp16')
    const view = concatConstants(
      [
        transposeConstant(scaleConstant(castConstant(sliceConstant(x, 0, 1, 5), 'fp32'), 0.5), [1, 0]),
        castConstant(gatherConstant(transposeConstant(x, [1, 0]), [0, 1, 2, 3]), 'fp32'),
      ],
      1,
    )
    const at = (row: number, column: number) => numbers(x)[row * 4 + column]!
    const expected = [0, 1, 2, 3].flatMap(column => [
      ...[1, 2, 3, 4].map(row => at(row, column) * 0.5),
      ...[0, 1, 2, 3, 4, 5].map(row => at(row, column)),
    ])
    expectElements(view, expected)
  })
})

describe('memory', () => {
  it('of an array that a constant was made of is never written to', () => {
    const data = Float32Array.from({ length: 24 }, (_, i) => i)
    const kept = data.slice()
    const x = denseConstant('fp32', [4, 6], data)
    const other = denseConstant(
      'fp32',
      [6, 4],
      Float32Array.from({ length: 24 }, (_, i) => -i),
    )
    for (const view of [
      transposeConstant(x, [1, 0]),
      transposeConstant(other, [1, 0]),
      castConstant(x, 'fp16'),
      sliceConstant(x, 1, 1, 3),
    ]) {
      for (const part of chunks(view, 5)) expect(part.length).toBeGreaterThan(0)
      readAll(view)
    }
    expect(data).toEqual(kept)
  })
  it('of what was read whole stays, whatever is read later', () => {
    const views = [1, 2, 3].map(seed => transposeConstant(scaleConstant(castConstant(base([5, 3], 'fp16', seed), 'fp32'), 3), [1, 0]))
    const first = views.map(view => readAll(view))
    const copies = first.map(data => Array.from(data as Float32Array))
    for (const view of [...views, ...views]) for (const part of chunks(view, 4)) expect(part.length).toBeGreaterThan(0)
    expect(first.map(data => Array.from(data as Float32Array))).toEqual(copies)
  })
})

describe('ids', () => {
  const x = base([4, 4])
  const y = base([4, 4], 'fp32', 2)
  const row = base([4], 'fp32', 3)
  const add = (a: number, b: number) => a + b
  const views: Record<string, () => Constant> = {
    x: () => x,
    y: () => y,
    'x as fp16': () => castConstant(x, 'fp16'),
    'x as int32': () => castConstant(x, 'int32'),
    '2x': () => scaleConstant(x, 2),
    '3x': () => scaleConstant(x, 3),
    'rows 0, 1': () => sliceConstant(x, 0, 0, 2),
    'rows 1, 2': () => sliceConstant(x, 0, 1, 3),
    'columns 0, 1': () => sliceConstant(x, 1, 0, 2),
    'rows of x as [2, 8]': () => sliceConstant(reshapeConstant(x, [2, 8]), 0, 0, 1),
    turned: () => transposeConstant(x, [1, 0]),
    'turned as [2, 8]': () => transposeConstant(reshapeConstant(x, [2, 8]), [1, 0]),
    'x, y': () => concatConstants([x, y], 0),
    'y, x': () => concatConstants([y, x], 0),
    'x | y': () => concatConstants([x, y], 1),
    'x + row': () => combineConstants('add', x, row, add),
    'x + column': () => combineConstants('add', x, reshapeConstant(row, [4, 1]), add),
    'x as [2, 8] + y': () => combineConstants('add', reshapeConstant(x, [2, 2, 4]), row, add),
    'x − row': () => combineConstants('sub', x, row, (a, b) => a - b),
    'rows 3, 0': () => gatherConstant(x, [3, 0]),
    'rows 0, 3': () => gatherConstant(x, [0, 3]),
    'eighths 3, 0': () => gatherConstant(reshapeConstant(x, [8, 2]), [3, 0]),
    zero: () => scalarConstant('fp32', 0),
    'zero of fp16': () => scalarConstant('fp16', 0),
    one: () => scalarConstant('fp32', 1),
    'four zeros': () => denseConstant('fp32', [4], new Float32Array(4)),
    'five zeros': () => denseConstant('fp32', [5], new Float32Array(5)),
  }

  it('are the same each time a view is made', () => {
    for (const [name, make] of Object.entries(views)) expect(make().id, name).toBe(make().id)
  })
  it('tell different elements apart', () => {
    const ids = Object.values(views).map(make => make().id)
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
  })
  it('read well', () => {
    expect(castConstant(scaleConstant(sliceConstant({ ...x, id: 'w' }, 0, 1, 3), 0.5), 'fp16').id).toMatchInlineSnapshot(
      `"cast:fp16(scale:0.5(slice:0,1,3[4,4](w)))"`,
    )
  })
  it('of run inputs never meet', () => {
    const data = allocate('fp32', 1)
    expect(arrayConstant('fp32', [1], data).id).not.toBe(arrayConstant('fp32', [1], data).id)
  })
})
