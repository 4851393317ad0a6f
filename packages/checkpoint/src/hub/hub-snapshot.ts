import { errors } from '../errors.ts'
import type { Identity } from '../folder-checkpoint.ts'
import type { OpenOptions } from '../open-checkpoint.ts'

export async function hubSnapshot(model: string, _options: OpenOptions): Promise<{ folder: string; identity: Identity }> {
  throw errors.E_MODEL_NAME({ model, problem: 'the hub is not reachable from this version' })
}
