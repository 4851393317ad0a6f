/**
 * The names, at most `most`, whose key begins with a prefix. The keys are sorted once, after which those with one beginning are next to
 * each other: of a checkpoint with tensors for each expert there are a hundred thousand, too many to go through for each of them.
 */
export function byPrefix(names: Iterable<string>, keyOf: (name: string) => string): (prefix: string, most: number) => readonly string[] {
  const sorted = [...names].map(name => ({ name, key: keyOf(name) })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return (prefix, most) => {
    let [first, end] = [0, sorted.length]
    while (first < end) {
      const middle = Math.floor((first + end) / 2)
      if ((sorted[middle]?.key ?? '') < prefix) first = middle + 1
      else end = middle
    }
    return sorted
      .slice(first, first + most)
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ name }) => name)
  }
}
