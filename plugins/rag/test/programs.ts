import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arrayConstant, type Constant, type Pipeline, readAll, type Session, type Tensors } from '@silane/core'
import { createRuntime } from '@silane/runtime'
import { convert, parseModelFlags } from 'silane'
import type { RagPrograms } from '../src/index.ts'

/** What a decoder attends to, and its cache [L, C, 1, N] of which `length` slots are filled. */
interface State {
  readonly fixed: Tensors
  readonly caches: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>
  readonly length: number
}

export interface Opened {
  readonly pipeline: Pipeline
  readonly programs: RagPrograms<State>
  close(): Promise<void>
}

export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

const row = (values: readonly number[]): Constant => arrayConstant('int32', [1, values.length], Int32Array.from(values))
const floats = (tensor: Constant | undefined): Float32Array<ArrayBuffer> => Float32Array.from(tensor ? readAll(tensor) : [], Number)

/** A fixture converted to ONNX, and its generator in onnxruntime as an app would drive it: one step per token. */
export async function openFixture(name: string, flags: readonly string[]): Promise<Opened> {
  const scratch = mkdtempSync(join(tmpdir(), 'silane-rag-'))
  const out = join(scratch, 'out')
  const { manifest } = await convert({ ...parseModelFlags(fixture(name), [...flags]), targets: ['onnx'], out, validate: false })
  const runtime = createRuntime()
  const opened: Session[] = []
  const open = async (program: string, fn: string) => {
    const found = manifest.programs.find(each => each.name === program)?.functions.find(each => each.name === fn)
    if (!found?.onnx) throw new Error(`no ${program}/${fn}`)
    const session = await runtime.openFile(join(out, found.onnx.path))
    opened.push(session)
    return { session, ports: found }
  }
  const [encoder, step] = [await open('encoder', 'main'), await open('decoder', 'step')]
  return {
    pipeline: manifest.pipeline,
    programs: {
      encode: async ({ inputIds, attentionMask }) => {
        const { cross_key, cross_value } = await encoder.session.run({ input_ids: row(inputIds), attention_mask: row(attentionMask) })
        if (!cross_key || !cross_value) throw new Error('the encoder gave no keys')
        const empty = step.ports.inputs.filter(({ role }) => role === 'cache')
        const caches = empty.map(({ name, shape }) => [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) }] as const)
        return { fixed: { cross_key, cross_value, encoder_attention_mask: row(attentionMask) }, caches: new Map(caches), length: 0 }
      },
      decode: async (from, ids) => {
        let state = from
        const scores: Float32Array[] = []
        for (const id of ids) {
          const { fixed, length } = state
          const caches = new Map([...state.caches].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }] as const))
          const fed = [...caches].map(([name, { shape, data }]) => [name, arrayConstant('fp32', shape, data)] as const)
          const outputs = await step.session.run({
            ...fixed,
            ...Object.fromEntries(fed),
            input_ids: row([id]),
            position_ids: row([length]),
          })
          for (const { name, updates } of step.ports.outputs) {
            const cache = updates === undefined ? undefined : caches.get(updates)
            const slots = cache?.shape[3] ?? 0
            for (const [i, value] of cache ? floats(outputs[name]).entries() : []) if (cache) cache.data[i * slots + length] = value
          }
          scores.push(floats(outputs.logits))
          state = { fixed, caches, length: length + 1 }
        }
        return { scores, state }
      },
    },
    close: async () => {
      for (const session of opened) await session.close()
      rmSync(scratch, { recursive: true, force: true })
    },
  }
}
