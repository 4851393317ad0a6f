import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { Builder, type Constant, castConstant, computedConstant, denseConstant, isSilaneError } from '@silane/core'
import { describe, expect, it } from 'vitest'
import { ModelSchema, type Graph as OnnxGraph, type ValueInfo } from '../src/gen/onnx_pb.ts'
import { dataKey, onnxContents, readOnnxSummary, writeOnnx } from '../src/index.ts'
import { graphOf, linearGraph, temporaryFolder, weight } from './build.ts'

const FLOAT = 1
const INT32 = 6
const INT64 = 7
const FLOAT16 = 10

const modelIn = (folder: string, file = 'm.onnx') => fromBinary(ModelSchema, readFileSync(join(folder, file)))
const graphIn = (folder: string, file?: string): OnnxGraph => modelIn(folder, file).graph!
const port = ({ name, type }: ValueInfo): string => {
  const tensor = type!.value.value!
  return `${name}:${tensor.elemType}[${tensor.shape!.dim.map(({ value }) => value.value)}]`
}
const entries = (tensor: OnnxGraph['initializer'][number]) => Object.fromEntries(tensor.externalData.map(({ key, value }) => [key, value]))
const kinds = (graph: OnnxGraph): string[] => graph.node.map(({ opType }) => opType)
const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
  } catch (error) {
    if (isSilaneError(error)) return error.code
    throw error
  }
  return 'none'
}

