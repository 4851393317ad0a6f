import { Unreachable } from './unreachable.ts'

export interface Bounds {
  /** Bytes of the whole answer. */
  readonly bytes: number
  /** Milliseconds that the whole answer may take. */
  readonly time: number
}

/**
 * An answer whose body ends with an error where it is longer or takes longer than such an answer does: a server that sends without
 * an end, or a byte now and then, must not keep a conversion. `late` aborts the request.
 */
export function boundedAnswer(response: Response, { bytes, time }: Bounds, late: (reason: Error) => void): Response {
  const { body, status, statusText, headers, url } = response
  if (body === null) return response
  const host = new URL(url).host
  let seen = 0
  const timer = setTimeout(() => late(new Unreachable(`${host} takes longer than ${time / 1000} s to answer`)), time)
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        seen += chunk.length
        if (seen > bytes) controller.error(new Unreachable(`${host} sends more than the ${bytes} bytes that such an answer has`))
        else controller.enqueue(chunk)
      },
      flush: () => clearTimeout(timer),
    }),
  )
  const bounded = new Response(counted, { status, statusText, headers })
  // A made Response has no address; the listing's next page is told relative to it.
  Object.defineProperty(bounded, 'url', { value: url })
  return bounded
}
