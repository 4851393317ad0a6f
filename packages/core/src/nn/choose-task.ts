import { errors } from '../errors.ts'
import type { LoadRequest } from '../plugin.ts'

/**
 * The architecture and the task of a request: the task asked for, else the one that `architectures[0]` stands for.
 * `tasks` maps the family's architectures to tasks; its first entry is what a configuration without
 * architectures gets. Throws E_OPTION for a task that the family does not have.
 */
export function chooseTask<T extends string>(request: LoadRequest, tasks: Readonly<Record<string, T>>): { architecture: string; task: T } {
  const named = request.checkpoint.config.architectures
  const declared = Array.isArray(named) && typeof named[0] === 'string' ? named[0] : undefined
  const known = Object.entries(tasks)
  const task = request.task ?? (declared && Object.hasOwn(tasks, declared) ? tasks[declared] : known[0]?.[1])
  const match = known.find(([, name]) => name === task)
  if (!match) {
    const names = [...new Set(known.map(([, name]) => name))].join(', ')
    throw errors.E_OPTION({ option: '--task', problem: `"${task}" is not a task of this family`, next: `Choose one of: ${names}.` })
  }
  return { architecture: declared ?? match[0], task: match[1] }
}
