import { createHash } from 'node:crypto'

export interface FileDigest {
  /** Relative to the folder, with slashes. */
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

/** The sha256 of a folder: that of its sorted lines `path size sha256`. */
export const folderDigest = (files: readonly FileDigest[]): string =>
  createHash('sha256')
    .update(
      files
        .map(file => `${file.path} ${file.bytes} ${file.sha256}\n`)
        .toSorted()
        .join(''),
    )
    .digest('hex')
