/** A transcript as a page: a chapter for each line of prose, without what differs from run to run and what only shows progress. */
export function pageOf(title: string, about: string, text: string): string {
  const told = text
    .replace(/^(Progress:|Scope:|\? Verifying|✓ Lockfile|🦋|\[WARN\] Request|\++$|-$).*\n/gmu, '')
    .replace(/\b\d+(\.\d+)? ?(ms|s|MB)\b/g, '… $2')
    .replace(/\n{3,}/g, '\n\n')
    .split(/^# (.*)$/m)
  const chapters = told.slice(1).map((part, index) => (index % 2 === 0 ? `\n## ${part}\n\n` : `\`\`\`console\n${part.trim()}\n\`\`\`\n`))
  return [`# ${title}\n\n`, `${about}\n`, ...chapters].join('')
}
