/** Longer than this nobody waits in front of a terminal. */
const MOST = 120_000

/**
 * Milliseconds that a server asks to wait before the next attempt (RFC 9110, Retry-After: seconds or a date); undefined where it says
 * nothing, or asks for more than two minutes.
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get('Retry-After')
  if (text === null) return undefined
  const wait = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(wait) && wait <= MOST ? Math.max(0, wait) : undefined
}
