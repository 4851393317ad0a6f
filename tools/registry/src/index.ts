export { Client, type ClientOptions, type Ran, Transcript } from './client.ts'
export { type Registry, startRegistry } from './registry.ts'
export type { PublishedWorkspace } from './setup.ts'
export {
  inOrder,
  type Manifest,
  pack,
  packAll,
  packumentOf,
  packWorkspace,
  publicFolders,
  publish,
  publishedVersions,
  readTarball,
  repack,
  type Tarball,
} from './tarballs.ts'
