import { type Checkpoint, type Constant, isJsonObject, sameElements, type TiedNames } from '@silane/core'

/**
 * Notes on tensors that are one to the original and several in the files, where they differ. Each is taken as it stands there, as
 * transformers 5 does; version 4 put the first in the place of all unless `tie_word_embeddings` was false. `taken` are the tensors that
 * were read, by name, `rows` the plugin's (`PluginContract.tied`).
 */
export function differingTies(
  { config }: Pick<Checkpoint, 'config'>,
  taken: ReadonlyMap<string, Constant>,
  rows: readonly TiedNames[],
): readonly string[] {
  const { transformers_version: version } = config
  const isOfLater = typeof version === 'string' && /^(?:[5-9]|\d\d)\./.test(version)
  if (isOfLater || [config, ...Object.values(config)].some(part => isJsonObject(part) && part.tie_word_embeddings === false)) return []
  return rows.flatMap(row => {
    const [first, ...others] = row.flatMap(name => {
      const found = [...taken].filter(([full]) => full === name || full.endsWith(`.${name}`))
      // A name that several modules have, such as two encoders, says of none what it is tied to.
      return found.length === 1 ? found : []
    })
    const other = first && others.find(([, tensor]) => !sameElements(first[1], tensor))
    return first && other
      ? [
          `${other[0]} differs from ${first[0]}, although the configuration ties them; each is taken as it is, as by transformers 5, where version 4 takes the latter for both`,
        ]
      : []
  })
}
