import { arrayConstant, type Constant } from '@silane/core'
import type { DeployedProgram, Manifest } from '../manifest.ts'
import { errors } from './errors.ts'
import type { Programs } from './open-programs.ts'

/** Runs the encoder on right-padded ids; gives what the decoder reads at every step. Throws E_INPUT_TOO_LONG. */
export async function runEncoder(
  programs: Programs,
  manifest: Manifest,
  ids: readonly number[],
): Promise<Readonly<Record<string, Constant>>> {
  const program = manifest.programs.find(({ name }) => name === 'encoder') as DeployedProgram
  const length = program.functions[0]?.inputs.find(({ name }) => name === 'input_ids')?.shape[1] ?? 0
  if (ids.length > length) throw errors.E_INPUT_TOO_LONG({ tokens: ids.length, length })
  const row = (value: (at: number) => number) =>
    arrayConstant(
      'int32',
      [1, length],
      Int32Array.from({ length }, (_, at) => value(at)),
    )
  const mask = row(at => (at < ids.length ? 1 : 0))
  const session = await programs.open('encoder', 'main')
  const { cross_key, cross_value } = await session.run({ input_ids: row(at => ids[at] ?? 0), attention_mask: mask })
  await session.close()
  if (!cross_key || !cross_value) throw errors.E_NOT_A_DECODER({})
  return { cross_key, cross_value, encoder_attention_mask: mask }
}
