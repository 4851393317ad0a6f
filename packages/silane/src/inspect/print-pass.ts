import { printGraph } from '@silane/core'
import { planDeployment } from '../convert/plan-deployment.ts'
import { findPlugin, loadModel, openModel, whileMissing } from '../convert/prepare-model.ts'
import { resolveSettings } from '../convert/resolve-settings.ts'
import { rewriteProgram } from '../convert/rewrite-program.ts'
import { errors } from '../errors.ts'
import type { InspectOptions } from './inspect.ts'

/**
 * The functions of a checkpoint as text, with what made each op: `load` as the plugin made them, `after:PASS` as they stand after
 * a pass. Throws E_USAGE for a pass that there is not.
 */
export async function printPass(options: InspectOptions, which: string): Promise<string> {
  const settings = resolveSettings(options)
  const checkpoint = await openModel({ ...options, headers: !options.download })
  try {
    const chosen = await findPlugin(checkpoint, options)
    const { texts, known } = await whileMissing(checkpoint, async () => {
      const loaded = await loadModel(checkpoint, chosen, options)
      const programs = planDeployment(loaded, settings).programs.map(plan => rewriteProgram(plan, chosen.contract, settings))
      const stands = programs.flatMap(({ plan, passes }) => [
        ...plan.functions.map(({ name, source }) => ({ stand: 'load', title: `${plan.name}/${name}`, graph: source })),
        ...passes.map(pass => ({ stand: `after:${pass.pass}`, title: `${plan.name}/${pass.function}, ${pass.target}`, graph: pass.graph })),
      ])
      const asked = stands.filter(({ stand }) => stand === which)
      return {
        texts: asked.map(({ title, graph }) => `# ${title}\n${printGraph(graph, { origins: true })}`),
        known: new Set(stands.map(({ stand }) => stand)),
      }
    })
    if (texts.length > 0) return texts.join('\n\n')
    throw errors.E_USAGE({ problem: `There is nothing to print for "${which}".`, next: `Choose one of ${[...known].join(', ')}.` })
  } finally {
    checkpoint.close()
  }
}
