import type * as Images from '@silane/images'
import type { Manifest } from '../manifest.ts'
import { type DiscoverOptions, discoverPlugins } from '../plugins/discover-plugins.ts'
import { optionalPackage } from '../plugins/optional-package.ts'

/**
 * The package that reads and writes pictures, as the plugin that converted a folder has it: it comes with the plugins that need it, so
 * that whoever converts text models does not install it. Throws E_PACKAGE_MISSING.
 */
export async function openImages({ plugin }: Manifest, options: DiscoverOptions): Promise<typeof Images> {
  const found = discoverPlugins(options).plugins.find(({ package: name }) => name === plugin.package)
  const places = [...(found ? [found.root] : []), options.cwd ?? process.cwd()]
  return (await optionalPackage('@silane/images', places, 'Reading a picture')) as typeof Images
}
