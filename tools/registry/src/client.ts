import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { clientConfig, root } from './tarballs.ts'

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** What people did and what they saw, in the order in which they did it. */
export class Transcript {
  text = ''

  /** A line of prose. */
  say(line: string): void {
    this.text += `\n# ${line}\n\n`
  }
}

/** Which program `yarn` is; `npm` is the machine's, `pnpm` the workspace's. */
export interface ClientOptions {
  /** Who it is, for a transcript of several. */
  readonly name?: string
  readonly transcript?: Transcript
  readonly yarn?: 'classic' | 'berry'
  /** What package.json of the empty project says besides its name. */
  readonly manifest?: Readonly<Record<string, unknown>>
}

/** Somebody with an empty project, a home of their own, and no network but the registry. */
export class Client {
  readonly home: string
  /** The project's folder. */
  readonly folder: string
  readonly environment: NodeJS.ProcessEnv
  readonly #scratch: string
  readonly #registry: string
  readonly #prompt: string
  readonly #transcript: Transcript

  constructor(registry: string, { name = '', transcript = new Transcript(), yarn = 'classic', manifest = {} }: ClientOptions = {}) {
    this.#registry = registry
    this.#prompt = `${name}$`
    this.#transcript = transcript
    this.#scratch = realpathSync(mkdtempSync(join(tmpdir(), 'silane-client-')))
    this.home = join(this.#scratch, 'home')
    this.folder = join(this.home, 'project')
    const programs = join(this.#scratch, 'programs')
    for (const folder of [this.home, this.folder, programs]) mkdirSync(folder)
    writeFileSync(join(this.home, '.npmrc'), clientConfig(registry))
    // Yarn 4 reads no .npmrc, and asks for a word before it goes without TLS. What was published a minute ago is what is tested.
    writeFileSync(
      join(this.home, '.yarnrc.yml'),
      [`npmRegistryServer: '${registry}'`, 'unsafeHttpWhitelist: [127.0.0.1]', 'enableTelemetry: false', 'npmMinimalAgeGate: 0', ''].join(
        '\n',
      ),
    )
    writeFileSync(join(this.folder, 'package.json'), `${JSON.stringify({ name: 'app', private: true, ...manifest }, null, 2)}\n`)
    const require = createRequire(import.meta.url)
    program(join(programs, 'pnpm'), join(root, 'node_modules/.bin/pnpm'))
    const yarnFile = yarn === 'classic' ? 'yarn-classic/bin/yarn.js' : 'yarn-berry/bin/yarn.js'
    program(join(programs, 'yarn'), process.execPath, require.resolve(yarnFile))
    this.environment = clientEnvironment(this.home, programs)
  }

  /** All that was run and what it printed, in order. The home is called `~` there, and the registry `http://registry/`. */
  get transcript(): string {
    return this.#transcript.text
  }

  /** Runs a line of shell in the project and expects it to end with `status`. */
  async run(line: string, { status = 0, environment = {} }: { status?: number; environment?: NodeJS.ProcessEnv } = {}): Promise<Ran> {
    const ran = await this.try(line, environment)
    if (ran.status !== status) throw new Error(`${line}\nended with ${ran.status} instead of ${status}\n${ran.stdout}${ran.stderr}`)
    return ran
  }

  /** Runs a line of shell in the project, however it ends. */
  async try(line: string, environment: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const ran = await shell(line, this.folder, { ...this.environment, ...environment })
    const printed = stripVTControlCharacters(`${ran.stdout}${ran.stderr}`)
      .replaceAll(this.home, '~')
      .replaceAll(this.#registry, 'http://registry/')
      .split('\n')
      .map(text => text.trimEnd())
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim()
    this.#transcript.text += `${this.#prompt} ${line}\n${printed}${printed === '' ? '' : '\n'}${ran.status === 0 ? '' : `(exit ${ran.status})\n`}\n`
    return ran
  }

  /** Removes the project and the home. */
  remove(): void {
    rmSync(this.#scratch, { recursive: true, force: true, maxRetries: 3 })
  }
}

const program = (path: string, ...command: string[]) => {
  writeFileSync(path, `#!/bin/sh\nexec ${command.map(word => `'${word}'`).join(' ')} "$@"\n`)
  chmodSync(path, 0o755)
}

/**
 * What of this process's environment a client has: nothing that configures a package manager. The workspace's Node comes first on the
 * path, none of its other tools are on it. A proxy that does not exist stands between the client and everything but this machine.
 */
function clientEnvironment(home: string, programs: string): NodeJS.ProcessEnv {
  const kept = ['LANG', 'LC_ALL', 'TMPDIR', 'SYSTEMROOT', 'NODE_EXTRA_CA_CERTS']
  const path = (process.env.PATH ?? '').split(delimiter).filter(folder => !folder.includes('node_modules'))
  const nowhere = 'http://127.0.0.1:9'
  return {
    ...Object.fromEntries(kept.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    PATH: [programs, join(home, 'global/bin'), dirname(process.execPath), ...path].join(delimiter),
    HOME: home,
    NPM_CONFIG_USERCONFIG: join(home, '.npmrc'),
    NPM_CONFIG_GLOBALCONFIG: join(home, 'global-npmrc'),
    NPM_CONFIG_CACHE: join(home, '.npm'),
    NPM_CONFIG_PREFIX: join(home, 'global'),
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    NO_PROXY: '127.0.0.1,localhost',
    NODE_USE_ENV_PROXY: '1',
    // pnpm leaves versions alone that are younger than a day.
    PNPM_CONFIG_MINIMUM_RELEASE_AGE: '0',
  }
}

function shell(line: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', line], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', status => resolve({ status: status ?? 1, stdout, stderr }))
  })
}