describe('the file', () => {
  it('is of opset 20, from silane, and says how large it is', async () => {
    const folder = temporaryFolder()
    const { files, data } = await writeOnnx([{ graph: linearGraph(), file: 'm.onnx' }], { folder, dataFile: 'm.onnx_data' })
    const bytes = readFileSync(join(folder, 'm.onnx'))
    expect(files).toEqual([
      {
        file: 'm.onnx',
        opset: 20,
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        ops: { Gemm: 1 },
        initializers: 2,
        weightBytes: 4 * (64 * 32 + 64),
      },
    ])
    expect(data).toBeUndefined()
    const model = modelIn(folder)
    expect(model.producerName).toBe('silane')
    expect(model.irVersion).toBe(10n)
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 20n]])
  })

  it.each(['fp32', 'fp16'] as const)('holds what is said of it, with weights in %s', async weights => {
    const folder = temporaryFolder()
    const { files } = await writeOnnx([{ graph: linearGraph('main', 200), file: 'm.onnx' }], { folder, dataFile: 'm.onnx_data', weights })
    const { ops, initializers, weightBytes } = readOnnxSummary(join(folder, 'm.onnx'))
    expect(files[0]).toMatchObject({ ops, initializers, weightBytes })
    expect(onnxContents(linearGraph('main', 200), weights)).toEqual({ ops, initializers, weightBytes })
  })

  it('names inputs and outputs as the graph does, with their shapes', async () => {
    const folder = temporaryFolder()
    await writeOnnx([{ graph: linearGraph(), file: 'm.onnx' }], { folder, dataFile: 'd' })
    const graph = graphIn(folder)
    expect(graph.input.map(port)).toEqual([`x:${FLOAT}[2,32]`])
    expect(graph.output.map(port)).toEqual([`y:${FLOAT}[2,64]`])
  })

  it('is the same on every run', async () => {
    const [a, b] = [temporaryFolder(), temporaryFolder()]
    for (const folder of [a, b])
      await writeOnnx([{ graph: linearGraph(), file: 'm.onnx' }], { folder, dataFile: 'm.onnx_data', external: true })
    expect(readdirSync(a)).toEqual(['m.onnx', 'm.onnx_data'])
    for (const file of readdirSync(a)) expect(readFileSync(join(a, file)).equals(readFileSync(join(b, file)))).toBe(true)
  })

  it('defines every name once and before its use', async () => {
    const folder = temporaryFolder()
    const graph = graphOf('main', b => {
      const x = b.input('ids_1', 'int32', [2])
      const y = b.in('ids', () => b.add({ x, y: x }))
      return { ids_add: b.mul({ x: y, y }), ids: b.reduce_argmax({ x: y, axis: 0 }) }
    })
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd' })
    const onnx = graphIn(folder)
    const defined = new Set(['', ...onnx.input.map(({ name }) => name), ...onnx.initializer.map(({ name }) => name)])
    for (const node of onnx.node) {
      for (const name of node.input) expect(defined).toContain(name)
      for (const name of node.output) {
        expect(defined).not.toContain(name)
        defined.add(name)
      }
    }
    for (const { name } of onnx.output) expect(defined).toContain(name)
    expect(new Set(onnx.node.map(({ name }) => name)).size).toBe(onnx.node.length)
  })

  it('copies an output only where no node can be named after it', async () => {
    const folder = temporaryFolder()
    const graph = graphOf('main', b => {
      const x = b.input('x', 'fp32', [2])
      const y = b.relu({ x })
      return { again: x, w: b.constant(weight('w', [2])), first: y, second: y, late: b.exp({ x: y }) }
    })
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd' })
    const { node, initializer } = graphIn(folder)
    expect(node.map(({ opType, input, output }) => [opType, ...input, ...output])).toEqual([
      ['Relu', 'x', 'first'],
      ['Exp', 'first', 'late'],
      ['Identity', 'x', 'again'],
      ['Identity', initializer[0]!.name, 'w'],
      ['Identity', 'first', 'second'],
    ])
  })

  it('says axes of size 1 that come and go by their numbers', async () => {
    const folder = temporaryFolder()
    const graph = graphOf('main', b => {
      const x = b.input('x', 'fp32', [1, 4, 1, 6])
      const reshaped = (name: string, shape: readonly number[]) => [name, b.reshape({ x, shape })] as const
      return Object.fromEntries([
        reshaped('squeezed', [4, 6]),
        reshaped('one', [1, 4, 6]),
        reshaped('added', [1, 4, 1, 1, 6]),
        reshaped('joined', [1, 24]),
        reshaped('moved', [4, 1, 6, 1]),
      ])
    })
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd' })
    const { node, initializer } = graphIn(folder)
    const said = (name: string | undefined) => [
      ...new BigInt64Array(Uint8Array.from(initializer.find(each => each.name === name)!.rawData).buffer),
    ]
    expect(node.map(({ opType, input, output }) => [output[0], opType, said(input[1])])).toEqual([
      ['squeezed', 'Squeeze', [0n, 2n]],
      ['one', 'Squeeze', [2n]],
      ['added', 'Unsqueeze', [3n]],
      ['joined', 'Reshape', [1n, 24n]],
      ['moved', 'Reshape', [4n, 1n, 6n, 1n]],
    ])
  })

  it('refuses an output with the name of an input', async () => {
    const graph = graphOf('main', b => {
      const x = b.input('x', 'fp32', [2])
      return { x: b.relu({ x }) }
    })
    expect(await codeOf(writeOnnx([{ graph, file: 'm.onnx' }], { folder: temporaryFolder(), dataFile: 'd' }))).toBe('E_GRAPH')
  })
})

