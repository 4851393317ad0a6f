export { brokenLinks } from './check-links.ts'
export { buildSite } from './site.ts'
