import type { OutputPort, Port, PortRole } from '@silane/core'

const roles: Readonly<Record<PortRole, string>> = {
  ids: 'Token ids',
  mask: '1 where a place counts, 0 where it is padding',
  positions: 'Where each token stands',
  segments: 'Which segment each token belongs to',
  image: 'Pixels, normalised',
  points: 'Coordinates in pixels, x and y',
  box: 'Two corners in pixels: x and y of one, then of the other',
  labels: 'What each point is',
  vectors: 'Vectors',
  cache: 'Keys or values of earlier tokens, by layers',
  cross: "Keys or values of another program's tokens, by layers",
  hidden: 'What the part before gives',
}

/** What an input or a state is for, as Xcode shows it; empty where nothing is known of it. */
export function aboutInput(port: Port | undefined): string {
  if (!port) return ''
  const { role, below, values, absent, image, layers } = port
  const list = (numbers: readonly number[]) => numbers.map(String).join(', ')
  const what = image?.picture ? `A picture, ${image.color === 'gray' ? 'gray' : 'in colour'}` : roles[role]
  return sentences([
    what,
    below === undefined ? '' : `Below ${below}`,
    values && role !== 'mask' ? `One of ${list(values)}` : '',
    absent === undefined ? '' : `${absent}: the place is not taken`,
    image && !image.picture ? `${colors[image.color]}, pixel · [${list(image.scale)}] + [${list(image.bias)}]` : '',
    layers ? `Layers ${layers[0]} to ${layers[1] - 1}` : '',
  ])
}

const colors = { rgb: 'Red, green, blue', bgr: 'Blue, green, red', gray: 'Gray' } as const

const outputRoles: Readonly<Record<NonNullable<OutputPort['role']>, string>> = {
  hidden: 'For the part that comes next',
  masks: 'Logits of masks: above 0 is inside',
  scores: 'How good each mask is',
  embedding: 'A vector for each text, to compare texts by',
}

/** What an output is, likewise. */
export function aboutOutput(port: OutputPort | undefined): string {
  if (!port) return ''
  const { role, rows, updates, best, follows, similarity } = port
  return sentences([
    role ? outputRoles[role] : '',
    rows === undefined ? '' : `Rows count where ${rows} is 1`,
    updates === undefined ? '' : `To be put into ${updates} at the places of the new tokens`,
    best === undefined ? '' : `Where on axis ${best.axis} the best of ${best.of} is`,
    follows === undefined ? '' : `Follows from ${follows}`,
    similarity === undefined ? '' : 'Compared by their product',
  ])
}

const sentences = (parts: readonly string[]): string =>
  parts
    .filter(part => part !== '')
    .map(part => `${part}.`)
    .join(' ')
