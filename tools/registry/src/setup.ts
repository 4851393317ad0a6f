// vitest's global setup: one registry with every package of the workspace, for all projects of a run that name this file.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { type Registry, startRegistry } from './registry.ts'
import { packWorkspace, publish, type Tarball } from './tarballs.ts'

/** What tests get with `inject('registry')`: all workspace packages are published there. */
export interface PublishedWorkspace {
  readonly url: string
  readonly tarballs: readonly Tarball[]
}

declare module 'vitest' {
  interface ProvidedContext {
    registry: PublishedWorkspace
  }
}

interface Shared {
  users: number
  readonly started: Promise<{ readonly registry: Registry; readonly folder: string; readonly tarballs: readonly Tarball[] }>
}

declare global {
  /** Every project of vitest loads this file anew, so what they share hangs on the process. */
  var silaneRegistry: Shared | undefined
}

async function start(): Promise<Awaited<Shared['started']>> {
  const folder = mkdtempSync(join(tmpdir(), 'silane-tarballs-'))
  const tarballs = packWorkspace(folder)
  const registry = await startRegistry()
  for (const tarball of tarballs) await publish(registry.url, tarball)
  return { registry, folder, tarballs }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = globalThis.silaneRegistry ?? { users: 0, started: start() }
  globalThis.silaneRegistry = shared
  shared.users++
  const { registry, folder, tarballs } = await shared.started
  project.provide('registry', { url: registry.url, tarballs })
  return async () => {
    if (--shared.users > 0) return
    globalThis.silaneRegistry = undefined
    rmSync(folder, { recursive: true, force: true })
    await registry.stop()
  }
}
