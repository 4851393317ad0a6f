import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Document } from '@silane/documents'
import type { Progress } from '../convert/convert-options.ts'
import type { ProgramSource } from '../pipeline/open-programs.ts'
import { versions } from '../versions.ts'
import { openDocuments } from './open-documents.ts'
import { openTextEncoder } from './text-encoder.ts'

export interface IndexOptions {
  /** A folder that `convert` wrote, whose program gives a vector for a text. */
  readonly folder: string
  /** A file with one JSON object in each line: `text`, and if wanted `id`, `title`, `source`, `meta`. */
  readonly documents: string
  /** The index; one that is there gains what it has not. */
  readonly out: string
  /** The folder that questions will be embedded with. Default: `folder`. */
  readonly for?: string | undefined
  /** Texts are cut into pieces of so many tokens. Default: they are not, and what the program cannot read is not read. */
  readonly chunk?: { readonly tokens: number; readonly overlap: number } | undefined
  readonly from?: ProgramSource | undefined
  readonly cwd?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export interface Indexed {
  readonly out: string
  /** Passages that went in, and those that were there. */
  readonly added: number
  readonly known: number
  readonly total: number
  /** Lines that are no documents. */
  readonly problems: readonly { readonly line: number; readonly problem: string }[]
  /** Passages whose end the program cannot read. */
  readonly cut: number
  /** Why the ids of the tokenizer may not be the original's. */
  readonly notes: readonly string[]
  readonly passagesPerSecond: number
}

/** Calls per commit: what is lost when the process ends is seconds of work. */
const BATCHES_PER_COMMIT = 16

/** Embeds documents into an index; what is there already is not embedded again, so that a run that was ended goes on where it was. */
export async function indexDocuments(options: IndexOptions): Promise<Indexed> {
  const { cwd = '.', chunk, signal, onProgress } = options
  const [file, out] = [resolve(cwd, options.documents), resolve(cwd, options.out)]
  const { chunkText, createIndex, readDocuments, documentsErrors } = await openDocuments(options.folder, options.cwd)
  const encoder = await openTextEncoder(resolve(cwd, options.folder), options.from)
  try {
    const questions = options.for === undefined ? undefined : await openTextEncoder(resolve(cwd, options.for), options.from)
    const questionModel = questions?.model ?? encoder.model
    if (questions && questions.metric !== encoder.metric)
      throw documentsErrors.E_INDEX_MODEL({
        file: options.for ?? '',
        problem: `its vectors are compared by ${questions.metric}, those of the documents by ${encoder.metric}`,
      })
    await questions?.close()
    if (questions && questions.dimension !== encoder.dimension)
      throw documentsErrors.E_INDEX_MODEL({
        file: options.for ?? '',
        problem: `its vectors have ${questions.dimension} elements, those of the documents ${encoder.dimension}`,
      })
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
    const lines = readDocuments(file)
    // What is wrong with the file is said before an index is made.
    let next = await lines.next()
    const index = createIndex(out, {
      documentModel: encoder.model,
      questionModel,
      dimension: encoder.dimension,
      metric: encoder.metric,
      chunking: chunk ?? null,
      versions,
    })
    try {
      const problems: { line: number; problem: string }[] = []
      let [added, known, cut, bytes] = [0, 0, 0, 0]
      let waiting: Document[] = []
      // A piece "a#0" of a text "a" may meet a document with that very id.
      const met = new Set<string>()
      const started = performance.now()
      const rate = (): number => added / Math.max(1e-9, (performance.now() - started) / 1000)
      const flush = async (): Promise<void> => {
        signal?.throwIfAborted()
        const vectors = await encoder.embed(waiting, 'document')
        index.add(waiting.map((document, i) => ({ ...document, vector: vectors[i] as Float32Array })))
        added += waiting.length
        waiting = []
        const left = size > 0 && bytes > 0 ? ((performance.now() - started) / 1000) * (size / bytes - 1) : 0
        onProgress?.({ step: `index: ${added} passages, ${rate().toFixed(1)}/s, ${Math.ceil(left)} s left`, fraction: bytes / size })
      }
      for (; !next.done; next = await lines.next()) {
        const line = next.value
        bytes += line.bytes
        if ('problem' in line) {
          problems.push({ line: line.line, problem: line.problem })
          continue
        }
        for (const passage of passagesOf(line.document)) {
          if (met.has(passage.id)) {
            problems.push({ line: line.line, problem: `the id "${passage.id}" was used before` })
            continue
          }
          met.add(passage.id)
          if (index.has(passage.id)) {
            known++
            continue
          }
          if (encoder.count(passage.text) > encoder.tokens) cut++
          waiting.push(passage)
        }
        while (waiting.length >= encoder.batch * BATCHES_PER_COMMIT) await flush()
      }
      if (waiting.length > 0) await flush()
      index.finish()
      return { out, added, known, total: index.count(), problems, cut, notes: encoder.notes, passagesPerSecond: rate() }
    } finally {
      index.close()
    }
  } finally {
    await encoder.close()
  }

  function passagesOf(document: Document): readonly Document[] {
    if (!chunk) return [document]
    const pieces = chunkText(document.text, { ...chunk, count: encoder.count })
    return pieces.length === 1 ? [document] : pieces.map((text, i) => ({ ...document, id: `${document.id}#${i}`, text }))
  }
}
