import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Builder, type Constant, computedConstant, type DType, type Graph, type Value } from '@silane/core'
import { onTestFinished } from 'vitest'

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'silane-onnx-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export const weight = (name: string, shape: readonly number[], dtype: DType = 'fp32'): Constant =>
  computedConstant(dtype, shape, name, i => ((i * 7 + name.length) % 13) - 6)

export function graphOf(name: string, body: (b: Builder) => Readonly<Record<string, Value>>): Graph {
  const b = new Builder(name)
  return b.finish(body(b))
}

/** y = x·Wᵀ + b, with W [64, 32]. */
export const linearGraph = (name = 'main', rows = 2, w: Constant = weight('w', [64, 32])): Graph =>
  graphOf(name, b => {
    const x = b.input('x', 'fp32', [rows, w.shape[1] as number])
    return { y: b.linear({ x, weight: b.constant(w), bias: b.constant(weight('b', [w.shape[0] as number])) }) }
  })
