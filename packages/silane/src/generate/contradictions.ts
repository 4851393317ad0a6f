import { errors as coreErrors } from '@silane/core'
import type { GenerateOptions } from './generate.ts'

/** What a caller may say of drawing, by the flags. */
const ofDrawing = { temperature: '--temperature', topK: '--top-k', topP: '--top-p', seed: '--seed' } as const

/** Options with a name of their own, and the settings that say the same. */
const twice = {
  maxNewTokens: ['--max-new-tokens', 'max_new_tokens'],
  beams: ['--beams', 'num_beams'],
  doSample: ['--sample', 'do_sample'],
  temperature: ['--temperature', 'temperature'],
  topK: ['--top-k', 'top_k'],
  topP: ['--top-p', 'top_p'],
} as const

/** Throws E_OPTION where words are given twice, as a text and as ids. */
export function refuseBoth(text: string | undefined, ids: readonly number[] | undefined): void {
  if (text === undefined || ids === undefined) return
  const problem = 'stands in place of a text, and there is a text too'
  throw coreErrors.E_OPTION({ option: '--ids', problem, next: 'Leave one of them out.' })
}

/** Throws E_OPTION where a call says two things that cannot both hold: one of them would be ignored in silence. */
export function refuseContradictions(options: GenerateOptions): void {
  const { text, ids, doSample, maxNewTokens, settings = {} } = options
  const wrong = (option: string, problem: string, next: string) => coreErrors.E_OPTION({ option, problem, next })
  refuseBoth(text, ids)
  for (const [key, [flag, name]] of Object.entries(twice)) {
    const [here, there] = [options[key as keyof typeof twice], settings[name]]
    if (here !== undefined && there !== undefined && here !== there)
      throw wrong(flag, `is ${here}, and --set ${name} is ${JSON.stringify(there)}`, 'Say it once.')
  }
  if (maxNewTokens !== undefined && settings.max_length != null)
    throw wrong('--max-new-tokens', 'and --set max_length both say how long the text gets', 'Leave one of them out.')
  if (doSample !== false && settings.do_sample !== false) return
  for (const [key, flag] of Object.entries(ofDrawing))
    if (options[key as keyof typeof ofDrawing] !== undefined)
      throw wrong(flag, 'says how tokens are drawn, and none is', `Leave ${flag} out, or draw with --sample.`)
}
