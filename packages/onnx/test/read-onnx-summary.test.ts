import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSilaneError } from '@silane/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readOnnxSummary, writeOnnx } from '../src/index.ts'
import { WireReader } from '../src/wire-reader.ts'
import { linearGraph, temporaryFolder } from './build.ts'

async function written(external: boolean): Promise<string> {
  const folder = temporaryFolder()
  await writeOnnx([{ graph: linearGraph(), file: 'm.onnx' }], { folder, dataFile: 'm.onnx_data', external })
  return join(folder, 'm.onnx')
}

// Protobuf by hand: what no writer of ours would write.
const varint = (n: number): number[] => (n < 0x80 ? [n] : [(n % 0x80) | 0x80, ...varint(Math.floor(n / 0x80))])
const number = (field: number, n: number): number[] => [field * 8, ...varint(n)]
const part = (field: number, body: readonly number[] | string): number[] => {
  const bytes = typeof body === 'string' ? [...new TextEncoder().encode(body)] : body
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes]
}

function fileOf(bytes: readonly number[] | Uint8Array): string {
  const file = join(temporaryFolder(), 'x.onnx')
  writeFileSync(file, Uint8Array.from(bytes))
  return file
}

function problemOf(file: string): string {
  try {
    readOnnxSummary(file)
  } catch (error) {
    if (isSilaneError(error) && error.code === 'E_ONNX_FILE') return error.what
    throw error
  }
  return ''
}

describe('a model', () => {
  it.each([false, true])('of ours (external weights: %s)', async external => {
    const file = await written(external)
    expect(readOnnxSummary(file)).toEqual({
      producer: 'silane',
      opset: 20,
      bytes: readFileSync(file).length,
      inputs: [{ name: 'x', dtype: 'fp32', shape: [2, 32] }],
      outputs: [{ name: 'y', dtype: 'fp32', shape: [2, 64] }],
      dataFiles: external ? ['m.onnx_data'] : [],
      ops: { Gemm: 1 },
      initializers: 2,
      weightBytes: (64 * 32 + 64) * 4,
    })
  })

  it('of others: domains, named dimensions, weights among the inputs', () => {
    const port = (name: string, ...dims: number[][]) =>
      part(11, [
        ...part(1, name),
        ...part(
          2,
          part(1, [
            ...number(1, 1),
            ...part(
              2,
              dims.flatMap(dim => part(1, dim)),
            ),
          ]),
        ),
      ])
    const graph = [
      ...part(1, [...part(4, 'Gelu'), ...part(7, 'com.microsoft')]),
      ...part(1, [...part(4, 'Add'), ...part(7, 'ai.onnx')]),
      ...port('x', part(2, 'batch'), number(1, 300), []),
      ...port('w', number(1, 4)),
      ...part(5, [...number(1, 4), ...number(2, 10), ...part(8, 'w')]),
      ...part(5, [...part(1, []), ...number(2, 7), ...part(8, 'scalar')]),
    ]
    const opsets = [...part(8, [...part(1, 'com.microsoft'), ...number(2, 1)]), ...part(8, number(2, 17))]
    expect(readOnnxSummary(fileOf([...part(7, graph), ...opsets]))).toMatchObject({
      opset: 17,
      inputs: [{ name: 'x', dtype: 'fp32', shape: ['batch', 300, '?'] }],
      outputs: [],
      ops: { Add: 1, 'com.microsoft.Gelu': 1 },
      initializers: 2,
      weightBytes: 4 * 2 + 8,
    })
  })
})

describe('a file that is no model', () => {
  it.each([
    ['nothing', [], 'it has no graph'],
    ['a text', [...new TextEncoder().encode('{"not": "onnx"}')], 'byte 0'],
    ['a length beyond the end', [7 * 8 + 2, ...varint(2 ** 40)], `claims ${2 ** 40} bytes of 0`],
    ['a negative length', [7 * 8 + 2, ...Array.from({ length: 9 }, () => 0xff), 1], 'claims -1 bytes'],
    ['a number without an end', [8, ...Array.from({ length: 11 }, () => 0xff)], 'does not end'],
    ['a field 0', [0, 0], 'no field 0'],
    ['a group', [7 * 8 + 3], 'unknown kind 3'],
    ['a name of megabytes', part(2, 'x'.repeat(1 << 20)), '1048576 bytes long'],
    ['a tensor of negative size', part(7, part(5, [8, ...Array.from({ length: 9 }, () => 0xff), 1])), 'has the shape [-1]'],
    [
      'a tensor beyond all numbers',
      part(7, part(5, [...number(2, 1), ...[1, 2, 3, 4].flatMap(() => number(1, 2 ** 31))])),
      'has the shape',
    ],
    ['a tensor of many axes', part(7, part(5, Array.from({ length: 65 }, () => number(1, 1)).flat())), 'more than 64 dimensions'],
  ])('%s', (_, bytes, problem) => {
    expect(problemOf(fileOf(bytes))).toContain(problem)
  })

  it('of names without an end', () => {
    const names = Uint8Array.from(Array.from({ length: 30 }, () => part(2, 'x'.repeat(4000))).flat())
    const file = fileOf(names)
    const descriptor = openSync(file, 'r')
    onTestFinished(() => closeSync(descriptor))
    const reader = new WireReader(descriptor, names.length, 100_000)
    const texts: string[] = []
    expect(() => {
      for (const field of reader.fields()) texts.push(reader.text(field))
    }).toThrow('its names take more than 100000 bytes')
    // Also where they run from one window of the file into the next.
    expect(texts).toEqual(Array.from({ length: 25 }, () => 'x'.repeat(4000)))
  })

  it('that is not there', () => {
    expect(problemOf(join(temporaryFolder(), 'absent.onnx'))).toContain('ENOENT')
  })

  it('shows control characters, so that a name cannot write to the terminal', () => {
    expect(readOnnxSummary(fileOf([...part(2, 'evil\u001b[2J'), ...part(7, [])])).producer).toBe('evil\ufffd[2J')
  })

  it('cut anywhere or with any byte changed gives a summary or this error', async () => {
    const whole = readFileSync(await written(true))
    for (let end = 0; end < whole.length; end++) problemOf(fileOf(whole.subarray(0, end)))
    for (let at = 0; at < whole.length; at++) problemOf(fileOf(whole.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte))))
  })
})
