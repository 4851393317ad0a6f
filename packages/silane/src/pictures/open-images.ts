import type * as Images from '@silane/images'
import type { Manifest } from '../manifest.ts'
import { type DiscoverOptions, discoverPlugins } from '../plugins/discover-plugins.ts'
import { codeFolder } from '../plugins/find-package.ts'
import { optionalPackage } from '../plugins/optional-package.ts'

/**
 * The package that reads and writes pictures, as the plugin that converted a folder has it: it comes with the plugins that need it, so
 * that whoever converts text models does not install it. A converted folder is data, as a checkpoint is: its code is not run. Throws
 * E_PACKAGE_MISSING.
 */
export async function openImages({ plugin }: Manifest, options: DiscoverOptions): Promise<typeof Images> {
  const found = discoverPlugins(options).plugins.find(({ package: name }) => name === plugin.package)
  const around = codeFolder(options.cwd ?? process.cwd(), options.checkpoint === undefined ? [] : [options.checkpoint])
  const places = [...(found ? [found.root] : []), ...(around === undefined ? [] : [around])]
  return (await optionalPackage('@silane/images', places, 'Reading a picture')) as typeof Images
}
