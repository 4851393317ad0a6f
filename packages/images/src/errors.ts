import { defineErrors } from '@silane/core'

/** Errors of pictures: files that cannot be read, sizes that are too large, steps that cannot be run. */
export const errors = defineErrors({
  E_IMAGE_PATH: (f: { file: string; problem: string }) => ({
    what: `${f.file}: ${f.problem}.`,
    next: 'Give the path of a PNG, JPEG, WebP or GIF file that can be read.',
  }),
  E_IMAGE_FORMAT: (f: { file: string; problem: string }) => ({
    what: `${f.file} is not a picture that silane reads: ${f.problem}.`,
    next: 'Save it as PNG, JPEG, WebP or GIF.',
  }),
  E_IMAGE_FILE: (f: { file: string; format: string; problem: string }) => ({
    what: `${f.file} is a broken ${f.format} file: ${f.problem}.`,
    next: 'Fetch the file again, or open it in another program and save it anew.',
  }),
  E_IMAGE_SIZE: (f: { what: string; width: number; height: number; limit: number }) => ({
    what: `${f.what}: ${f.width} × ${f.height} pixels are more than the ${f.limit} that are read.`,
    next: 'Make the picture smaller first. Sizes like this one are refused before anything is decoded.',
  }),
  E_IMAGE_STEP: (f: { step: string; width: number; height: number; problem: string }) => ({
    what: `"${f.step}" cannot be done to a picture of ${f.width} × ${f.height} pixels: ${f.problem}.`,
    next: 'Choose a larger picture, or one whose sides differ less. The steps are those of the checkpoint.',
  }),
  E_IMAGE_ARGUMENT: (f: { what: string; problem: string }) => ({ what: `${f.what}: ${f.problem}.`, exitCode: 1 }),
  E_IMAGE_WRITE: (f: { path: string; problem: string }) => ({
    what: `Cannot write ${f.path}: ${f.problem}.`,
    next: 'Check the path, its permissions and the space on the disk.',
  }),
})
