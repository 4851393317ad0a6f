import type { Claim } from './plugin-manifest.ts'

/** A claim in one line. */
export function claimText({ modelType, architectures, when }: Claim): string {
  const parts = [
    ...(modelType === undefined ? [] : [modelType]),
    ...(architectures ? [`(${architectures.join(', ')})`] : []),
    ...Object.entries(when?.config ?? {}).map(([key, value]) => `config ${key} = ${JSON.stringify(value)}`),
    ...(when?.files ?? []).map(file => `file ${file}`),
    ...(when?.tensors ?? []).map(tensor => `tensor ${tensor}`),
    ...Object.entries(when?.options ?? {}).map(([name, value]) => `option ${name}=${value}`),
  ]
  return parts.join(', ').replace(', (', ' (')
}
