import type * as Documents from '@silane/documents'
import { optionalPackage } from '../plugins/optional-package.ts'

/** The package that holds documents and their vectors. Throws E_PACKAGE_MISSING. */
export const openDocuments = async (cwd: string | undefined): Promise<typeof Documents> =>
  (await optionalPackage('@silane/documents', [cwd ?? process.cwd()], 'An index of documents')) as typeof Documents
