import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arrayConstant, readAll, type Session } from '@silane/core'
import { readPackage } from '@silane/coreml'
import { createRuntime } from '@silane/runtime'
import { convert, parseModelFlags } from 'silane'
import { afterAll, describe, expect, test } from 'vitest'
import { generate, type Programs, type RetroDeployment } from '../src/index.ts'

/** What the author's own loop continued greedily, and what it had retrieved for each chunk. */
interface Golden {
  readonly input_ids: readonly number[]
  readonly retrieved: readonly (readonly (readonly number[])[])[]
  readonly max_new_tokens: number
  readonly tokens: readonly number[]
}

type WithNeighbors = RetroDeployment & { readonly retrieval: true }

const scratch = mkdtempSync(join(tmpdir(), 'silane-retro-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

interface Converted {
  readonly options: WithNeighbors
  readonly run: Record<'onnx' | 'coreml', Programs['run']>
}

const sessions: Session[] = []
afterAll(async () => {
  for (const session of sessions) await session.close()
})

async function deploy(name: string, convertFlags: readonly string[]): Promise<Converted> {
  const out = join(scratch, name)
  const { manifest } = await convert({ ...parseModelFlags(fixture(name), convertFlags), out, validate: false })
  const options = manifest.options as unknown as WithNeighbors
  const runtime = createRuntime()
  const { functions } = await readPackage(join(out, 'model.mlpackage'))
  const calls = async (open: (fn: string) => Promise<Session>): Promise<Programs['run']> => {
    const opened = { main: await open('main'), without_retrieval: await open('without_retrieval') }
    sessions.push(...Object.values(opened))
    return async (fn, { input_ids, retrieved }) => {
      const { seq, neighbors, 'neighbor-length': length } = options
      const shape = [1, retrieved ? retrieved.length / neighbors / length : 0, neighbors, length]
      const { logits } = await opened[fn].run({
        input_ids: arrayConstant('int32', [1, seq], input_ids),
        ...(retrieved ? { retrieved: arrayConstant('int32', shape, retrieved) } : {}),
      })
      return Float32Array.from(readAll(logits!), Number)
    }
  }
  return {
    options,
    run: {
      onnx: await calls(fn => runtime.openFile(join(out, manifest.programs[0]!.functions.find(({ name }) => name === fn)!.onnx!.path))),
      coreml: await calls(fn => runtime.open(functions.find(graph => graph.name === fn)!)),
    },
  }
}

describe.each(['generation', 'generation-deepnet'])('%s', name => {
  const { generate: goldens, convert: flags } = JSON.parse(readFileSync(join(fixture(name), 'case.json'), 'utf8')) as {
    generate: Golden[]
    convert: string[]
  }
  const deployed = deploy(name, flags)

  describe.each(goldens.map(golden => ({ ...golden, length: golden.input_ids.length })))('after $length tokens', golden => {
    test.each(['onnx', 'coreml'] as const)('from %s: the tokens are those of the original', async from => {
      const { options, run } = await deployed
      const chunks: number[] = []
      const called: string[] = []
      const tokens = await generate(
        options,
        {
          run: (fn, inputs) => {
            called.push(fn)
            return run[from](fn, inputs)
          },
          retrieve: async (chunk, index) => {
            const size = options['chunk-size']
            expect(chunk).toEqual([...golden.input_ids, ...golden.tokens].slice(index * size, (index + 1) * size))
            chunks.push(index)
            return golden.retrieved[index]!
          },
        },
        { prompt: golden.input_ids, maxNewTokens: golden.max_new_tokens },
      )
      expect(tokens).toEqual(golden.tokens)
      // Each chunk once, in order, and without neighbours for as long as no chunk is full.
      expect(chunks).toEqual(golden.retrieved.map((_, index) => index))
      const short = Math.max(0, options['chunk-size'] - golden.length)
      expect(called).toEqual([...Array(short).fill('without_retrieval'), ...Array(golden.tokens.length - short).fill('main')])
    })
  })

  test('what stands behind the text, and neighbours of chunks that are not full, change nothing', async () => {
    const { options, run } = await deployed
    const { seq, 'chunk-size': size, neighbors, 'neighbor-length': length } = options
    const known = size + 1
    const inputs = (fill: number) => ({
      input_ids: Int32Array.from({ length: seq }, (_, at) => (at < known ? 5 + at : fill)),
      retrieved: Int32Array.from({ length: Math.floor(seq / size) * neighbors * length }, (_, at) =>
        at < neighbors * length ? 7 + at : fill,
      ),
    })
    const [one, other] = [await run.onnx('main', inputs(11)), await run.onnx('main', inputs(90))]
    const width = one.length / seq
    const rows = (scores: ArrayLike<number>, from: number, to: number) => Array.from(scores).slice(from * width, to * width)
    for (const [at, score] of rows(one, 0, known).entries()) expect(rows(other, 0, known)[at]).toBeCloseTo(score, 4)
    expect(rows(one, known, seq)).not.toEqual(rows(other, known, seq))
  })
})

describe('the loop', () => {
  const deployment = { seq: 4, retrieval: true, 'chunk-size': 2, neighbors: 2, 'neighbor-length': 3, 'pad-id': 9 } as const
  /** Scores that make each token's successor the best, and what the program was called with. */
  const counting = (retrieve: Programs['retrieve'] = async () => []) => {
    const seen: { name: string; ids: number[]; retrieved: number[] | undefined }[] = []
    const run: Programs['run'] = async (name, { input_ids, retrieved }) => {
      seen.push({ name, ids: [...input_ids], retrieved: retrieved && [...retrieved] })
      return Float32Array.from({ length: 4 * 8 }, (_, at) => (at % 8 === (input_ids[Math.floor(at / 8)]! + 1) % 8 ? 1 : 0))
    }
    return { seen, programs: { run, retrieve } }
  }

  test('fills the program, with one token more than it reads', async () => {
    const { seen, programs } = counting(async chunk => [chunk])
    expect(await generate(deployment, programs, { prompt: [1] })).toEqual([2, 3, 4, 5])
    const nothing = Array<number>(6).fill(9)
    expect(seen).toEqual([
      { name: 'without_retrieval', ids: [1, 0, 0, 0], retrieved: undefined },
      { name: 'main', ids: [1, 2, 0, 0], retrieved: [1, 2, 9, 9, 9, 9, ...nothing] },
      { name: 'main', ids: [1, 2, 3, 0], retrieved: [1, 2, 9, 9, 9, 9, ...nothing] },
      { name: 'main', ids: [1, 2, 3, 4], retrieved: [1, 2, 9, 9, 9, 9, 3, 4, 9, 9, 9, 9] },
    ])
  })

  test('ends with a stop id, after so many tokens, and with what is chosen', async () => {
    expect(await generate(deployment, counting().programs, { prompt: [1], stop: [3] })).toEqual([2, 3])
    expect(await generate(deployment, counting().programs, { prompt: [1], maxNewTokens: 1 })).toEqual([2])
    expect(
      await generate(deployment, counting().programs, { prompt: [1], choose: scores => scores.indexOf(1) + 1, maxNewTokens: 2 }),
    ).toEqual([3, 5])
  })

  test('without retrieval there is one function', async () => {
    const { seen, programs } = counting()
    expect(await generate({ seq: 4, retrieval: false }, programs, { prompt: [1, 2, 3] })).toEqual([4, 5])
    expect(seen.map(({ name }) => name)).toEqual(['main', 'main'])
  })

  test.each([[[]], [[1, 2, 3, 4, 5]]])('refuses the prompt %j', async prompt => {
    await expect(generate(deployment, counting().programs, { prompt })).rejects.toThrow(`a prompt has 1 to 4 tokens, not ${prompt.length}`)
  })

  test.each([[[[1], [1], [1]]], [[[1, 2, 3, 4]]]])('refuses the neighbours %j', async found => {
    await expect(generate(deployment, counting(async () => found).programs, { prompt: [1, 2] })).rejects.toThrow(
      'the program takes 2 neighbours of 3 tokens for a chunk, and got more for chunk 0',
    )
  })
})
