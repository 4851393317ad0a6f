import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errors } from '@silane/core'
import type { Case, Place } from '../src/place.ts'
import type { Target } from '../src/targets.ts'

/** A target that does this in its third case of every five, and nothing else. */
const planted = (call: (place: Place) => unknown): Target => ({
  doc: 'planted by a test',
  batch: 5,
  make: (place): Case => ({ what: 'planted', run: { call: () => (place.index % 5 === 2 ? call(place) : undefined) } }),
})

/** What the harness must find, each by the name that its format has here. */
export const targets: Readonly<Record<string, Target>> = {
  fine: planted(() => {
    throw errors.E_UNSUPPORTED({ what: 'This is refused.' })
  }),
  uncoded: planted(() => {
    const nothing: { readonly length: number }[] = []
    return nothing[0]?.length.toFixed() ?? (nothing as unknown as readonly [{ readonly deep: { readonly deeper: number } }])[0].deep.deeper
  }),
  silane: planted(() => {
    throw errors.E_GRAPH({ graph: 'planted', problem: 'it is ours' })
  }),
  busy: planted(() => {
    for (;;);
  }),
  waits: planted(() => new Promise(() => {})),
  grows: planted(() => {
    const kept: Uint8Array[] = []
    for (;;) kept.push(new Uint8Array(20_000_000).fill(1))
  }),
  spikes: planted(() => void new Uint8Array(500_000_000).fill(1)),
  dies: planted(() => process.abort()),
  late: planted(() => void Promise.reject(new Error('nobody waits'))),
  leaves: planted(({ output }) => {
    writeFileSync(join(output, '.half-written'), '')
  }),
  drops: planted(() => writeFileSync(join(process.env.TMPDIR ?? '', 'dropped'), '')),
  pollutes: planted(() => void Object.assign(Object.prototype, { polluted: 1 })),
}
