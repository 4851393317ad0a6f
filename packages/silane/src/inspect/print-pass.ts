import { printGraph } from '@silane/core'
import type { ModelOptions } from '../convert/convert-options.ts'
import { planDeployment } from '../convert/plan-deployment.ts'
import { findPlugin, loadModel, openModel } from '../convert/prepare-model.ts'
import { resolveSettings } from '../convert/resolve-settings.ts'
import { rewriteProgram } from '../convert/rewrite-program.ts'
import { errors } from '../errors.ts'

/**
 * The functions of a checkpoint as text, with what made each op: `load` as the plugin made them, `after:PASS` as they stand after
 * a pass. Throws E_USAGE for a pass that there is not.
 */
export async function printPass(options: ModelOptions, which: string): Promise<string> {
  const settings = resolveSettings(options)
  const checkpoint = await openModel(options)
  try {
    const chosen = await findPlugin(checkpoint, options)
    const loaded = await loadModel(checkpoint, chosen, options)
    const programs = planDeployment(loaded, settings).programs.map(plan => rewriteProgram(plan, chosen.contract, settings))
    const stands = programs.flatMap(({ plan, passes }) => [
      ...plan.functions.map(({ name, source }) => ({ stand: 'load', title: `${plan.name}/${name}`, graph: source })),
      ...passes.map(pass => ({ stand: `after:${pass.pass}`, title: `${plan.name}/${pass.function}, ${pass.target}`, graph: pass.graph })),
    ])
    const asked = stands.filter(({ stand }) => stand === which)
    if (asked.length > 0) return asked.map(({ title, graph }) => `# ${title}\n${printGraph(graph, { origins: true })}`).join('\n\n')
    const known = [...new Set(stands.map(({ stand }) => stand))].join(', ')
    throw errors.E_USAGE({ problem: `There is nothing to print for "${which}".`, next: `Choose one of ${known}.` })
  } finally {
    checkpoint.close()
  }
}
