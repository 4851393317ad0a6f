import { basename, resolve } from 'node:path'
import type { OpenCheckpoint } from '@silane/checkpoint'
import type { Comparison } from '@silane/core'
import { MANIFEST_FILE, type Manifest } from '../manifest.ts'
import { renderReport } from '../report/page/render-report.ts'
import { buildReport, type ConversionReport, REPORT_FILE } from '../report/report.ts'
import { swiftFile } from '../report/swift/swift-file.ts'
import { swiftFileName } from '../report/swift/swift-name.ts'
import { withTokens } from '../report/swift/with-tokens.ts'
import { swiftReadme } from '../report/swift-readme.ts'
import { buildTokenizers } from '../tokenizers/build-tokenizers.ts'
import { notesOnTokenizers } from '../tokenizers/notes-on-tokenizers.ts'
import { buildManifest } from './build-manifest.ts'
import { checkpointPlaces } from './checkpoint-places.ts'
import { companionFiles } from './companion-files.ts'
import type { ConvertOptions } from './convert-options.ts'
import { filesWithin } from './files-within.ts'
import { hashFiles } from './hash-files.ts'
import { modelPapers } from './model-papers.ts'
import { outputFolder } from './output-folder.ts'
import { planDeployment } from './plan-deployment.ts'
import { findPlugin, loadModel, openModel } from './prepare-model.ts'
import { resolveSettings } from './resolve-settings.ts'
import { rewriteProgram } from './rewrite-program.ts'
import { stopwatch } from './stopwatch.ts'
import { copyFiles, jsonText, writeTexts } from './write-files.ts'
import { writePrograms } from './write-programs.ts'
import { writeTrace } from './write-trace.ts'

export interface ConvertResult {
  /** False where a gate was missed; what was written is there all the same. */
  readonly ok: boolean
  /** The output folder. */
  readonly out: string
  readonly manifest: Manifest
  readonly report: ConversionReport
  /** As measured, unrounded. Empty without validation. */
  readonly comparisons: readonly Comparison[]
  /** With `trace`: where it stands, and for each missed gate the first module whose output falls below it. */
  readonly traced?: { readonly folder: string; readonly located: readonly string[] }
  /** Seconds of each part and the process's peak memory: for the terminal, never written into the folder. */
  readonly seconds: Readonly<Record<string, number>>
  readonly peakBytes: number
}

/** Folders of one repository are models of their own. */
const defaultName = ({ id, subfolder }: OpenCheckpoint): string =>
  [basename(id), ...(subfolder === undefined ? [] : [subfolder.replaceAll('/', '-')])].join('-')

/** What is written about the programs, beside the manifest, which lists these too. */
const TEXTS = [REPORT_FILE, 'report.html', 'README.md'] as const

/**
 * Converts a checkpoint into Core ML packages and ONNX files. The output folder appears whole or not at all; a missed gate is
 * a result (`ok` is false), everything else that goes wrong is thrown.
 */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  const step = stopwatch(options)
  const settings = resolveSettings(options)
  const checkpoint = await step('open checkpoint', () => openModel(options))
  try {
    const out = resolve(options.cwd ?? '.', options.out ?? `${defaultName(checkpoint)}.silane`)
    const { plugin, contract } = await step('find plugin', () => findPlugin(checkpoint, options))
    const loaded = await step('load', () => loadModel(checkpoint, { plugin, contract }, options))
    const tokenizers = await step('tokenizers', () =>
      buildTokenizers(checkpoint, loaded.tokenizers, { sentence: loaded.sentence !== undefined }),
    )
    const papers = modelPapers(checkpoint)
    const companions = Object.fromEntries(companionFiles(checkpoint.files).map(file => [file, file]))
    const copiedTokenizers = Object.keys(companions).filter(file => basename(file) === 'tokenizer.json')
    const ofTokenizers = [...tokenizers.notes, ...notesOnTokenizers(checkpoint, copiedTokenizers)]
    const model = { ...loaded, notes: [...(loaded.notes ?? []), ...ofTokenizers, ...papers.notes] }
    const { programs, pipeline } = planDeployment(model, settings, options.name)
    const rewritten = await step('rewrite', () => programs.map(program => rewriteProgram(program, contract, settings)))
    const copied = { ...companions, ...papers.files }
    // Everything has been taken but the elements of tensors.
    const taken = [...new Set([...checkpoint.used(), ...Object.values(copied)])].sort()
    const keepOut = checkpointPlaces(checkpoint, taken)
    // Before anything is written, so that it is there to look at whatever goes wrong after.
    const trace = options.trace ? `${out}.trace` : undefined
    const note = options.onNote ?? (() => {})
    if (trace !== undefined) for (const left of await step('trace', () => writeTrace(trace, rewritten, keepOut))) note(left)
    const folder = outputFolder(out, { force: options.force ?? false, keepOut })
    try {
      await step('copy files', () => folder.fill(() => copyFiles(copied, checkpoint, folder.work)))
      await folder.fill(() => writeTexts(folder.work, tokenizers.files))
      // Goes on in its own thread while the weights are written.
      const hashing = hashFiles(taken, checkpoint.path, options.signal)
      const written = await step('write', () =>
        folder.fill(() => writePrograms(rewritten, folder.work, { settings, checkpoint, model, papers, options })),
      )
      const validation =
        options.validate === false
          ? undefined
          : await step('validate', async () => {
              const { validateConversion } = await import('../validate/validate-conversion.ts')
              // What is run is written there first.
              return folder.fill(() =>
                validateConversion({
                  folder: folder.work,
                  model,
                  pipeline,
                  rewritten,
                  written,
                  contract,
                  settings,
                  checkpoint,
                  options,
                }),
              )
            })
      const located =
        trace === undefined || !validation
          ? []
          : await step('trace misses', async () => {
              const { locateMisses } = await import('../validate/locate-misses.ts')
              return locateMisses(validation.comparisons, { rewritten, model, folder: folder.work })
            })
      const hashes = await step('hash checkpoint', () => hashing)
      checkpoint.checkUnchanged()
      const report = buildReport({ model, plugin: plugin.package, validation, rewritten, written })
      const swift = written.some(({ packages }) => packages.size > 0) ? swiftFileName({ name: options.name, model: checkpoint }) : undefined
      const folderFiles = [...filesWithin(folder.work), ...TEXTS, ...(swift === undefined ? [] : [swift])]
      const facts = {
        ...checkpoint,
        model,
        name: options.name,
        papers,
        pipeline,
        plugin,
        files: hashes,
        programs: written,
        settings,
        ok: report.ok,
        folderFiles,
      }
      const manifest = buildManifest(facts)
      const told = withTokens(manifest, checkpoint)
      const texts: Readonly<Record<(typeof TEXTS)[number], string>> = {
        [REPORT_FILE]: jsonText(report),
        'report.html': renderReport(manifest, report),
        'README.md': swiftReadme(told),
      }
      await folder.fill(() =>
        writeTexts(folder.work, {
          [MANIFEST_FILE]: jsonText(manifest),
          ...texts,
          ...(swift === undefined ? {} : { [swift]: swiftFile(told) }),
        }),
      )
      for (const left of await step('finish', () => folder.commit())) note(left)
      const peakBytes = process.resourceUsage().maxRSS * 1024
      const comparisons = validation?.comparisons ?? []
      const traced = trace === undefined ? {} : { traced: { folder: trace, located } }
      return { ok: report.ok, out, manifest, report, comparisons, ...traced, seconds: step.seconds, peakBytes }
    } finally {
      folder.discard()
    }
  } finally {
    checkpoint.close()
  }
}
