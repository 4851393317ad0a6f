import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arrayConstant, type Constant, type Tensors } from '@silane/core'
import { createRuntime } from '@silane/runtime'
import { convert, parseModelFlags } from 'silane'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type PolicyInputs, type RolloutOptions, rollout } from '../src/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const fixture = join(root, 'fixtures/rollout')

interface Played {
  readonly context: number
  readonly target_return: number
  readonly scale: number
  readonly state_mean: readonly number[]
  readonly state_std: readonly number[]
  readonly steps: readonly { readonly state: number[]; readonly action: number[]; readonly return_to_go: number; readonly reward: number }[]
}

/** The environment of the episode, as case.json describes it. */
function toy(state: readonly number[], action: readonly number[]) {
  const at = (list: readonly number[], i: number): number => list[i % list.length] as number
  const after = state.map((_, i) => 0.9 * at(state, i + 1) + 0.4 * at(action, i))
  const reward = action.reduce((sum, a, j) => sum + 100 * a * at(state, j) - 20 * a * a, 150)
  return { after, reward }
}

const tensor = (data: Float32Array | Int32Array, shape: readonly number[]): Constant =>
  arrayConstant(data instanceof Int32Array ? 'int32' : 'fp32', shape, data.slice())

describe('an episode of twelve steps, with a context of five', () => {
  const { rollout: played } = JSON.parse(readFileSync(join(fixture, 'case.json'), 'utf8')) as { rollout: Played }

  test('is the one that transformers plays, step by step', async () => {
    const out = mkdtempSync(join(tmpdir(), 'silane-rollout-'))
    onTestFinished(() => rmSync(out, { recursive: true, force: true }))
    const flags = parseModelFlags(fixture, ['--context', String(played.context)])
    const { manifest } = await convert({ ...flags, plugins: [root], out: join(out, 'policy'), targets: ['onnx'], validate: false })
    const [deployed] = manifest.programs.flatMap(({ functions }) => functions)
    const session = await createRuntime().openFile(join(out, 'policy', deployed?.onnx?.path ?? ''))
    try {
      const shapes = new Map(deployed?.inputs.map(({ name, shape }) => [name, shape]))
      const seen: PolicyInputs[] = []
      const act = rollout({
        run: async inputs => {
          seen.push(inputs)
          const tensors: Tensors = Object.fromEntries(
            Object.entries(inputs).map(([name, data]: [string, Float32Array | Int32Array]) => [name, tensor(data, shapes.get(name) ?? [])]),
          )
          const { action_preds } = await session.run(tensors)
          return action_preds?.read(0, played.context * 3) as Float32Array
        },
        context: played.context,
        stateDim: 11,
        actionDim: 3,
        maxEpisode: 120,
        targetReturn: played.target_return,
        scale: played.scale,
        normalization: { mean: played.state_mean, std: played.state_std },
      })

      expect(played.steps).toHaveLength(12)
      let state: readonly number[] = played.steps[0]?.state ?? []
      let earned: number | undefined
      for (const [time, step] of played.steps.entries()) {
        const action = [...(await act(state, earned))]
        near(action, step.action, `action ${time}`)
        near(state, step.state, `state ${time}`)
        near([seen.at(-1)?.returns_to_go.at(-1) as number], [step.return_to_go], `return ${time}`)
        const { after, reward } = toy(state, action)
        // A hundred times an action's error may be a reward's.
        near([reward / 100], [step.reward / 100], `reward ${time}`)
        state = after
        earned = reward
      }
    } finally {
      await session.close()
    }
  })
})

const near = (values: readonly number[], wanted: readonly number[], what: string): void => {
  expect(values, what).toHaveLength(wanted.length)
  expect(Math.max(...values.map((x, i) => Math.abs(x - (wanted[i] as number)))), what).toBeLessThan(1e-4)
}

