import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bytesOf,
  type Constant,
  computedConstant,
  denseConstant,
  type Graph,
  isSilaneError,
  type SilaneError,
  type Tensors,
} from '@silane/core'
import { writeOnnx } from '@silane/onnx'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { engineNames } from '../src/engine.ts'
import { compare, createRuntime as createAny, type RuntimeOptions } from '../src/index.ts'
import { elements, graphOf, outputsOf, tensor } from './run.ts'

describe.each(engineNames)('%s', engine => {
  const createRuntime = (options: RuntimeOptions = {}) => createAny({ ...options, engine })
  const runtime = createRuntime()

  async function run(graph: Graph, inputs: Tensors, rounding: 'none' | 'fp16' = 'none'): Promise<Tensors> {
    const session = await runtime.open(graph, { rounding })
    onTestFinished(() => session.close())
    return session.run(inputs)
  }

  async function errorOf(work: Promise<unknown>): Promise<SilaneError> {
    try {
      await work
    } catch (error) {
      if (isSilaneError(error)) return error
      throw error
    }
    throw new TypeError('no error')
  }

  const folder = (): string => {
    const path = mkdtempSync(join(tmpdir(), 'silane-runtime-'))
    onTestFinished(() => rmSync(path, { recursive: true, force: true }))
    return path
  }

  it('a split may have so many parts that their sizes are as long as a weight', async () => {
    const graph = graphOf(b => {
      const x = b.input('x', 'fp32', [150, 2])
      const parts = b.split({ x, axis: 0, split_sizes: Array<number>(150).fill(1) })
      return { y: b.concat({ values: parts.toReversed(), axis: 0 }) }
    })
    const { y } = await run(graph, { x: computedConstant('fp32', [150, 2], 'x', at => at) })
    expect(elements(y).slice(0, 4)).toEqual([298, 299, 296, 297])
  })

  describe('rounding to fp16', () => {
    const product = graphOf(b => {
      const x = b.input('x', 'fp16', [2])
      const y = b.mul({ x, y: x })
      return { y, half: b.mul({ x: y, y: b.scalar(0.5, y) }) }
    })

    it('overflows as a device would', async () => {
      const x = tensor('fp16', [2], 300, -3)
      const rounded = await run(product, { x }, 'fp16')
      expect(elements(rounded.y)).toEqual([Number.POSITIVE_INFINITY, 9])
      expect(elements(rounded.half)).toEqual([Number.POSITIVE_INFINITY, 4.5])
      expect(elements((await run(product, { x })).half)).toEqual([45000, 4.5])
    })

    it('takes what fp16 cannot tell apart as one: 2048 + 1', async () => {
      const sum = graphOf(b => {
        const x = b.input('x', 'fp16', [1])
        return { y: b.add({ x, y: b.scalar(1, x) }) }
      })
      expect(elements((await run(sum, { x: tensor('fp32', [1], 2048) }, 'fp16')).y)).toEqual([2048])
      expect(elements((await run(sum, { x: tensor('fp32', [1], 2048) })).y)).toEqual([2049])
      // The input itself is an fp16 tensor: 2049 never arrives.
      expect(elements((await run(sum, { x: tensor('fp32', [1], 2049) }, 'fp16')).y)).toEqual([2048])
    })

    it('happens after every op, so that small steps are lost', async () => {
      const steps = graphOf(b => {
        const x = b.input('x', 'fp16', [1])
        let y = x
        for (let i = 0; i < 8; i++) y = b.add({ x: y, y: b.scalar(0.25, x) })
        return { y }
      })
      expect(elements((await run(steps, { x: tensor('fp16', [1], 1024) }, 'fp16')).y)).toEqual([1024])
      expect(elements((await run(steps, { x: tensor('fp16', [1], 1024) })).y)).toEqual([1026])
    })

    it('leaves alone what the graph computes in fp32', async () => {
      const mixed = graphOf(b => {
        const wide = b.cast({ x: b.input('x', 'fp16', [1]), dtype: 'fp32' })
        const square = b.mul({ x: wide, y: wide })
        return { square, back: b.cast({ x: square, dtype: 'fp16' }) }
      })
      const results = await run(mixed, { x: tensor('fp16', [1], 300) }, 'fp16')
      expect(elements(results.square)).toEqual([90000])
      expect(elements(results.back)).toEqual([Number.POSITIVE_INFINITY])
    })

    it('rounds what a cast makes of integers', async () => {
      const graph = graphOf(b => ({ y: b.cast({ x: b.input('ids', 'int32', [1]), dtype: 'fp16' }) }))
      expect(elements((await run(graph, { ids: tensor('int32', [1], 2049) }, 'fp16')).y)).toEqual([2048])
    })
  })

  describe('a session', () => {
    it('takes and gives ids of either width', async () => {
      const graph = graphOf(b => {
        const ids = b.input('input_ids', 'int32', [1, 3])
        return { sum: b.add({ x: ids, y: ids }), best: b.reduce_argmax({ x: ids, axis: 1 }) }
      })
      for (const dtype of ['int32', 'int64'] as const) {
        const results = await run(graph, { input_ids: tensor(dtype, [1, 3], 1, 5, 2) })
        expect(outputsOf(results)).toEqual({ sum: 'int64[1,3]', best: 'int64[1]' })
        expect(elements(results.sum)).toEqual([2, 10, 4])
        expect(elements(results.best)).toEqual([1])
      }
    })

    it('reads and writes states in their order', async () => {
      const graph = graphOf(b => {
        const x = b.input('x', 'fp32', [2])
        const s = b.state('s', 'fp32', [2])
        const before = b.read_state({ input: s })
        b.write_state({ input: s, data: b.add({ x: before, y: x }) })
        b.write_state({ input: s, data: b.square({ x: b.read_state({ input: s }) }) })
        return { before: b.identity({ x: before }), after: b.sub({ x: b.read_state({ input: s }), y: x }) }
      })
      const results = await run(graph, { x: tensor('fp32', [2], 1, 2), s: tensor('fp32', [2], 10, 20) })
      expect(elements(results.before)).toEqual([10, 20])
      expect(elements(results.s_out)).toEqual([121, 484])
      expect(elements(results.after)).toEqual([120, 482])
    })

    it('gives a state that is only read', async () => {
      const graph = graphOf(b => ({ y: b.relu({ x: b.read_state({ input: b.state('s', 'fp32', [1]) }) }) }))
      const results = await run(graph, { s: tensor('fp32', [1], -2) })
      expect([elements(results.y), elements(results.s_out)]).toEqual([[0], [-2]])
    })

    it('gives inputs and constants that are outputs, and one value under two names', async () => {
      const graph = graphOf(b => {
        const x = b.input('x', 'fp32', [1])
        const y = b.relu({ x })
        return { same: x, a: y, b: y, c: b.constant(tensor('fp32', [2], 7, 8)) }
      })
      const results = await run(graph, { x: tensor('fp32', [1], 3) })
      expect(['same', 'a', 'b', 'c'].map(name => elements(results[name]))).toEqual([[3], [3], [3], [7, 8]])
    })

    it('gives the same bits on every run', async () => {
      const graph = graphOf(b => {
        const x = b.input('x', 'fp32', [64, 256])
        const weight = b.constant(computedConstant('fp32', [256, 256], 'w', i => Math.sin(i)))
        return { y: b.reduce_sum({ x: b.softmax({ x: b.linear({ x, weight }), axis: -1 }), axes: [0] }) }
      })
      const inputs = { x: computedConstant('fp32', [64, 256], 'x', i => Math.cos(i)) }
      expect(elements((await run(graph, inputs)).y)).toEqual(elements((await run(graph, inputs)).y))
    })

    it('says which input is missing or does not fit', async () => {
      const graph = graphOf(b => ({ y: b.relu({ x: b.input('x', 'fp32', [2]) }) }), 'prefill')
      expect(await errorOf(run(graph, {}))).toMatchObject({
        code: 'E_SESSION_INPUT',
        what: 'Input "x" of "prefill" is missing; the program takes float32[2].',
      })
      expect((await errorOf(run(graph, { x: tensor('fp32', [3], 1, 2, 3) }))).what).toContain('fp32[3]')
    })

    it('names the graph when a run fails', async () => {
      const graph = graphOf(b => {
        const table = b.constant(tensor('fp32', [2, 1], 1, 2))
        return { y: b.gather({ x: table, indices: b.input('ids', 'int32', [1]) }) }
      }, 'embed')
      const error = await errorOf(run(graph, { ids: tensor('int32', [1], 5) }))
      expect(error.code).toBe('E_SESSION')
      expect(error.what).toContain('"embed"')
    })

    it('may be closed twice, and leaves no files', async () => {
      const path = folder()
      const graph = graphOf(b => {
        const weight = b.constant(computedConstant('fp32', [512, 512], 'w', i => i % 3))
        return { y: b.linear({ x: b.input('x', 'fp32', [1, 512]), weight }) }
      })
      const session = await createRuntime({ folder: path }).open(graph)
      const x = computedConstant('fp32', [1, 512], 'x', i => i % 2)
      expect(elements((await session.run({ x })).y)[0]).toBe(256)
      await session.close()
      await session.close()
      expect(readdirSync(path)).toEqual([])
    })
  })

  describe('a session for a few runs', () => {
    const width = 64
    const weight = computedConstant('fp16', [width, width], 'w', i => Math.sin(i))
    const graph = graphOf(b => {
      const x = b.input('x', 'fp16', [4, width])
      return {
        y: b.softmax({
          x: b.linear({ x, weight: b.constant(weight), bias: b.constant(computedConstant('fp16', [width], 'b', Math.cos)) }),
          axis: 1,
        }),
      }
    })
    const inputs = { x: computedConstant('fp16', [4, width], 'x', i => Math.cos(3 * i)) }

    it.each(['none', 'fp16'] as const)('computes what one for many does, rounding %s', async rounding => {
      const results = await Promise.all(
        [true, false].map(async optimize => {
          const session = await createRuntime({ optimize }).open(graph, { rounding })
          onTestFinished(() => session.close())
          return session.run(inputs)
        }),
      )
      const [optimized, plain] = results.map(({ y }) => y as Constant)
      expect(compare(optimized as Constant, plain as Constant).psnr).toBeGreaterThan(rounding === 'none' ? 130 : 70)
    })
  })

  describe('constants that stand in a file', () => {
    const width = 40
    const values = Float32Array.from({ length: width * width }, (_, i) => i % 9)
    const offset = 64
    const inputs = { x: computedConstant('fp32', [1, width], 'x', i => i % 4) }

    function standing(file: string, at: number): Constant {
      const bytes = new Uint8Array(at + values.byteLength)
      bytes.set(bytesOf(values), at)
      writeFileSync(file, bytes)
      return { ...denseConstant('fp32', [width, width], values), at: { file, offset: at } }
    }
    const product = (weight: Constant) =>
      graphOf(b => ({ y: b.linear({ x: b.input('x', 'fp32', [1, width]), weight: b.constant(weight) }) }))
    const expected = async () => elements((await run(product(denseConstant('fp32', [width, width], values)), inputs)).y)

    it('are linked, not written', async () => {
      const path = folder()
      const weight = standing(join(path, 'weights.bin'), offset)
      const read = vi.fn(weight.read)
      const session = await createRuntime({ folder: path }).open(product({ ...weight, read }))
      onTestFinished(() => session.close())
      expect(read).not.toHaveBeenCalled()
      expect(elements((await session.run(inputs)).y)).toEqual(await expected())
    })

    it('are found behind a symbolic link, as in the cache of the hub', async () => {
      const path = folder()
      const weight = standing(join(path, 'blob'), offset)
      symlinkSync('blob', join(path, 'weights.bin'))
      const session = await createRuntime({ folder: path }).open(product({ ...weight, at: { file: join(path, 'weights.bin'), offset } }))
      onTestFinished(() => session.close())
      expect(elements((await session.run(inputs)).y)).toEqual(await expected())
    })

    it('are written where they cannot be linked, or begin within a word', async () => {
      const path = folder()
      const weight = standing(join(path, 'weights.bin'), 66)
      const gone = { ...weight, at: { file: join(path, 'no-such-file'), offset } }
      for (const constant of [weight, gone]) {
        const read = vi.fn(constant.read)
        const session = await createRuntime({ folder: path }).open(product({ ...constant, read }))
        onTestFinished(() => session.close())
        expect(read).toHaveBeenCalled()
        expect(elements((await session.run(inputs)).y)).toEqual(await expected())
      }
    })

    it('are taken from the data of another file, by what they are', async () => {
      const path = folder()
      const weight = denseConstant('fp32', [width, width], values)
      const { data } = await writeOnnx([{ graph: product(weight), file: 'm.onnx' }], { folder: path, dataFile: 'd', external: true })
      const read = vi.fn(weight.read)
      const holders = data ? [{ file: join(path, data.file), offsets: data.offsets }] : []
      const session = await createRuntime({ folder: path, data: holders }).open(product({ ...weight, read }))
      onTestFinished(() => session.close())
      expect(read).not.toHaveBeenCalled()
      expect(elements((await session.run(inputs)).y)).toEqual(await expected())
    })

    it("are each session's own where several are opened at once", async () => {
      const path = folder()
      const other = values.map(value => -value)
      const holders = [values, other].map((elements, i) => {
        const file = join(path, `weights-${i}.bin`)
        writeFileSync(file, bytesOf(elements))
        return { ...denseConstant('fp32', [width, width], elements), at: { file, offset: 0 } }
      })
      const sessions = await Promise.all(holders.map(weight => createRuntime({ folder: path }).open(product(weight))))
      for (const session of sessions) onTestFinished(() => session.close())
      const [one, two] = await Promise.all(sessions.map(session => session.run(inputs)))
      expect(elements(one?.y)).toEqual(await expected())
      expect(elements(two?.y)).toEqual((await expected()).map(value => 0 - value))
    })

    it('keep their file when the session is closed', async () => {
      const path = folder()
      const file = join(path, 'weights.bin')
      const session = await createRuntime({ folder: path }).open(product(standing(file, offset)))
      await session.close()
      expect(readdirSync(path)).toEqual(['weights.bin'])
      expect(statSync(file)).toMatchObject({ nlink: 1, size: offset + values.byteLength })
    })
  })

  describe('openFile', () => {
    it('runs a file with its weights beside it', async () => {
      const path = folder()
      const weight = computedConstant('fp32', [40, 40], 'w', i => (i % 41 === 0 ? 2 : 0))
      const graph = graphOf(b => ({ y: b.linear({ x: b.input('x', 'fp32', [1, 40]), weight: b.constant(weight) }) }))
      await writeOnnx([{ graph, file: 'm.onnx' }], { folder: path, dataFile: 'm.onnx_data', external: true })
      const session = await runtime.openFile(join(path, 'm.onnx'))
      onTestFinished(() => session.close())
      const x = computedConstant('fp32', [1, 40], 'x', i => i)
      expect(elements((await session.run({ x })).y)).toEqual(Array.from({ length: 40 }, (_, i) => 2 * i))
    })

    it('computes with fp16 weights as with the fp32 they round to', async () => {
      const path = folder()
      const weight = computedConstant('fp32', [2, 2], 'w', i => 1 + i / 3)
      const graph = graphOf(b => ({ y: b.linear({ x: b.input('x', 'fp32', [1, 2]), weight: b.constant(weight) }) }))
      await writeOnnx([{ graph, file: 'm.onnx' }], { folder: path, dataFile: 'd', weights: 'fp16' })
      const session = await runtime.openFile(join(path, 'm.onnx'))
      onTestFinished(() => session.close())
      const [a, b] = [1, 4 / 3, 5 / 3, 2].map(Math.f16round)
      expect(elements((await session.run({ x: tensor('fp32', [1, 2], 1, 1) })).y)[0]).toBe(Math.fround(a! + b!))
    })

    it('takes any size where a file leaves a dimension open', async () => {
      // Relu from x [batch, 2] to y, in protobuf by hand.
      const part = (field: number, body: readonly number[] | string): number[] => {
        const bytes = typeof body === 'string' ? [...new TextEncoder().encode(body)] : body
        return [field * 8 + 2, bytes.length, ...bytes]
      }
      const dims = part(2, [...part(1, part(2, 'batch')), ...part(1, [8, 2])])
      const port = (field: number, name: string) => part(field, [...part(1, name), ...part(2, part(1, [8, 1, ...dims]))])
      const node = part(1, [...part(1, 'x'), ...part(2, 'y'), ...part(4, 'Relu')])
      const model = [8, 8, ...part(7, [...node, ...part(2, 'g'), ...port(11, 'x'), ...port(12, 'y')]), ...part(8, [16, 17])]
      const file = join(folder(), 'open.onnx')
      writeFileSync(file, Uint8Array.from(model))
      const session = await runtime.openFile(file)
      onTestFinished(() => session.close())
      expect(elements((await session.run({ x: tensor('fp32', [3, 2], -1, 1, -2, 2, -3, 3) })).y)).toEqual([0, 1, 0, 2, 0, 3])
      expect((await errorOf(session.run({ x: tensor('fp32', [2, 3], 1, 2, 3, 4, 5, 6) }))).code).toBe('E_SESSION_INPUT')
    })

    it('names the file that is not a model', async () => {
      const file = join(folder(), 'broken.onnx')
      writeFileSync(file, 'no model')
      const error = await errorOf(runtime.openFile(file))
      expect(error.code).toBe('E_SESSION')
      expect(error.what).toContain('broken.onnx')
    })
  })
})
