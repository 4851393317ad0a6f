import { type AnswerHost, arrayConstant, type DecoderState, readAll, type Step, type Tensors, type TextTokenizer } from '@silane/core'
import { errors } from '../errors.ts'
import { errors as generateErrors } from '../generate/errors.ts'
import { missingTokenizer } from '../generate/missing-tokenizer.ts'
import { type OpenTokenizer, openTokenizer } from '../generate/open-tokenizer.ts'
import { textTokenizer } from '../generate/text-tokenizer.ts'
import { tokenizerFolder } from '../generate/tokenizer-folder.ts'
import type { Manifest } from '../manifest.ts'
import type { CachedDecoder, Position } from '../pipeline/cached-decoder.ts'
import { openPrograms, type ProgramSource } from '../pipeline/open-programs.ts'
import { type Decode, runPipeline } from '../pipeline/run-pipeline.ts'
import { deployedSteps, stepsToDecode, stepsToMake } from '../pipeline/steps-for.ts'

interface OpenHost extends AnswerHost {
  /** Why the ids of tokenizers that were asked for may not be the original's. */
  notes(): readonly string[]
  close(): Promise<void>
}

/** What a plugin's `answer` gets of a converted folder: its tokenizers, and its programs by the steps that run them. */
export async function answerHost(folder: string, manifest: Manifest, from: ProgramSource): Promise<OpenHost> {
  const programs = await openPrograms(folder, manifest, from)
  const steps = deployedSteps(manifest, from)
  const tokenizers = new Map<string, TextTokenizer>()
  const opened: OpenTokenizer[] = []
  const run = (some: readonly Step[], given: Tensors, decode: Decode) => runPipeline(some, programs, given, decode)
  return {
    pipeline: manifest.pipeline,
    options: manifest.options,
    tokenizer: async program => {
      const within = tokenizerFolder(manifest, program)
      const known = tokenizers.get(within)
      if (known) return known
      const thread = await openTokenizer(folder, within)
      if (!thread) throw missingTokenizer(folder, within)
      opened.push(thread)
      const tokenizer = textTokenizer(thread)
      tokenizers.set(within, tokenizer)
      return tokenizer
    },
    run: (given, wanted) => run(stepsToMake(steps, wanted, new Set(Object.keys(given))), given, async () => ({})),
    decoder: async given => {
      let decoder: CachedDecoder | undefined
      await run(stepsToDecode(steps, new Set(Object.keys(given))), given, async each => {
        decoder = each
        return {}
      })
      if (!decoder) throw generateErrors.E_NOT_A_DECODER({ where: folder })
      return stateOf(decoder, decoder.start())
    },
    notes: () => opened.flatMap(({ notes }) => notes),
    close: () => {
      for (const thread of opened) thread.close()
      return programs.close()
    },
  }
}

function stateOf(decoder: CachedDecoder, position: Position): DecoderState {
  return {
    read: async ids => {
      const entry = arrayConstant('int32', [1, ids.length], Int32Array.from(ids))
      // Reading writes into the cache, and the state that was read from is to stay.
      const { outputs, state } = await decoder.score(decoder.fork(position), entry)
      const [rows] = Object.values(outputs)
      if (!rows) throw errors.E_PIPELINE({ problem: 'the decoder gave no scores' })
      const width = rows.shape.at(-1) as number
      const all = Float32Array.from(readAll(rows), Number)
      return {
        scores: ids.map((_, at) => all.subarray(at * width, (at + 1) * width)),
        state: stateOf(decoder, state),
      }
    },
  }
}
