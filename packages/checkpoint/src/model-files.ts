import type { Json } from '@silane/core'

/**
 * The files of a checkpoint by the names under which a model looks for them, and where they stand in its folder. They are the
 * same but for folders of sentence-transformers before version 2, which has the model itself in a folder of its own
 * (`0_Transformer`): what stands there is also what the plain names mean, before what is at the top.
 */
export function modelFiles(files: readonly string[], modules: Json | undefined): ReadonlyMap<string, string> {
  const folder = transformerFolder(modules)
  const own = folder === undefined ? [] : files.filter(file => file.startsWith(folder))
  const names = new Map(files.map(file => [file, file]))
  if (folder === undefined || !own.includes(`${folder}config.json`)) return names
  for (const file of own) names.set(file.slice(folder.length), file)
  return new Map([...names].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The folder of the transformer that modules.json names, with a slash behind it; undefined where that is the checkpoint's own. */
function transformerFolder(modules: Json | undefined): string | undefined {
  const listed: readonly Json[] = Array.isArray(modules) ? modules : []
  for (const entry of listed) {
    if (typeof entry !== 'object' || entry === null || !('path' in entry) || !('type' in entry)) continue
    const { path, type } = entry
    if (typeof type === 'string' && /(?:^|\.)Transformer$/.test(type))
      return typeof path === 'string' && path !== '' ? `${path}/` : undefined
  }
  return undefined
}
