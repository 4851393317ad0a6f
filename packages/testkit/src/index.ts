export { generationConformance } from './generation-conformance.ts'
export { imageProcessorConformance, type PictureReader } from './image-processor-conformance.ts'
export { pluginConformance } from './plugin-conformance.ts'
export type { PluginPlace } from './read-cases.ts'
