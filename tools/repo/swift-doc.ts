// Writes docs/guides/use-from-swift.md with the Swift of three conversions of fixtures, whole: `node tools/repo/swift-doc.ts`.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { convert } from '../../packages/silane/src/convert/convert.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export const page = join(root, 'docs/guides/use-from-swift.md')

interface Example {
  readonly title: string
  readonly about: string
  readonly fixture: string
  readonly options?: Readonly<Record<string, boolean>>
}

const examples: readonly Example[] = [
  {
    title: 'Sentences as vectors: MiniLM and its relatives',
    about:
      'A folder of sentence-transformers. `TextReader` pads and cuts a text, `embed` gives its vector, `similarity` compares two. A model with labels has `classify`, `classifyTokens` or `score` in the place of these.',
    fixture: 'plugins/bert/fixtures/sentence-transformers',
  },
  {
    title: 'Text from text: T5',
    about:
      'An encoder, and a decoder over a cache. `Generator` reads a prompt in pieces with `prefill` and goes on with `step`. What has been read is a value that the caller keeps, `Memory`; `generate` makes one for each text.',
    fixture: 'plugins/t5/fixtures/text2text',
  },
  {
    title: 'Masks from points and a box: SAM',
    about:
      'A picture is prepared and read once, and then asked about as often as is wanted. Points and boxes are in pixels of the picture, and so is the mask.',
    fixture: 'plugins/sam/fixtures/boxes',
    options: { boxes: true },
  },
]

const intro = `# Use a conversion from Swift

A converted folder has one Swift file, named after the model. Add it and the packages to an Xcode target; Xcode compiles packages into the app. Everything in the file stands in an enum with the model's name, so that an app may have several conversions. What needs no package of anybody else takes and gives ids and pixels. Where the app has [swift-transformers](https://github.com/huggingface/swift-transformers), whose module is \`Tokenizers\`, the same methods take and give texts.

| pipeline | begin with | what it does |
|---|---|---|
| encoder | \`TextReader\` | pads, cuts, calls the shortest function that a text fits into; \`embed\` and \`similarity\`, or \`classify\`, \`classifyTokens\`, \`score\` with the labels that the package carries |
| decoder, encoder-decoder, vision-language | \`Generator\` | \`generate\`, greedily or by chance, up to a token that ends a text; \`read\` for a loop of your own, over a \`Memory\` that you keep |
| pictures and classes | \`Classifier\` | from a picture to labels |
| segmentation | \`Segmenter\` | \`read\` a picture once, \`segment\` it by points and boxes |
| policy | \`Policy\` | \`act\` for one step of an \`Episode\`, \`rollout\` for a whole one |
| everything else that is calls | \`TextReader\`, \`PictureReader\`, \`Reader\` | \`read\`: all calls in order, what nothing here can make is a parameter |

Structs that end in \`Program\` are the functions of the packages, one method each. A pipeline with steps of a host, such as a search among documents, has these alone.

The file is written for the exact shapes of a conversion and replaced by the next one: put what you add into an extension in another file. Beams, penalties and the other settings of generation_config.json are not in it. Core Graphics resamples pictures in its own way, so that pixels differ slightly from those of \`silane\` and transformers. A package with several functions needs iOS 18 or macOS 15, and \`Float16\` needs a Mac with Apple silicon.

That the file compiles is checked with Swift's compiler, against declarations of what it uses of Core ML, Core Graphics, Core Video and Tokenizers. It was not run on a device. The files below are those of small fixtures; those of real checkpoints differ in numbers and names. This page is written by \`node tools/repo/swift-doc.ts\`.
`

/** The page as it should be. */
export async function renderPage(): Promise<string> {
  const parts = [intro]
  for (const { title, about, fixture, options } of examples) {
    const scratch = mkdtempSync(join(tmpdir(), 'silane-swift-'))
    try {
      const { out, manifest } = await convert({
        model: join(root, fixture),
        out: join(scratch, 'out'),
        targets: ['coreml'],
        validate: false,
        ...(options ? { options } : {}),
      })
      const file = manifest.files.find(name => name.endsWith('.swift')) ?? ''
      // The version changes with every release, the page with what the file does.
      const code = readFileSync(join(out, file), 'utf8').replace(/(?<=by silane )\d+\.\d+\.\d+[\w.-]*/, '…')
      parts.push(`## ${title}\n\n${about}\n\n\`\`\`swift\n${code}\`\`\`\n`)
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  }
  return parts.join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await renderPage())
