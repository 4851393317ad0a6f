import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { HUB_URL } from '@huggingface/hub'
import { errors } from '../errors.ts'
import type { OpenOptions } from '../open-checkpoint.ts'
import { smallFile } from './small-file.ts'

/** What the hub is asked with. */
export interface HubSettings {
  /** Without a slash at the end. */
  readonly endpoint: string
  readonly cacheDir: string
  readonly token: string | undefined
  /** Milliseconds in which an answer about a model must be there, and in which a download must bring something. */
  readonly patience: { readonly answer: number; readonly download: number }
  /** Why the network must not be used; undefined where it may be. */
  readonly offline: string | undefined
}

/** Options first, then the environment, with the names and the defaults of the Python library: both share one cache. */
export function hubSettings(options: OpenOptions, env: NodeJS.ProcessEnv = process.env): HubSettings {
  const token = options.token ?? (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || storedToken(env))
  if (token !== undefined) options.onSecret?.(token)
  const offline = ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'].find(name => /^(?:1|true|yes|on)$/i.test(env[name] ?? ''))
  return {
    endpoint: (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, ''),
    // What is empty is not given, as in a script whose variable is not set: it does not mean the working directory.
    cacheDir: expandHome(options.cacheDir || env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(homeOf(env), 'hub')),
    token: checked(token),
    // As the Python library has them, in seconds.
    patience: { answer: milliseconds(env.HF_HUB_ETAG_TIMEOUT), download: milliseconds(env.HF_HUB_DOWNLOAD_TIMEOUT) },
    offline: options.offline
      ? 'silane was told to stay offline'
      : offline && options.offline === undefined
        ? `${offline} is set`
        : undefined,
  }
}

function milliseconds(seconds: string | undefined): number {
  const asked = Number(seconds)
  return 1000 * (asked > 0 && asked < 1e6 ? asked : 10)
}

/** A token goes into a header, where a line break would begin another one. Throws E_HUB_TOKEN, which does not repeat it. */
function checked(token: string | undefined): string | undefined {
  if (token === undefined || /^[\x21-\x7e]{1,1000}$/.test(token)) return token
  throw errors.E_HUB_TOKEN({})
}

const expandHome = (path: string): string => path.replace(/^~(?=[/\\]|$)/, home)

/** The folder of the person; HOME may be empty, which means nothing. */
function home(): string {
  const said = homedir()
  return isAbsolute(said) ? said : userInfo().homedir
}

/** Where the Hugging Face libraries keep what they share. */
const homeOf = (env: NodeJS.ProcessEnv): string => env.HF_HOME || join(env.XDG_CACHE_HOME || join(home(), '.cache'), 'huggingface')

/** The token that `hf auth login` stores. Throws E_FILE_READ where something else has the name. */
function storedToken(env: NodeJS.ProcessEnv): string | undefined {
  const path = expandHome(env.HF_TOKEN_PATH || join(homeOf(env), 'token'))
  const text = smallFile(path)
  if (text === undefined && existsSync(path))
    throw errors.E_FILE_READ({ file: 'The stored token', problem: 'it is no regular file, or too long for a token', where: path })
  return text || undefined
}
