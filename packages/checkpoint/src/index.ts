export { errors as checkpointErrors } from './errors.ts'
export type { OpenCheckpoint } from './folder-checkpoint.ts'
export { type OpenOptions, openCheckpoint, type Progress } from './open-checkpoint.ts'
