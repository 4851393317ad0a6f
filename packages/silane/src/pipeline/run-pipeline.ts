import { type Constant, type DecodeStep, own, type Step, type Tensors } from '@silane/core'
import { errors } from '../errors.ts'
import { CachedDecoder, type Embedding } from './cached-decoder.ts'
import type { PipelineFunction, PipelinePrograms } from './pipeline-programs.ts'
import { placeRows } from './place-rows.ts'

/** What is done with a decoder: scores that are asked for, or tokens chosen until there are enough. Gives things. */
export type Decode = (decoder: CachedDecoder, step: DecodeStep, things: Tensors) => Promise<Tensors>

/**
 * Runs the steps of a pipeline, one after the other, over programs of any target, and gives all things: those that it was given and
 * those that the steps gave. Throws E_PIPELINE where a step wants a program or a thing that is not there.
 */
export async function runPipeline(steps: readonly Step[], programs: PipelinePrograms, given: Tensors, decode: Decode): Promise<Tensors> {
  let things = given
  for (const step of steps) {
    if ('host' in step)
      throw errors.E_PIPELINE({ problem: `the step "${step.host}" is a function of the plugin, which is run by the plugin's own code` })
    if ('decode' in step) {
      const parts = step.decode.map(name => functionsOf(programs, name))
      const decoder = new CachedDecoder(parts, embedding(step, programs, things), fed(step.feeds, things))
      things = { ...things, ...(await decode(decoder, step, things)) }
    } else if ('place' in step) {
      const { ids, vectors, rows } = step.feeds
      const placed = placeRows(thing(ids, things), thing(vectors, things), { id: step.place, rows: thing(rows, things), from: 0 })
      things = { ...things, ...Object.fromEntries(Object.keys(step.gives).map(name => [name, placed])) }
    } else {
      const feeds = fed(step.feeds, things)
      const outputs = await functionFor(functionsOf(programs, step.call), feeds).run(feeds)
      things = { ...things, ...named(step.gives, outputs) }
    }
    await programs.release()
  }
  return things
}

/** What makes vectors of ids for a decoder that takes these. */
function embedding({ entry }: DecodeStep, programs: PipelinePrograms, things: Tensors): Embedding | undefined {
  if (typeof entry === 'string') return undefined
  const { embed, place } = entry
  return {
    functions: functionsOf(programs, embed),
    ...(place ? { place: { id: place.id, rows: own(things, place.rows), name: place.rows } } : {}),
  }
}

function thing(name: string, things: Tensors): Constant {
  const found = own(things, name)
  if (!found) throw errors.E_PIPELINE({ problem: `there is no "${name}"` })
  return found
}

/** The inputs of a step that there are things for. */
const fed = (feeds: Readonly<Record<string, string>>, things: Tensors): Tensors => named(feeds, things)

/** Tensors by other names: `names` says for each what it is called among `tensors`. Those that are not there are left out. */
const named = (names: Readonly<Record<string, string>>, tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, from]) => {
      const found = own(tensors, from)
      return found ? [[name, found] as const] : []
    }),
  )

function functionsOf(programs: PipelinePrograms, name: string): readonly [PipelineFunction, ...PipelineFunction[]] {
  const [first, ...more] = programs.functions(name)
  if (!first) throw errors.E_PIPELINE({ problem: `there is no program "${name}"` })
  return [first, ...more]
}

/** Of functions that differ in their shapes, the one that these inputs fit. */
const functionFor = (functions: readonly [PipelineFunction, ...PipelineFunction[]], feeds: Tensors): PipelineFunction =>
  functions.find(({ inputs }) => inputs.every(({ name, shape }) => own(feeds, name)?.shape.join() === shape.join())) ?? functions[0]
