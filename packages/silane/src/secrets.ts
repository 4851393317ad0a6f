import { inOneLine } from './printable.ts'

/** Passwords shorter than this occur in ordinary words. */
const LEAST = 8

/** Tokens that were given or read. */
const known = new Set<string>()

/** Has a token or a password never printed. */
export function addSecret(secret: string): void {
  known.add(secret)
}

/** Variables whose values are tokens, and those whose values are addresses, which may have a password. */
const TOKENS = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']
const ADDRESSES = ['HF_ENDPOINT', 'HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy']

/**
 * What is a secret by its shape, without doubt: a token of the hub, which has 34 letters and digits and more and is no part of a path, and
 * who asks in the address of a server. `./hf_models/bert` and `hf://m@main` are neither.
 */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/(?:(?<![\w/\\.-])|(?<=\\u[0-9a-f]{4}))hf_[A-Za-z0-9]{30,}(?![\w/-]|\\(?!u[0-9a-f]{4})|\.\w)/g, 'hf_…'],
  [/(\bhttps?:\/\/)[^\s/?#"'<>]+@/gi, '$1…@'],
  [/(\bAuthorization:\s*Bearer\s+)[^\s"]+/gi, '$1…'],
]

/** Gives texts without the secrets that are known by now, and without what is one by its shape. For each text alone, before it is put into JSON. */
export function secretsRemover(env: NodeJS.ProcessEnv = process.env): (text: string) => string {
  const addresses = ADDRESSES.flatMap(name => credentialsOf(env[name] ?? ''))
  const secrets = [...known, ...TOKENS.flatMap(name => env[name] ?? []), ...addresses.flatMap(({ password }) => password)]
  const words = secrets.flatMap(secret => [secret, ...secret.split(/\s+/)].flatMap(spellings)).filter(word => word.length >= LEAST)
  // In an address they are told by what stands around them, however short they are.
  const users = addresses.flatMap(({ user }) => spellings(user)).flatMap(user => [`http://${user}@`, `https://${user}@`])
  const puts = [...users.map(user => [user, `${user.split('/')[0]}//…@`] as const), ...words.map(word => [word, '…'] as const)]
  // A whole before its parts.
  const sorted = puts.toSorted(([a], [b]) => b.length - a.length)
  return text => {
    const rest = sorted.reduce((shown, [secret, put]) => shown.replaceAll(secret, put), text)
    return SHAPES.reduce((shown, [pattern, put]) => shown.replace(pattern, put), rest)
  }
}

/** As others may repeat it: as it is, decoded, encoded, and quoted. */
function spellings(secret: string): string[] {
  const spelled = [secret, encodeURI(secret.toWellFormed()), encodeURIComponent(secret.toWellFormed())]
  try {
    spelled.push(decodeURIComponent(secret))
  } catch {
    // It has a % that is no code.
  }
  return [...new Set(spelled.flatMap(text => [text, inOneLine(text), JSON.stringify(text).slice(1, -1)]))]
}

/** Who asks, in an address, and with what password. Up to the last @, as people write it: a password may have any character. */
function credentialsOf(address: string): { readonly user: string; readonly password: readonly string[] }[] {
  const user = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(.*)@/is.exec(address)?.[1]
  if (!user) return []
  const raw = user.includes(':') ? [user.slice(user.indexOf(':') + 1)] : []
  return [{ user, password: [...raw, URL.parse(address)?.password ?? ''].filter(Boolean) }]
}
