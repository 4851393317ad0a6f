import { errors } from '../errors.ts'
import type { Checkpoint } from './checkpoint.ts'

const FEATURES = 'feature-extraction'

/**
 * The architecture and the task of a checkpoint: the task asked for, else the one that `architectures[0]` stands for. A folder of
 * sentence-transformers is there for the vectors of texts, whatever class its weights were saved from.
 * `tasks` maps the family's architectures to tasks; its first entry is what a configuration without
 * architectures gets. Throws E_OPTION for a task that the family does not have.
 */
export function chooseTask(
  { config, sentenceModules }: Pick<Checkpoint, 'config' | 'sentenceModules'>,
  tasks: Readonly<Record<string, string>>,
  asked: string | undefined,
): { readonly architecture: string; readonly task: string } {
  const named = config.architectures
  const declared = Array.isArray(named) && typeof named[0] === 'string' ? named[0] : undefined
  const known = Object.entries(tasks)
  const vectors = asked === undefined && known.some(([, name]) => name === FEATURES) && sentenceModules() !== undefined
  const task = asked ?? (vectors ? FEATURES : declared !== undefined && Object.hasOwn(tasks, declared) ? tasks[declared] : known[0]?.[1])
  const match = known.find(([, name]) => name === task)
  if (!match) {
    const names = [...new Set(known.map(([, name]) => name))].join(', ')
    throw errors.E_OPTION({ option: '--task', problem: `"${task}" is not a task of this family`, next: `Choose one of: ${names}.` })
  }
  return { architecture: declared ?? match[0], task: match[1] }
}
