import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { getHFHubCachePath, HUB_URL } from '@huggingface/hub'
import type { OpenOptions } from '../open-checkpoint.ts'

/** What the hub is asked with. */
export interface HubSettings {
  /** Without a slash at the end. */
  readonly endpoint: string
  readonly cacheDir: string
  readonly token: string | undefined
  /** Why the network must not be used; undefined where it may be. */
  readonly offline: string | undefined
}

/** Options first, then the environment, with the names and the defaults of the Python library: both share one cache. */
export function hubSettings(options: OpenOptions, env: NodeJS.ProcessEnv = process.env): HubSettings {
  const offline = ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'].find(name => /^(?:1|true|yes|on)$/i.test(env[name] ?? ''))
  return {
    endpoint: (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, ''),
    cacheDir: expandHome(options.cacheDir ?? getHFHubCachePath()),
    token: options.token ?? (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || storedToken(env)),
    offline: options.offline
      ? 'silane was told to stay offline'
      : offline && options.offline === undefined
        ? `${offline} is set`
        : undefined,
  }
}

const expandHome = (path: string): string => path.replace(/^~(?=[/\\]|$)/, homedir())

/** The token that `hf auth login` stores. */
function storedToken(env: NodeJS.ProcessEnv): string | undefined {
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface')
  const path = expandHome(env.HF_TOKEN_PATH || join(home, 'token'))
  return existsSync(path) ? readFileSync(path, 'utf8').trim() || undefined : undefined
}
