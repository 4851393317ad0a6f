import { argumentsCase } from './cases/arguments.ts'
import { besideCase, configCase, sweepCase, weightsCase } from './cases/checkpoint.ts'
import { folderCase, generationCase, manifestCase, onnxCase, packageCase } from './cases/converted.ts'
import { documentsCase, indexCase } from './cases/documents.ts'
import { goldenCase } from './cases/golden.ts'
import { hubCase } from './cases/hub.ts'
import { linksCase } from './cases/links.ts'
import { pictureCase } from './cases/picture.ts'
import { pluginCase } from './cases/plugin.ts'
import type { MakeCase } from './place.ts'

export interface Target {
  readonly doc: string
  /** Inputs in a row, before another format's turn: cheap ones come in larger numbers. */
  readonly batch: number
  readonly make: MakeCase
}

/** Every format that silane reads, and what reads it. */
export const TARGETS: Readonly<Record<string, Target>> = {
  config: { doc: 'config.json of every family: inspect, convert', batch: 60, make: configCase },
  sweep: { doc: 'every key of every config.json set to every hostile value in turn: inspect', batch: 60, make: sweepCase },
  beside: { doc: 'JSON beside the weights: modules, tokenizer, image processor, adapter, index of shards', batch: 40, make: besideCase },
  safetensors: { doc: 'headers and data of .safetensors: inspect, convert', batch: 60, make: weightsCase('safetensors') },
  torch: { doc: 'archives and pickles of torch.save, old and new: inspect, convert', batch: 60, make: weightsCase('torch') },
  package: { doc: '.mlpackage, its manifest, model and weights: verify, inspect', batch: 60, make: packageCase },
  onnx: { doc: '.onnx: inspect', batch: 100, make: onnxCase },
  manifest: { doc: 'silane.json: inspect, validate, generate, benchmark, classify, search', batch: 40, make: manifestCase },
  folder: {
    doc: 'programs and weights of a converted folder: validate, generate, benchmark, classify, search',
    batch: 10,
    make: folderCase,
  },
  generation: {
    doc: 'generation_config.json, tokenizer.json and config.json of a converted folder: generate',
    batch: 15,
    make: generationCase,
  },
  documents: { doc: 'documents.jsonl: index', batch: 15, make: documentsCase },
  sqlite: { doc: 'an index: search', batch: 15, make: indexCase },
  picture: { doc: 'PNG, JPEG, WebP, GIF: the reader of pictures, classify', batch: 40, make: pictureCase },
  golden: { doc: 'golden.*.safetensors and case.json: the reader of goldens, convert', batch: 40, make: goldenCase },
  plugin: { doc: "a plugin's package.json: plugins, inspect", batch: 40, make: pluginCase },
  hub: { doc: 'answers of a hub: inspect', batch: 6, make: hubCase },
  links: { doc: 'links, pipes, devices and folders in place of files: inspect, convert, generate, verify', batch: 25, make: linksCase },
  arguments: { doc: 'flags and arguments of every verb', batch: 40, make: argumentsCase },
}
