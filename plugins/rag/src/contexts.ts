/** A retrieved passage. */
export interface Document {
  readonly title: string
  readonly text: string
}

/** `pipeline.context` of silane.json has them. */
export interface ContextSettings {
  readonly prefix: string
  readonly title_sep: string
  readonly doc_sep: string
}

/**
 * What the generator reads of one document and the question, to be tokenized by the generator's tokenizer, cut at the end and padded
 * (transformers `RagRetriever.postprocess_docs`). The question is what the question encoder's tokenizer decodes, without special tokens.
 */
export function contextText({ title, text }: Document, question: string, { prefix, title_sep, doc_sep }: ContextSettings): string {
  const bare = title.replace(/^"/, '').replace(/"$/, '')
  return `${prefix}${bare}${title_sep}${text}${doc_sep}${question}`.replaceAll('  ', ' ')
}

/** The inner product of a question's vector with each document's: what documents are searched and mixed by. */
export const documentScores = (question: ArrayLike<number>, documents: readonly ArrayLike<number>[]): readonly number[] =>
  documents.map((document, j) => {
    if (document.length !== question.length) throw new RangeError(`document ${j} has ${document.length} elements, not ${question.length}`)
    let sum = 0
    for (let i = 0; i < question.length; i++) sum += (question[i] as number) * (document[i] as number)
    return sum
  })
