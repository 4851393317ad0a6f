/** A picture for the programs of a folder. */
export interface ImageRequest {
  /** A folder that `convert` wrote. */
  readonly folder: string
  /** A PNG, JPEG, WebP or GIF file, or its bytes. */
  readonly image: string | Uint8Array
  /** Where the plugin that converted the folder is found. */
  readonly plugins?: readonly string[] | undefined
  readonly cwd?: string | undefined
}
