import type { Manifest } from '../../manifest.ts'
import { classifierCode } from './classifier-code.ts'
import { generatorCode } from './generator-code.ts'
import type { Owner } from './owner.ts'
import type { PipelineView } from './pipeline-view.ts'
import { policyCode } from './policy-code.ts'
import { readerCode } from './reader-code.ts'
import { segmenterCode } from './segmenter-code.ts'

/** The class that an app begins with, as far as what it does follows from the ports and the steps of a pipeline. */
export const ownerFor = (manifest: Manifest, view: PipelineView): Owner | undefined =>
  generatorCode(manifest, view) ?? segmenterCode(view) ?? classifierCode(view) ?? policyCode(manifest, view) ?? readerCode(view, manifest)
