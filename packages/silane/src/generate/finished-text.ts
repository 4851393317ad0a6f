/**
 * A text without the replacement characters at its end: a character may need several tokens, and the first of them decode to these. Counted
 * backwards, since an expression tries each run of them anew, and a vocabulary may hold one of any length.
 */
export function finishedText(text: string): string {
  let end = text.length
  while (text[end - 1] === '\uFFFD') end--
  return text.slice(0, end)
}