describe('integers', () => {
  const graph = graphOf('main', b => {
    const x = b.input('input_ids', 'int32', [1, 4])
    return { next: b.reduce_argmax({ x: b.add({ x, y: x }), axis: 1 }) }
  })

  it('go in and out as int64, and are int32 between', async () => {
    const folder = temporaryFolder()
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd' })
    const onnx = graphIn(folder)
    expect([...onnx.input, ...onnx.output].map(port)).toEqual([`input_ids:${INT64}[1,4]`, `next:${INT64}[1]`])
    expect(kinds(onnx)).toEqual(['Cast', 'Add', 'ArgMax', 'Cast', 'Cast'])
  })

  it('are not cast for what takes either', async () => {
    const folder = temporaryFolder()
    const lookup = graphOf('main', b => {
      const ids = b.input('ids', 'int32', [1, 4])
      const mask = b.input('mask', 'int32', [1, 4])
      const x = b.gather({ x: b.constant(weight('table', [9, 4])), indices: ids, axis: 0 })
      const both = b.add({ x: b.add({ x: mask, y: ids }), y: ids })
      return { y: b.mul({ x, y: b.cast({ x: mask, dtype: 'fp32' }) }), both }
    })
    await writeOnnx([{ graph: lookup, file: 'm.onnx' }], { folder, dataFile: 'd' })
    const { node } = graphIn(folder)
    const inputs = (kind: string) => node.filter(({ opType }) => opType === kind).map(({ input }) => input)
    expect(inputs('Gather')).toEqual([[expect.any(String), 'ids']])
    // The mask as a float, the two as int32 for the sums, and the sum as int64.
    expect(inputs('Cast').map(([x]) => x)).toEqual(['mask', 'ids', 'mask', node.filter(({ opType }) => opType === 'Add').at(-1)!.output[0]])
  })

  it('stay int32 where that is asked for', async () => {
    const folder = temporaryFolder()
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd', idType: 'int32' })
    expect([...graphIn(folder).input, ...graphIn(folder).output].map(port)).toEqual([`input_ids:${INT32}[1,4]`, `next:${INT32}[1]`])
  })
})

describe('states', () => {
  it('are an input and an output _out that follows reads and writes in their order', async () => {
    const folder = temporaryFolder()
    const graph = graphOf('step', b => {
      const x = b.input('x', 'fp16', [2])
      const cache = b.state('cache', 'fp16', [2])
      const sum = b.add({ x: b.read_state({ input: cache }), y: x })
      b.write_state({ input: cache, data: sum })
      return { y: b.mul({ x: b.read_state({ input: cache }), y: x }) }
    })
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd' })
    const onnx = graphIn(folder)
    expect(onnx.input.map(port)).toEqual([`x:${FLOAT}[2]`, `cache:${FLOAT}[2]`])
    expect(onnx.output.map(port)).toEqual([`y:${FLOAT}[2]`, `cache_out:${FLOAT}[2]`])
    const [add, mul] = onnx.node
    expect(add!.input).toContain('cache')
    expect(mul!.input).toContain(add!.output[0])
    expect(add!.output).toEqual(['cache_out'])
    expect(onnx.node).toHaveLength(2)
  })
})

