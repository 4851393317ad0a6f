import { type Checkpoint, isJsonObject } from '@silane/core'
import type { PackageMetadata } from '@silane/coreml'
import { versions } from '../versions.ts'
import type { ModelPapers } from './model-papers.ts'
import type { ProgramPlan } from './plan-deployment.ts'
import type { LoadedModel } from './prepare-model.ts'

/** The key of class labels among what a creator defines: a JSON object of labels by their numbers. */
const LABELS_KEY = 'id2label'

interface Facts {
  readonly checkpoint: Pick<Checkpoint, 'id' | 'config'>
  readonly model: Pick<LoadedModel, 'architecture' | 'task'>
  readonly papers: ModelPapers
}

/** What Xcode and an app show about the packages of a program. */
export function packageMetadata(plan: Pick<ProgramPlan, 'functions'>, { checkpoint, model, papers }: Facts): PackageMetadata {
  const { author, license, licenseLink, version = `silane ${versions.silane}` } = papers
  const labels = labelsOf(plan, checkpoint.config)
  return {
    shortDescription: `${model.architecture} (${model.task}) of ${checkpoint.id}`,
    version,
    ...(author === undefined ? {} : { author }),
    ...(license === undefined ? {} : { license: licenseLink === undefined ? license : `${license} (${licenseLink})` }),
    userDefined: { 'silane.version': versions.silane, ...(labels ? { [LABELS_KEY]: JSON.stringify(labels) } : {}) },
  }
}

/** The labels of config.json, where an output has a number for each: the last axis of scores is the one of the classes. */
function labelsOf({ functions }: Pick<ProgramPlan, 'functions'>, config: Checkpoint['config']): Record<string, string> | undefined {
  const { id2label } = config
  if (!isJsonObject(id2label)) return undefined
  const entries = Object.entries(id2label)
  const count = entries.length
  const scored = functions.some(({ source }) => source.outputs.some(({ value }) => value.type.shape.at(-1) === count))
  const named = entries.every(([number, label]) => /^\d{1,9}$/.test(number) && typeof label === 'string')
  if (!scored || !named || count < 1) return undefined
  return Object.fromEntries(entries.map(([number, label]) => [number, String(label)]))
}
