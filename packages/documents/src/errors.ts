import { defineErrors } from '@silane/core'

/** Errors of documents and of the files that index them. */
export const errors = defineErrors({
  E_DOCUMENTS: (f: { file: string; problem: string }) => ({
    what: `${f.file}: ${f.problem}.`,
    next: 'Give a file with one JSON object in each line: { "text": "…", "title": "…", "id": "…", "source": "…", "meta": { } }.',
  }),
  E_INDEX_FILE: (f: { file: string; problem: string }) => ({
    what: `${f.file} is no index that can be read: ${f.problem}.`,
    next: 'Make it with `silane index`; an index that was cut short has to be made again.',
  }),
  E_INDEX_MODEL: (f: { file: string; problem: string }) => ({
    what: `${f.file} was made with another model: ${f.problem}.`,
    next: 'Search with the folder that the index names, or make an index with this one.',
  }),
  E_INDEX_EMPTY: (f: { file: string }) => ({
    what: `${f.file} holds no documents yet.`,
    next: 'Add some with `silane index`.',
  }),
  E_INDEX_VECTOR: (f: { expected: number; actual: number }) => ({
    what: `A vector has ${f.actual} elements where the index has ${f.expected}, or one that is not finite.`,
    next: 'Search with the folder that the index names.',
  }),
})