describe('weights', () => {
  it('of one function stand in the file; shapes and scalars always do', async () => {
    const folder = temporaryFolder()
    await writeOnnx([{ graph: linearGraph(), file: 'm.onnx' }], { folder, dataFile: 'd' })
    expect(graphIn(folder).initializer.every(({ rawData, externalData }) => rawData.length > 0 && externalData.length === 0)).toBe(true)

    await writeOnnx([{ graph: linearGraph(), file: 'm.onnx' }], { folder, dataFile: 'd', external: true })
    const outside = graphIn(folder).initializer.filter(({ externalData }) => externalData.length > 0)
    expect(outside.map(({ dims }) => dims)).toEqual([[64n, 32n]])
  })

  it('are not what an op is told by: a long list of integers stays in the file', async () => {
    const folder = temporaryFolder()
    const b = new Builder('main')
    const parts = b.split({ x: b.input('x', 'fp32', [150, 2]), axis: 0, split_sizes: Array<number>(150).fill(1) })
    await writeOnnx([{ graph: b.finish({ y: parts[7]! }), file: 'm.onnx' }], { folder, dataFile: 'd', external: true })
    const { initializer } = graphIn(folder)
    expect(initializer.map(({ dims }) => dims)).toEqual([[150n]])
    expect(initializer.every(({ externalData }) => externalData.length === 0)).toBe(true)
  })

  it('of several functions share one file, each written once and aligned', async () => {
    const folder = temporaryFolder()
    const functions = [2, 3].map(rows => ({ graph: linearGraph(`main_${rows}`, rows, weight('w', [67, 33])), file: `m_${rows}.onnx` }))
    const { data } = await writeOnnx(functions, { folder, dataFile: 'm.onnx_data' })
    const bytes = readFileSync(join(folder, 'm.onnx_data'))
    expect(data).toEqual({ file: 'm.onnx_data', bytes: bytes.length, offsets: new Map([[dataKey(weight('w', [67, 33])), 0]]) })
    expect(bytes.length).toBe(67 * 33 * 4)
    for (const { file } of functions) {
      const outside = graphIn(folder, file).initializer.filter(({ externalData }) => externalData.length > 0)
      expect(outside.map(entries)).toEqual([{ location: 'm.onnx_data', offset: '0', length: String(67 * 33 * 4) }])
    }
    const elements = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    expect(elements).toEqual(weight('w', [67, 33]).read(0, 67 * 33))
  })

  it('begin at multiples of 64', async () => {
    const folder = temporaryFolder()
    const graph = graphOf('main', b => {
      const x = b.input('x', 'fp32', [1, 257])
      const sum = ['p', 'qq', 'rrr'].map(name => b.constant(weight(name, [1, 257]))).reduce((sum, y) => b.add({ x: sum, y }), x)
      return { y: sum }
    })
    const { data } = await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd', external: true })
    const offsets = graphIn(folder).initializer.map(tensor => Number(entries(tensor).offset))
    expect(offsets).toEqual([0, 1088, 2176])
    expect(data!.bytes).toBe(2176 + 257 * 4)
  })

  const stored = async (constant: Constant) => {
    const folder = temporaryFolder()
    const graph = graphOf('main', b => ({ y: b.add({ x: b.input('x', 'fp32', constant.shape), y: b.constant(constant) }) }))
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd', weights: 'fp16' })
    const { initializer, node } = graphIn(folder)
    return { types: initializer.map(({ dataType }) => dataType), kinds: node.map(({ opType }) => opType) }
  }

  it('are stored in fp16 where that is asked for, and widened when loaded', async () => {
    expect(await stored(weight('w', [8]))).toEqual({ types: [FLOAT16], kinds: ['Cast', 'Add'] })
    expect(await stored(castConstant(weight('w', [8], 'fp16'), 'fp32'))).toEqual({ types: [FLOAT16], kinds: ['Cast', 'Add'] })
  })

  it('stay in fp32 where fp16 cannot hold them', async () => {
    const masks = computedConstant('fp32', [8], 'masks', i => (i % 2 ? -3.4028234663852886e38 : 0))
    expect(await stored(masks)).toEqual({ types: [FLOAT], kinds: ['Add'] })
    expect(await stored(denseConstant('fp32', [2], Float32Array.of(0, Number.NaN)))).toEqual({ types: [FLOAT], kinds: ['Add'] })
  })

  it.each([false, true])('that are no numbers are told, in a data file: %s', async external => {
    const constant = castConstant(denseConstant('fp64', [300], new Float64Array(300).fill(1).with(3, 1e39).with(4, Number.NaN)), 'fp32')
    const graph = graphOf('main', b => ({ y: b.add({ x: b.input('x', 'fp32', [300]), y: b.constant(constant) }) }))
    const { nonFinite } = await writeOnnx([{ graph, file: 'm.onnx' }], { folder: temporaryFolder(), dataFile: 'd', external })
    expect(nonFinite).toMatchObject([{ id: constant.id, dtype: 'fp32', elements: 2, overflowed: 1 }])
    expect(nonFinite[0]?.constant).toMatch(/^m\.onnx: /)
  })

  it('that a graph has in fp16 are widened when loaded', async () => {
    const folder = temporaryFolder()
    const graph = graphOf('main', b => ({ y: b.add({ x: b.input('x', 'fp16', [8]), y: b.constant(weight('w', [8], 'fp16')) }) }))
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd' })
    expect(kinds(graphIn(folder))).toEqual(['Cast', 'Add'])
  })

  it('are widened before anything else, so that none is held from the start', async () => {
    const folder = temporaryFolder()
    const graph = graphOf('main', b => {
      const x = b.input('x', 'fp16', [8])
      return { y: b.add({ x: b.relu({ x }), y: b.constant(weight('w', [8], 'fp16')) }) }
    })
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd' })
    expect(graphIn(folder).node.map(({ opType }) => opType)).toEqual(['Cast', 'Relu', 'Add'])
  })

  it('that stand in a file of the folder are pointed to', async () => {
    const folder = temporaryFolder()
    const standing = () => ({ file: 'elsewhere', offset: 4096 })
    const { data } = await writeOnnx([{ graph: linearGraph(), file: 'm.onnx' }], { folder, dataFile: 'd', external: true, standing })
    expect(data).toBeUndefined()
    expect(readdirSync(folder)).toEqual(['m.onnx'])
    const outside = graphIn(folder).initializer.filter(({ externalData }) => externalData.length > 0)
    expect(outside.map(entries)).toEqual([{ location: 'elsewhere', offset: '4096', length: String(64 * 32 * 4) }])
  })
})

