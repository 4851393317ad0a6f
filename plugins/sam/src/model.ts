export { readSamConfig, readVisionConfig, type SamConfig, type VisionConfig } from './config.ts'
export { decodeMasks, type Prompt } from './mask-decoder.ts'
export { ABSENT, embedBoxes, embedMasks, embedPoints, imagePositions, noBox, noMask } from './prompt-encoder.ts'
export { encodeImage } from './vision-encoder.ts'
