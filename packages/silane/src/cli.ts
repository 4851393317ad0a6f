export async function main(_argv: string[]): Promise<number> {
  console.error('silane: no commands yet')
  return 1
}
