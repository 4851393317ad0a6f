export { type ConformanceOptions, pluginConformance } from './plugin-conformance.ts'
