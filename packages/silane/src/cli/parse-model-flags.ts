import { Command } from 'commander'
import type { ModelOptions } from '../convert/convert-options.ts'
import { addModelFlags, type ModelFlags, modelOptions } from './model-flags.ts'

/** The options that flags of the command line stand for: `['--seq', '24']` → `{ seq: [24] }`. Throws what commander throws. */
export function parseModelFlags(model: string, args: readonly string[]): ModelOptions {
  const command = addModelFlags(new Command('convert'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  command.parse([...args], { from: 'user' })
  return modelOptions(model, command.opts<ModelFlags>())
}
