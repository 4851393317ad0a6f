/**
 * A page of the theme with what a keyboard, a reader of screens and a narrow window need. Tables and code stand in boxes that scroll
 * by themselves and take the focus, so that a page is never wider than its window; landmarks have roles and names; no heading is
 * skipped, which pages of a single function do where the theme thinks of methods.
 * @param url of the page, from the root of the site
 */
export const accessible = (html: string, url: string): string =>
  html
    .replaceAll('<table>', '<div class="scroll" tabindex="0" role="group" aria-label="table"><table>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll(/<th( style="[^"]*")?><\/th>/g, '<td></td>')
    .replaceAll(/<pre(?=[ >])/g, '<pre tabindex="0"')
    .replace('<div class="col-content">', '<div class="col-content" role="main">')
    .replace('<nav id="tsd-sidebar-links"', '<nav id="tsd-sidebar-links" aria-label="elsewhere"')
    .replace('<div class="page-menu">', '<div class="page-menu" role="complementary" aria-label="this page">')
    .replaceAll(/<h4 (class="tsd-[a-z-]+-title")>([\s\S]*?)<\/h4>/g, /^(?:functions|variables|types)\//.test(url) ? '<h2 $1>$2</h2>' : '$&')
    .replace('<h3>Settings</h3>', '<h2>Settings</h2>')
