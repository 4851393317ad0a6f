import { type DeployedProgram, type Manifest, packageOf } from '../manifest.ts'
import { wantedInputs } from '../pipeline/borders.ts'
import { stepsToDecode } from '../pipeline/steps-for.ts'

/** Commands that make use of a converted folder, as far as it has what they run; each can be pasted. */
export function nextSteps({ programs, pipeline }: Manifest, out: string): readonly string[] {
  const decodes = pipeline.steps.some(step => 'decode' in step)
  const pictures = has(programs, 'inputs', 'image')
  // An encoder reads a question; a prompt in which the picture stands too may be one.
  const asks = pictures && decodes && wantedInputs(stepsToDecode(pipeline.steps, new Set()), programs).some(({ role }) => role === 'ids')
  const prompts = pipeline.image_tokens !== undefined
  const run = (verb: string, rest: string): string => `silane ${verb} ${quoted(out)} ${rest}`
  const uses: readonly (readonly [boolean, string])[] = [
    [pipeline.documents !== undefined, run('ask', '--index FILE --question "…"')],
    [decodes && pictures && (prompts || !asks), run('caption', 'PICTURE')],
    [decodes && pictures && (prompts || asks), run('ask-image', 'PICTURE --question "…"')],
    [decodes && !pictures && pipeline.documents === undefined, run('generate', '--text "…"')],
    [has(programs, 'outputs', 'masks'), run('segment', 'PICTURE --points X,Y')],
    [has(programs, 'outputs', 'embedding') && !pictures, run('index', '--documents FILE.jsonl --out INDEX')],
  ]
  const fitting = uses.flatMap(([fits, command]) => (fits ? [command] : []))
  return [...fitting, ...(programs.some(written) ? [run('benchmark', '').trimEnd()] : [])]
}

const has = (programs: readonly DeployedProgram[], side: 'inputs' | 'outputs', role: string): boolean =>
  programs.some(({ functions }) => functions.some(fn => fn[side].some(port => port.role === role || ('image' in port && role === 'image'))))

const written = (program: DeployedProgram): boolean =>
  program.functions.some(fn => fn.onnx !== undefined || packageOf(program, fn) !== undefined)

/** A path as a shell takes it. */
const quoted = (path: string): string => (/^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)