describe('rounding to fp16', () => {
  it('puts a pair of casts behind what computes, not behind what moves', async () => {
    const folder = temporaryFolder()
    const graph = graphOf('main', b => {
      const x = b.input('x', 'fp16', [2, 3])
      return { y: b.relu({ x: b.transpose({ x: b.exp({ x }), perm: [1, 0] }) }) }
    })
    await writeOnnx([{ graph, file: 'm.onnx' }], { folder, dataFile: 'd', rounding: 'fp16' })
    expect(kinds(graphIn(folder))).toEqual(['Cast', 'Cast', 'Exp', 'Cast', 'Cast', 'Transpose', 'Relu'])
  })
})

describe('when it cannot be written', () => {
  it('says where, and leaves nothing behind', async () => {
    const folder = temporaryFolder()
    const graphs = [{ graph: linearGraph(), file: 'm.onnx' }]
    expect(await codeOf(writeOnnx(graphs, { folder: join(folder, 'absent'), dataFile: 'd' }))).toBe('E_ONNX_DISK')
    expect(await codeOf(writeOnnx(graphs, { folder: join(folder, 'absent'), dataFile: 'd', external: true }))).toBe('E_ONNX_DISK')
    expect(readdirSync(folder)).toEqual([])
  })

  it('leaves nothing behind when a weight cannot be read', async () => {
    const folder = temporaryFolder()
    const torn: Constant = {
      ...weight('w', [64, 32]),
      read: () => {
        throw new RangeError('torn')
      },
    }
    await expect(
      writeOnnx([{ graph: linearGraph('main', 2, torn), file: 'm.onnx' }], { folder, dataFile: 'd', external: true }),
    ).rejects.toThrow('torn')
    expect(readdirSync(folder)).toEqual([])
  })

  it('stops when it is told to, in the middle of a tensor', async () => {
    const folder = temporaryFolder()
    const stop = new AbortController()
    let read = 0
    const large = { ...weight('w', [8192, 4096]) }
    const watched: Constant = {
      ...large,
      read: (_, count) => {
        read += count
        return new Float32Array(count)
      },
    }
    setImmediate(() => stop.abort(new Error('enough')))
    const graphs = [{ graph: linearGraph('main', 2, watched), file: 'm.onnx' }]
    await expect(writeOnnx(graphs, { folder, dataFile: 'd', external: true, signal: stop.signal })).rejects.toThrow('enough')
    expect(read).toBeLessThan(8192 * 4096)
    expect(readdirSync(folder)).toEqual([])
  })

  it('names an op that has no spelling', async () => {
    const graph = linearGraph()
    const strange = { ...graph, ops: graph.ops.map(op => (op.kind === 'linear' ? { ...op, kind: 'toString' } : op)) }
    expect(await codeOf(writeOnnx([{ graph: strange, file: 'm.onnx' }], { folder: temporaryFolder(), dataFile: 'd' }))).toBe(
      'E_ONNX_SPELLING',
    )
  })
})
