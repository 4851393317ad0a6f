import { execFileSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '../../..')

/** Makes `folder` a repository with what versions are made from: the workspace's manifests and changelogs, without its changesets. */
export function checkOut(folder: string): void {
  const patterns = ['package.json', 'pnpm-*.yaml', '.changeset/config.json', '{packages,plugins,tools}/*/package.json']
  for (const file of globSync([...patterns, '{packages,plugins}/*/CHANGELOG.md'], { cwd: root })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    copyFileSync(join(root, file), join(folder, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, '.gitignore'), 'node_modules\ntarballs\n')
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder })
  git('init', '-q', '-b', 'main')
  git('config', 'user.name', 'A maintainer')
  git('config', 'user.email', 'maintainer@example.invalid')
  git('add', '-A')
  git('commit', '-qm', 'The workspace')
}
