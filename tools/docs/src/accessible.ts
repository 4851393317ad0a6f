/**
 * A page of the theme with what a keyboard and a narrow window need: tables and code stand in boxes that scroll by themselves and
 * take the focus, so that a page is never wider than its window.
 */
export const accessible = (html: string): string =>
  html
    .replaceAll('<table>', '<div class="scroll" tabindex="0" role="group" aria-label="table"><table>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll(/<pre(?=[ >])/g, '<pre tabindex="0"')
