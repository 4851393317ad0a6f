import { HUB_URL } from '@huggingface/hub'
import { errors } from '../errors.ts'
import { inside } from '../inside.ts'

/** A model on the hub, as whoever asks for it says it. */
export interface HubAddress {
  readonly name: string
  /** A branch, a tag or a commit. */
  readonly revision: string
  /** The folder of the repository that is the checkpoint; undefined for its top. */
  readonly subfolder: string | undefined
}

interface Given {
  readonly revision?: string | undefined
  readonly subfolder?: string | undefined
}

/**
 * Reads `org/name`, `org/name@revision`, `hf://org/name@revision/folder` and the addresses of the hub's pages: of a model, of one of its
 * folders, and of a file, which stands for the folder that it is in. What `given` says besides must not differ. Throws E_MODEL_NAME.
 */
export function hubAddress(model: string, given: Given = {}, endpoint = process.env.HF_ENDPOINT || HUB_URL): HubAddress {
  const wrong = (problem: string) => errors.E_MODEL_NAME({ model, problem })
  const said = /^hf:\/\//i.test(model)
    ? ofScheme(model.slice('hf://'.length))
    : /^https?:\/\//i.test(model)
      ? ofPage(model, endpoint)
      : ofId(model)
  if (typeof said === 'string') throw wrong(said)
  const { name } = said
  for (const key of ['revision', 'subfolder'] as const) {
    const [here, there] = [said[key], given[key]]
    if (here !== undefined && there !== undefined && here !== there) throw wrong(`it says another ${key} than the option, "${there}"`)
  }
  // The rules of the hub. They also keep the name of the cache's folder unambiguous.
  const parts = name.split('/')
  if (parts.length > 2) throw wrong('an id has one slash at most')
  if (!parts.every(part => /^\w[\w.-]{0,95}$/.test(part)) || /--|\.\.|[.-]$/.test(name)) {
    throw wrong('an id consists of letters, digits, "-", "_" and "."')
  }
  const revision = said.revision ?? given.revision ?? 'main'
  if (!inside(revision)) throw wrong(`"${revision}" cannot be a revision`)
  const subfolder = said.subfolder ?? given.subfolder?.replace(/\/+$/, '')
  if (subfolder !== undefined && !inside(subfolder)) throw wrong(`"${subfolder}" cannot be a folder of it`)
  return { name, revision, subfolder }
}

/** What a text says, or what is wrong with it. */
type Said = (Given & { readonly name: string }) | string

function ofId(model: string): Said {
  const at = model.indexOf('@')
  return at < 0 ? { name: model } : { name: model.slice(0, at), revision: model.slice(at + 1) }
}

/** Revisions with slashes that the hub makes itself: of pull requests, and of files that were converted. */
const REFS = /^(refs\/(?:pr\/\d+|convert\/[^/]+))(?:\/|$)/

/** `org/name@revision/folder`, as `HfFileSystem` of the Python library has it. */
function ofScheme(path: string): Said {
  const parts = path.replace(/\/+$/, '').split('/')
  // An old model has no organisation; then nothing can follow but a revision.
  const [first = '', second = ''] = parts
  const [head, tail] = parts.length < 2 || first.includes('@') ? [first, parts.slice(1)] : [`${first}/${second}`, parts.slice(2)]
  const at = head.indexOf('@')
  if (at < 0) return { name: head, subfolder: folder(tail) }
  return { name: head.slice(0, at), ...revisionAnd([head.slice(at + 1), ...tail]) }
}

function ofPage(model: string, endpoint: string): Said {
  const url = URL.parse(model)
  const hosts = [endpoint, HUB_URL, 'https://hf.co'].map(each => URL.parse(each)?.host)
  if (!url || !hosts.includes(url.host)) return `the hub is ${endpoint}, and this address leads elsewhere`
  const parts = url.pathname.split('/').filter(Boolean)
  const kind = parts.findIndex((part, i) => i > 0 && ['tree', 'blob', 'resolve', 'raw'].includes(part))
  const name = parts.slice(0, kind < 0 ? 2 : kind).join('/')
  if (/^(?:datasets|spaces|collections|papers)(?:\/|$)/.test(name)) return 'it is the address of something else than a model'
  // `/discussions`, `/commits/main`: pages about the model.
  if (kind < 0) return { name }
  const { revision, subfolder } = revisionAnd(parts.slice(kind + 1))
  const file = parts[kind] !== 'tree'
  return { name, revision, subfolder: file ? folder(subfolder?.split('/').slice(0, -1) ?? []) : subfolder }
}

/** Of `revision/folder/…`. Pages spell the slashes of a revision; typed by hand, those of the hub's own are known. */
function revisionAnd(parts: readonly string[]): Given {
  const known = REFS.exec(parts.join('/'))?.[1]
  const used = known === undefined ? 1 : known.split('/').length
  const revision = decoded(parts.slice(0, used).join('/'))
  return { revision: revision === '' ? undefined : revision, subfolder: folder(parts.slice(used)) }
}

const folder = (parts: readonly string[]): string | undefined => (parts.length === 0 ? undefined : parts.map(decoded).join('/'))

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
