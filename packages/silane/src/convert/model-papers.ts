import { statSync } from 'node:fs'
import { checkpointErrors, isLicenseFile, MODEL_CARD, type ModelCard, type OpenCheckpoint } from '@silane/checkpoint'
import { isSilaneError } from '@silane/core'

/** The checkpoint's own card in an output folder, which has a README.md of silane's. */
export const COPIED_CARD = 'MODEL_CARD.md'

/** Of a licence. The longest in use has 40 kB, notices of many parts a megabyte. */
const MAX_LICENSE_BYTES = 4_000_000

/** By whom a model is and what it may be used for, as its files say. */
export interface ModelPapers {
  /** The license in words: `apache-2.0`, `openrail++ (https://…)`. */
  readonly license?: string
  /** Where its text stands, if that is on the web. */
  readonly licenseLink?: string
  readonly author?: string
  readonly version?: string
  /** Files to copy, by their names in the output folder. */
  readonly files: Readonly<Record<string, string>>
  readonly notes: readonly string[]
}

/** Reads the model card and finds the files of licences. What of them cannot be had is a note: no number depends on them. */
export function modelPapers(
  checkpoint: Pick<OpenCheckpoint, 'modelCard' | 'files' | 'path' | 'location' | 'id' | 'revision'>,
): ModelPapers {
  const notes: string[] = []
  const attempt = <T>(take: () => T): T | undefined => {
    try {
      return take()
    } catch (error) {
      if (!isSilaneError(error)) throw error
      notes.push(`${error.what.replace(/\.$/, '')}; it was not copied`)
      return undefined
    }
  }
  const card = attempt(() => checkpoint.modelCard())
  const own = checkpoint.files.filter(file => isLicenseFile(file) && attempt(() => bounded(file, checkpoint)) !== undefined)
  const author = authorOf(card, checkpoint)
  const version = card?.version ?? checkpoint.revision ?? undefined
  const link = card?.licenseLink
  return {
    ...licenseOf(card),
    ...(link !== undefined && isAddress(link) ? { licenseLink: link } : {}),
    ...(author === undefined ? {} : { author }),
    ...(version === undefined ? {} : { version }),
    files: { ...(card ? { [COPIED_CARD]: MODEL_CARD } : {}), ...Object.fromEntries(own.map(file => [file, file])) },
    notes: [...(card?.notes ?? []), ...notes],
  }
}

/** The path of a licence. Throws what `path` of a checkpoint throws, and E_FILE_SIZE. */
function bounded(file: string, { path, location }: Pick<OpenCheckpoint, 'path' | 'location'>): string {
  const found = path(file)
  const { size } = statSync(found)
  if (size > MAX_LICENSE_BYTES) throw checkpointErrors.E_FILE_SIZE({ file, size, limit: MAX_LICENSE_BYTES, where: location })
  return found
}

const isAddress = (text: string): boolean => /^https?:\/\//i.test(text) && URL.canParse(text)

/** `other` says nothing where the license has a name. */
function licenseOf(card: ModelCard | undefined): Pick<ModelPapers, 'license'> {
  const { licenses = [], licenseName } = card ?? {}
  const named = licenses.filter(license => license !== 'other' || licenseName === undefined)
  const all = [...named, ...(licenseName === undefined ? [] : [licenseName])]
  return all.length > 0 ? { license: [...new Set(all)].join(', ') } : {}
}

/** Whom the card names, else whose the repository on the hub is. */
function authorOf(card: ModelCard | undefined, { id, revision }: Pick<OpenCheckpoint, 'id' | 'revision'>): string | undefined {
  if (card && card.authors.length > 0) return card.authors.join(', ')
  const [owner, name] = id.split('/')
  return revision !== null && name !== undefined ? owner : undefined
}
