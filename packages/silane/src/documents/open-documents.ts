import { resolve } from 'node:path'
import type * as Documents from '@silane/documents'
import { codeFolder } from '../plugins/find-package.ts'
import { optionalPackage } from '../plugins/optional-package.ts'

/** The package that holds documents and their vectors. A converted folder is data: its code is not run. Throws E_PACKAGE_MISSING. */
export async function openDocuments(folder: string, cwd = process.cwd()): Promise<typeof Documents> {
  const around = codeFolder(cwd, [resolve(cwd, folder)])
  return (await optionalPackage('@silane/documents', around === undefined ? [] : [around], 'An index of documents')) as typeof Documents
}
