import { resolve } from 'node:path'
import type { PluginContract } from '@silane/core'
import { errors } from '../errors.ts'
import { type Manifest, readManifest } from '../manifest.ts'
import type { ProgramSource } from '../pipeline/open-programs.ts'
import { discoverPlugins, type FoundPlugin } from '../plugins/discover-plugins.ts'
import { loadPlugin } from '../plugins/load-plugin.ts'
import { packageManager } from '../plugins/package-manager.ts'
import { answerHost } from './answer-host.ts'
import { openDocuments } from './open-documents.ts'
import { type FoundPassage, findPassages } from './search-documents.ts'

export interface AskOptions {
  /** A folder that `convert` wrote, of a model that finds passages and answers from them. */
  readonly folder: string
  /** An index that was made with it or for it. */
  readonly index: string
  readonly question: string
  /** How many passages it answers from. Default: what the checkpoint says. */
  readonly count?: number | undefined
  /** See `SearchOptions`. */
  readonly method?: 'exact' | 'bits' | undefined
  /** Default: what the checkpoint says. */
  readonly beams?: number | undefined
  readonly maxNewTokens?: number | undefined
  readonly from?: ProgramSource | undefined
  /** Where the plugin that converted the folder is found; it answers. */
  readonly plugins?: readonly string[] | undefined
  readonly cwd?: string | undefined
}

export interface Asked {
  /** Null where no passage holds an answer. */
  readonly answer: string | null
  readonly tokens: readonly number[]
  /** Higher is better: a log probability where the answer was generated, the score of a span where it was read. */
  readonly score: number
  /** Which of the sources the answer was read in; null where it was made of all. */
  readonly source: number | null
  /** The passages, the nearest to the question first; their scores are inner products. */
  readonly sources: readonly FoundPassage[]
  /** Other answers that were weighed, this one among them. */
  readonly candidates?: readonly { readonly text: string; readonly score: number }[]
  /** Why the ids of the tokenizers may not be the original's. */
  readonly notes: readonly string[]
  /** Milliseconds to embed the question, to look it up, and to answer. */
  readonly embedMs: number
  readonly searchMs: number
  readonly answerMs: number
}

/**
 * Answers a question from an index of documents: what is nearest to it, and what the model makes of that. Throws E_NO_ANSWERS,
 * E_PLUGIN_NEEDED, E_PACKAGE_MISSING, and what `searchDocuments` throws.
 */
export async function ask(options: AskOptions): Promise<Asked> {
  const { cwd = '.', index, question, method, from = 'onnx' } = options
  const folder = resolve(cwd, options.folder)
  const manifest = readManifest(folder)
  const { documents } = manifest.pipeline
  if (!documents) throw errors.E_NO_ANSWERS({ where: folder })
  if (question.trim() === '') throw errors.E_USAGE({ problem: 'There is no question.', next: 'Give one with --question "…".' })
  const { count = documents.count } = options
  const { most = Number.POSITIVE_INFINITY } = documents
  if (count > most) throw errors.E_USAGE({ problem: `The model answers from ${most} passages at most.`, next: 'Give a smaller --count.' })
  await openDocuments(folder, options.cwd)
  const plugin = findAnswerer(manifest, folder, options)

  const { found, ids: questionIds } = await findPassages({ folder, index, query: question, count, method, from, cwd })
  const { hits, embedMs, searchMs } = found
  const contract = await loadPlugin(plugin)
  const answer = answerOf(contract, plugin, cwd)
  const started = performance.now()
  const host = await answerHost(folder, manifest, from)
  try {
    const { beams, maxNewTokens } = options
    const { text, tokens, score, passage, candidates } = await answer({ question, questionIds, passages: hits, beams, maxNewTokens }, host)
    return {
      answer: text ?? null,
      tokens,
      score,
      source: passage ?? null,
      sources: hits,
      ...(candidates ? { candidates } : {}),
      notes: [...new Set([...found.notes, ...host.notes()])],
      embedMs,
      searchMs,
      answerMs: performance.now() - started,
    }
  } finally {
    await host.close()
  }
}

const WHAT = 'Answering with this folder'

/** The plugin that converted a folder is told by name. A folder is data: its code is not run. */
function findAnswerer({ plugin }: Manifest, folder: string, { plugins: explicit, cwd }: AskOptions): FoundPlugin {
  const { plugins, manager } = discoverPlugins({ explicit, cwd, checkpoint: folder })
  const found = plugins.find(({ package: name }) => name === plugin.package)
  const install = manager.add(plugin.package)
  if (!found) throw errors.E_PLUGIN_NEEDED({ plugin: plugin.package, what: WHAT, problem: 'is not installed', install })
  return found
}

function answerOf(contract: PluginContract, { package: name, version }: FoundPlugin, cwd: string): NonNullable<PluginContract['answer']> {
  const { answer } = contract
  if (!answer) {
    const install = packageManager({ project: resolve(cwd) }).add(`${name}@latest`)
    throw errors.E_PLUGIN_NEEDED({ plugin: name, what: WHAT, problem: `answers nothing in version ${version}`, install })
  }
  return answer.bind(contract)
}