describe('what the program reads', () => {
  /** A policy of two numbers per state and one per action that answers 10, 20, 30 … */
  function play({ answer, ...more }: Partial<RolloutOptions> & { readonly answer?: readonly number[] } = {}) {
    const calls: PolicyInputs[] = []
    const act = rollout({
      run: inputs => {
        calls.push(inputs)
        return answer ?? [7, 7, 10 * calls.length]
      },
      context: 3,
      stateDim: 2,
      actionDim: 1,
      maxEpisode: 5,
      targetReturn: 4000,
      ...more,
    })
    return { act, calls }
  }
  const plain = (inputs: PolicyInputs | undefined) =>
    Object.fromEntries(Object.entries(inputs ?? {}).map(([name, data]) => [name, [...data]]))

  test('stands at the end behind zeros, then slides', async () => {
    const { act, calls } = play()
    expect(await act([1, 2])).toEqual(Float32Array.of(10))
    expect(plain(calls[0])).toEqual({
      states: [0, 0, 0, 0, 1, 2],
      actions: [0, 0, 0],
      returns_to_go: [0, 0, 4],
      timesteps: [0, 0, 0],
      attention_mask: [0, 0, 1],
    })
    await act([3, 4], 500)
    await act([5, 6], -1000)
    expect(plain(calls[2])).toEqual({
      states: [1, 2, 3, 4, 5, 6],
      actions: [10, 20, 0],
      returns_to_go: [4, 3.5, 4.5],
      timesteps: [0, 1, 2],
      attention_mask: [1, 1, 1],
    })
    await act([7, 8], 250)
    expect(plain(calls[3])).toEqual({
      states: [3, 4, 5, 6, 7, 8],
      actions: [20, 30, 0],
      returns_to_go: [3.5, 4.5, 4.25],
      timesteps: [1, 2, 3],
      attention_mask: [1, 1, 1],
    })
  })

  test('is normalised, but zeros in front stay', async () => {
    const { act, calls } = play({ normalization: { mean: [1, 2], std: [2, 4] }, scale: 100 })
    await act([5, 0])
    expect(plain(calls[0])).toMatchObject({ states: [0, 0, 0, 0, 2, -0.5], returns_to_go: [0, 0, 40] })
  })

  test('with a context of one, is the last step', async () => {
    const { act, calls } = play({ context: 1, answer: [5] })
    await act([1, 2])
    await act([3, 4], 1000)
    expect(plain(calls[1])).toEqual({ states: [3, 4], actions: [0], returns_to_go: [3], timesteps: [1], attention_mask: [1] })
  })

  test('does not change with what the caller does to an action', async () => {
    const { act, calls } = play()
    const action = await act([1, 2])
    action[0] = 99
    await act([3, 4], 0)
    expect(plain(calls[1])).toMatchObject({ actions: [0, 10, 0] })
  })

  test('calls wait for one another', async () => {
    const { act, calls } = play()
    await Promise.all([act([1, 2]), act([3, 4], 0), act([5, 6], 0)])
    expect(plain(calls[2])).toMatchObject({ timesteps: [0, 1, 2], actions: [10, 20, 0] })
  })

  test('a call that fails leaves the episode as it was', async () => {
    let broken = true
    const { act, calls } = play({
      run: inputs => {
        calls.push(inputs)
        if (broken) throw new Error('no device')
        return [0, 0, calls.length]
      },
    })
    await expect(act([1, 2])).rejects.toThrow('no device')
    broken = false
    await act([1, 2])
    expect(plain(calls[1])).toEqual(plain(calls[0]))
  })

  test('an episode that is longer than the policy knows is refused', async () => {
    const { act } = play({ maxEpisode: 2 })
    await act([1, 2])
    await act([1, 2], 0)
    await expect(act([1, 2], 0)).rejects.toThrow('episodes of 2 steps')
  })

  test('a reward goes with an action before', async () => {
    const { act } = play()
    await expect(act([1, 2], 3)).rejects.toThrow(TypeError)
    await act([1, 2])
    await expect(act([1, 2])).rejects.toThrow(TypeError)
    await expect(act([1, 2], Number.NaN)).rejects.toThrow(RangeError)
  })

  test('what does not fit is refused', async () => {
    await expect(play().act([1, 2, 3])).rejects.toThrow('the state has 3 numbers, not 2')
    await expect(play({ run: () => [1] }).act([1, 2])).rejects.toThrow('gave 1 numbers, not 3 actions of 1')
    expect(() => play({ normalization: { mean: [0], std: [1, 1] } })).toThrow('mean has 1 numbers')
    expect(() => play({ normalization: { mean: [0, 0], std: [1, 0] } })).toThrow('not above 0')
    expect(() => play({ context: 0 })).toThrow('context is 0')
    expect(() => play({ scale: 0 })).toThrow('scale is 0')
    expect(() => play({ targetReturn: Number.NaN })).toThrow('targetReturn is NaN')
  })
})
