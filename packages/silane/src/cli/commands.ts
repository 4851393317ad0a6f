import { type Command, Option } from 'commander'
import { interruptible } from './interruption.ts'
import { addModelFlags } from './model-flags.ts'
import { countFrom0, decimal, names, promptBox, promptPoint, setting, whole } from './read-flags.ts'
import { flags, groups } from './shared-flags.ts'

/** Headings of the verbs in `silane --help`. */
const kinds = { convert: 'Convert and check:', look: 'Look:', use: 'Use what was converted:', tools: 'Plugins, CI and the shell:' } as const

interface Verb {
  readonly name: string
  readonly kind: keyof typeof kinds
  readonly summary: string
  readonly description: string
  /** Whole commands that can be pasted. */
  readonly examples: readonly string[]
}

/** Adds the verbs. An action imports its code when it is run, so that help costs nothing; its result is the exit code. */
export function addCommands(program: Command, exit: (code: number) => void): void {
  const verb = ({ name, kind, summary, description, examples }: Verb): Command =>
    program
      .command(name)
      .helpGroup(kinds[kind])
      .summary(summary)
      .description(description)
      .optionsGroup(groups.output)
      .addHelpText('after', `\nExamples:\n${examples.map(line => `  ${line}`).join('\n')}`)

  const convert = verb({
    name: 'convert',
    kind: 'convert',
    summary: 'convert a checkpoint into Core ML packages and ONNX files',
    description: 'Converts a checkpoint, a folder or an id on the hub such as org/name, and validates what was written.',
    examples: [
      'silane convert sentence-transformers/all-MiniLM-L6-v2',
      'silane convert ./my-bert --seq 64,128 --target coreml -o bert.silane',
      'silane convert https://huggingface.co/openai-community/gpt2/tree/main --context 256 --prefill 64',
      'silane convert org/name --subfolder text_encoder --name clip --token hf_…',
    ],
  })
  addModelFlags(convert.argument('<model>', 'folder, org/name[@revision], hf://org/name[@revision][/folder], or the address of its page'))
  flags
    .json(convert.optionsGroup(groups.output))
    .option('-o, --out <dir>', "output folder; default: the model's name + .silane")
    .option('--force', 'replace an existing output folder')
    .option('--name <name>', 'name of the packages and files; default: those of the programs, such as model or encoder')
    .option('--no-validate', 'write only')
    .option('--golden <file>', "golden outputs to validate against, a file or folder; default: the checkpoint's own")
    .option('--table', 'print every figure of the validation')
    .option('--trace', 'write every function as text after load and after every pass, into the output folder + .trace')
    .action(async (model, given) => {
      const { convertCommand } = await import('./convert-command.ts')
      exit(await interruptible(signal => convertCommand(model, given, signal)))
    })

  const validate = verb({
    name: 'validate',
    kind: 'convert',
    summary: 'compare a converted folder with its checkpoint, or with golden outputs',
    description:
      'Validates a converted folder again: ONNX files as written and packages as read back from disk. Exit code 3 where a gate is missed.',
    examples: [
      'silane validate all-MiniLM-L6-v2.silane',
      'silane validate bert.silane --model ./my-bert --table',
      'silane validate bert.silane --golden golden.safetensors --json',
    ],
  })
  flags.folder(validate)
  flags
    .json(validate)
    .option(
      '--model <model>',
      'the checkpoint; default: the id on the hub that the folder records, or the folder nearby whose files have the recorded sha256',
    )
    .option('--golden <file>', "golden outputs, a file or folder; default: the checkpoint's own")
    .option('--table', 'print every figure')
  flags.plugin(validate)
  flags.subfolder(flags.hub(validate)).action(async (folder, given) => {
    const { validateCommand } = await import('./validate-command.ts')
    exit(await interruptible(signal => validateCommand(folder, given, signal)))
  })

  const verify = verb({
    name: 'verify',
    kind: 'convert',
    summary: 'check .mlpackage folders',
    description:
      'Checks packages, whoever wrote them: format, names, types, weights. Of a converted folder, all its packages. Exit code 1 where one is broken, 2 where one has what is not supported, such as flexible shapes or compressed weights.',
    examples: ['silane verify bert.silane', 'silane verify a.mlpackage b.mlpackage --json'],
  }).argument('<path...>', '.mlpackage folders, or folders that `silane convert` wrote')
  flags.json(verify).action(async (paths, given) => {
    const { verifyCommand } = await import('./verify-command.ts')
    exit(await verifyCommand(paths, given))
  })

  const inspect = verb({
    name: 'inspect',
    kind: 'look',
    summary: 'look at a checkpoint, a converted folder, an .mlpackage or an .onnx file',
    description:
      'Shows what a checkpoint is, which plugin reads it and what would be made of it; or what a package or file holds. Exit code 2 where no plugin reads the checkpoint.',
    examples: [
      'silane inspect openai-community/gpt2',
      'silane inspect ./my-bert --tensors',
      'silane inspect bert.silane/model.mlpackage --json',
      'silane inspect ./my-bert --print after:ane',
    ],
  })
  addModelFlags(inspect.argument('<target>', 'checkpoint, converted folder, .mlpackage or .onnx'))
  flags
    .json(inspect.optionsGroup(groups.output))
    .option('--tensors', 'list every tensor of the checkpoint')
    .option('--download', 'bring the weights of a model on the hub into the cache; default: read their headers alone')
    .option('--print <pass>', 'print the functions of a checkpoint as text in place of all else: load, or after:PASS such as after:ane')
    .action(async (target, given) => {
      const { inspectCommand } = await import('./inspect-command.ts')
      exit(await inspectCommand(target, given))
    })

  const benchmark = verb({
    name: 'benchmark',
    kind: 'look',
    summary: 'time every function of a converted folder',
    description: "Times every function in onnxruntime on this machine's CPU and shows what the Neural Engine gets.",
    examples: ['silane benchmark bert.silane', 'silane benchmark bert.silane --runs 50 --json'],
  })
  flags.json(flags.folder(benchmark))
  flags
    .plugin(benchmark)
    .addOption(new Option('--runs <n>', 'runs of each function, at least; default: 10').argParser(whole).helpGroup(groups.run))
    .action(async (folder, given) => {
      const { benchmarkCommand } = await import('./benchmark-command.ts')
      exit(await interruptible(signal => benchmarkCommand(folder, given, signal)))
    })

  const generate = verb({
    name: 'generate',
    kind: 'use',
    summary: 'text in, text out, through the converted programs',
    description:
      'Generates text with a converted decoder or encoder-decoder, in onnxruntime: greedy, sampling or beams, as generation_config.json says.',
    examples: [
      'silane generate gpt2.silane --text "Once upon a time" --max-new-tokens 40',
      'silane generate gpt2.silane --text "Once" --sample --temperature 0.8 --top-p 0.9 --seed 3',
      'silane generate t5.silane --text "translate English to German: Hello" --beams 4',
    ],
  })
  flags.folder(generate).optionsGroup(groups.choice).option('--text <text>', 'the prompt, or what the encoder reads')
  flags.ids(generate, 'a text')
  flags
    .decoding(generate)
    .option('--sample', 'draw tokens; default: as generation_config.json says, else the most likely')
    .option('--no-sample', 'take the most likely token, whatever generation_config.json says')
    .option('--temperature <t>', 'of drawing; default: as generation_config.json says, else 1', decimal)
    .option('--top-k <n>', 'of drawing; default: as generation_config.json says, else 50', whole)
    .option('--top-p <p>', 'of drawing; default: as generation_config.json says, else 1', decimal)
    .option('--seed <n>', 'of drawing; default: 0', countFrom0)
    .option('--set <key=value>', 'any setting by its name in generation_config.json, such as min_p=0.1; repeatable', setting)
  flags.json(flags.source(generate)).action(async (folder, given) => {
    const { generateCommand } = await import('./generate-command.ts')
    exit(await generateCommand(folder, given))
  })

  const caption = verb({
    name: 'caption',
    kind: 'use',
    summary: 'a text that describes a picture',
    description: 'Describes a picture, in onnxruntime: greedy, or with beams, as generation_config.json says.',
    examples: ['silane caption blip.silane cat.jpg', 'silane caption blip.silane cat.jpg --text "a photograph of" --beams 3'],
  })
  flags.image(flags.folder(caption)).optionsGroup(groups.choice).option('--text <text>', 'what the caption begins with; default: nothing')
  flags.ids(caption, 'a text')
  flags.json(flags.plugin(flags.source(flags.decoding(caption)))).action(async (folder, image, given) => {
    const { captionCommand } = await import('./caption-command.ts')
    exit(await captionCommand(folder, image, given))
  })

  const askImage = verb({
    name: 'ask-image',
    kind: 'use',
    summary: 'the answer to a question about a picture',
    description: 'Answers a question about a picture, in onnxruntime: greedy, or with beams, as generation_config.json says.',
    examples: ['silane ask-image vqa.silane cat.jpg --question "What colour is the cat?"'],
  })
  flags.image(flags.folder(askImage)).optionsGroup(groups.choice).option('--question <text>', 'what to ask')
  flags.ids(askImage, 'a question')
  flags.json(flags.plugin(flags.source(flags.decoding(askImage)))).action(async (folder, image, given) => {
    const { askImageCommand } = await import('./caption-command.ts')
    exit(await askImageCommand(folder, image, given))
  })

  const classify = verb({
    name: 'classify',
    kind: 'use',
    summary: 'what a picture shows',
    description: 'Gives the labels of a picture, the most likely first.',
    examples: ['silane classify perceiver.silane cat.jpg', 'silane classify perceiver.silane cat.jpg --count 3 --json'],
  })
  flags.json(flags.image(flags.folder(classify))).option('--count <n>', 'how many labels; default: 5', whole)
  flags.plugin(flags.source(classify)).action(async (folder, image, given) => {
    const { classifyCommand } = await import('./classify-command.ts')
    exit(await classifyCommand(folder, image, given))
  })

  const segment = verb({
    name: 'segment',
    kind: 'use',
    summary: 'masks of what points and a box show in a picture',
    description: 'Writes masks of a picture as PNG files, with their scores, and the picture with the best of them over it.',
    examples: [
      'silane segment sam.silane cat.jpg --points 320,240',
      'silane segment sam.silane cat.jpg --points 320,240 20,20,0 --box 100,80,500,420 --all -o masks',
    ],
  })
  flags
    .json(flags.image(flags.folder(segment)))
    .option('--points <points...>', 'x,y of a place that is meant, x,y,0 of one that is not', promptPoint)
    .option('--box <box>', 'x0,y0,x1,y1: a box around it', promptBox)
    .option('--all', 'write every mask, not only the one with the highest score')
    .option('-o, --out <dir>', "folder for the files; default: the picture's name + .masks")
    .option('--force', 'replace such a folder')
  flags.plugin(flags.source(segment)).action(async (folder, image, given) => {
    const { segmentCommand } = await import('./segment-command.ts')
    exit(await segmentCommand(folder, image, given))
  })

  const index = verb({
    name: 'index',
    kind: 'use',
    summary: 'embed documents into a file that can be searched',
    description:
      'Embeds documents with a converted encoder into one SQLite file. One that is there gains what it has not; a run that was ended goes on. Exit code 3 where lines were left out.',
    examples: [
      'silane index minilm.silane --documents docs.jsonl -o docs.sqlite',
      'silane index minilm.silane --documents docs.jsonl -o docs.sqlite --chunk 128 --overlap 16',
      'silane index passages.silane --for questions.silane --documents docs.jsonl -o docs.sqlite',
    ],
  })
  flags
    .json(flags.folder(index))
    .requiredOption('--documents <file>', 'JSONL: text, and if wanted id, title, source, meta')
    .requiredOption('-o, --out <file>', 'the index')
    .option('--for <dir>', 'the folder that questions will be embedded with; default: the same')
    .option('--chunk <n>', 'cut texts into pieces of so many tokens; default: each text is one', whole)
    .option('--overlap <n>', 'tokens that neighbouring pieces share; default: an eighth', whole)
  flags.source(index).action(async (folder, given) => {
    const { indexCommand } = await import('./index-command.ts')
    exit(await interruptible(signal => indexCommand(folder, given, signal)))
  })

  const search = verb({
    name: 'search',
    kind: 'use',
    summary: 'passages of an index that are nearest to a question',
    description: 'Embeds a question and shows the passages of an index that are nearest to it.',
    examples: ['silane search minilm.silane --index docs.sqlite --query "How do I reset it?"'],
  })
  flags
    .json(flags.folder(search))
    .requiredOption('--index <file>', 'what `silane index` wrote')
    .requiredOption('--query <text>', 'what to look for')
    .option('--count <n>', 'how many passages; default: 5', whole)
    .option('--bits', 'look at a bit of each element first: faster on large indexes; says how much exact search would have found besides')
  flags.source(search).action(async (folder, given) => {
    const { searchCommand } = await import('./search-command.ts')
    exit(await searchCommand(folder, given))
  })

  const ask = verb({
    name: 'ask',
    kind: 'use',
    summary: 'the answer to a question from documents, with its sources',
    description:
      'Looks a question up in an index and answers it from what is found, in onnxruntime: greedy, or with beams, as the checkpoint says.',
    examples: ['silane ask rag.silane --index docs.sqlite --question "Who built the bridge?"'],
  })
  flags
    .json(flags.folder(ask))
    .requiredOption('--index <file>', 'what `silane index` wrote')
    .requiredOption('--question <text>', 'what to ask')
    .option('--count <n>', "passages to answer from; default: the model's", whole)
    .option('--bits', 'look at a bit of each element first: faster on large indexes')
  flags.plugin(flags.source(flags.decoding(ask))).action(async (folder, given) => {
    const { askCommand } = await import('./ask-command.ts')
    exit(await askCommand(folder, given))
  })

  const plugins = verb({
    name: 'plugins',
    kind: 'tools',
    summary: 'list the plugins that are found',
    description: 'Lists plugins: where they are, what they read, their tasks and options, and why something was skipped.',
    examples: ['silane plugins', 'silane plugins --json', 'silane plugins --plugin ./my-plugin'],
  }).option('--check', 'look for what is wrong with them, and say the command that mends it; exit code 1 where something is')
  flags.json(flags.plugin(plugins)).action(async given => {
    const { pluginsCommand } = await import('./plugins-command.ts')
    exit(await pluginsCommand(given))
  })

  const doctor = verb({
    name: 'doctor',
    kind: 'tools',
    summary: 'what is wrong with the installed plugins',
    description: 'The same as `silane plugins --check`.',
    examples: ['silane doctor', 'silane doctor --json'],
  })
  flags.json(flags.plugin(doctor)).action(async given => {
    const { pluginsCommand } = await import('./plugins-command.ts')
    exit(await pluginsCommand({ ...given, check: true }))
  })

  const matrix = verb({
    name: 'matrix',
    kind: 'tools',
    summary: 'what silane.ci.json has to convert, as a matrix for CI',
    description:
      'Prints { "include": [{ "name", "model", "task", "target", "options" }] } in one line, for fromJSON of GitHub Actions; at most 256 entries.',
    examples: ['silane matrix', 'silane matrix --config models.json --shard 2/8'],
  })
    .option('--config <file>', 'the file that names the models; default: silane.ci.json')
    .option('--shard <i/n>', 'only the entries of part i of n; default: all')
    .option('--json', 'print errors as a JSON document too; the matrix always is one')
  flags.hub(flags.plugin(matrix)).action(async given => {
    const { matrixCommand } = await import('./matrix-command.ts')
    exit(await interruptible(signal => matrixCommand(given, signal)))
  })

  const ci = verb({
    name: 'ci',
    kind: 'tools',
    summary: 'convert what silane.ci.json names, a part on each machine, and join the reports',
    description:
      'Converts and validates a part of what silane.ci.json names and writes ci-report.i-of-n.json; --merge joins these. Exit code 2 where something could not be converted or is missing, 3 where a gate was missed.',
    examples: ['silane ci', 'silane ci --shard 2/8 -o reports', 'silane ci --merge reports'],
  })
    .option('--config <file>', 'the file that names the models; default: silane.ci.json')
    .addOption(new Option('--shard <i/n>', 'part i of n; default: all').conflicts(['only', 'merge']))
    .addOption(new Option('--only <name>', 'the entry of this name; repeatable; default: all').argParser(names).conflicts('merge'))
    .addOption(new Option('-o, --out <dir>', 'folder for the reports; default: silane-ci').conflicts('merge'))
    .addOption(new Option('--keep', 'keep what is converted, in packages/NAME of that folder').conflicts('merge'))
    .option('--merge <dir>', 'join the reports in this folder, or in folders of it, into ci-report.json, and convert nothing')
  flags.hub(flags.plugin(flags.json(ci))).action(async given => {
    const { ciCommand } = await import('./ci-command.ts')
    exit(await interruptible(signal => ciCommand(given, signal)))
  })

  verb({
    name: 'completion',
    kind: 'tools',
    summary: 'a script that completes verbs, flags and their values in a shell',
    description: 'Prints a script for bash, zsh or fish that completes verbs, flags and their values.',
    examples: [
      'silane completion bash > ~/.local/share/bash-completion/completions/silane',
      'silane completion zsh > ~/.zfunc/_silane',
      'silane completion fish > ~/.config/fish/completions/silane.fish',
    ],
  })
    .addArgument(program.createArgument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .action(async shell => {
      const { completionCommand } = await import('./completion.ts')
      exit(completionCommand(program, shell))
    })

  program.commandsGroup(kinds.tools).helpCommand('help [verb]', 'show the help of a verb')
}
