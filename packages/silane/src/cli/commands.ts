import { type Command, Option } from 'commander'
import { interruptible } from './interruption.ts'
import { addModelFlags, countFrom0, decimal, promptBox, promptPoint, setting, tokenIds, whole } from './model-flags.ts'

/** Adds the verbs. An action imports its code when it is run, so that help costs nothing; its result is the exit code. */
export function addCommands(program: Command, exit: (code: number) => void): void {
  addModelFlags(program.command('convert'))
    .summary('convert a checkpoint into Core ML packages and ONNX files')
    .description('Converts a checkpoint, a folder or an id on the hub such as org/name, and validates what was written.')
    .argument('<model>', 'folder, or org/name[@revision]')
    .option('--out <dir>', "output folder; default: the model's name + .silane")
    .option('--force', 'replace an existing output folder')
    .option('--no-validate', 'write only')
    .option('--golden <file>', 'golden outputs to validate against, a file or folder')
    .option('--trace', 'write every function as text after load and after every pass, into the output folder + .trace')
    .option('--json', 'print one JSON document on stdout')
    .action(async (model, flags) => {
      const { convertCommand } = await import('./convert-command.ts')
      exit(await interruptible(signal => convertCommand(model, flags, signal)))
    })

  addModelFlags(program.command('inspect'))
    .summary('look at a checkpoint, a converted folder, an .mlpackage or an .onnx file')
    .description(
      'Shows what a checkpoint is, which plugin reads it and what would be made of it; or what a package or file holds. Exit code 2 where no plugin reads the checkpoint.',
    )
    .argument('<target>', 'checkpoint, converted folder, .mlpackage or .onnx')
    .option('--tensors', 'list every tensor of the checkpoint')
    .option('--download', 'bring the weights of a model on the hub into the cache; default: read their headers alone')
    .option('--print <pass>', 'print the functions of a checkpoint as text: load, or after:PASS such as after:ane')
    .option('--json', 'print one JSON document on stdout')
    .action(async (target, flags) => {
      const { inspectCommand } = await import('./inspect-command.ts')
      exit(await inspectCommand(target, flags))
    })

  program
    .command('verify')
    .summary('check .mlpackage folders')
    .description(
      'Checks packages, whoever wrote them: format, names, types, weights. Exit code 1 where one is broken, 2 where one has what is not supported, such as flexible shapes or compressed weights.',
    )
    .argument('<package...>', 'paths of .mlpackage folders')
    .option('--json', 'print one JSON document on stdout')
    .action(async (paths, flags) => {
      const { verifyCommand } = await import('./verify-command.ts')
      exit(await verifyCommand(paths, flags))
    })

  program
    .command('plugins')
    .summary('list the plugins that are found')
    .description('Lists plugins: where they are, what they read, their tasks and options, and why something was skipped.')
    .option('--check', 'look for what is wrong with them, and say the command that mends it; exit code 1 where something is')
    .option('--plugin <name>', 'look at this one instead: its id, its package or a folder; repeatable', names)
    .option('--json', 'print one JSON document on stdout')
    .action(async flags => {
      const { pluginsCommand } = await import('./plugins-command.ts')
      exit(await pluginsCommand(flags))
    })

  program
    .command('doctor')
    .summary('what is wrong with the installed plugins')
    .description('The same as `silane plugins --check`.')
    .option('--plugin <name>', 'look at this one instead: its id, its package or a folder; repeatable', names)
    .option('--json', 'print one JSON document on stdout')
    .action(async flags => {
      const { pluginsCommand } = await import('./plugins-command.ts')
      exit(await pluginsCommand({ ...flags, check: true }))
    })

  program
    .command('validate')
    .summary('compare a converted folder with its checkpoint, or with golden outputs')
    .description(
      'Validates a converted folder again: ONNX files as written and packages as read back from disk. Exit code 3 where a gate is missed.',
    )
    .argument('<dir>', 'folder that `silane convert` wrote')
    .option('--model <model>', 'the checkpoint; default: the id on the hub that the folder records')
    .option('--golden <file>', 'golden outputs, a file or folder')
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable', names)
    .option('--offline', "use only what is in the hub's cache")
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, flags) => {
      const { validateCommand } = await import('./validate-command.ts')
      exit(await interruptible(signal => validateCommand(folder, flags, signal)))
    })

  program
    .command('generate')
    .summary('text in, text out, through the converted programs')
    .description(
      'Generates text with a converted decoder or encoder-decoder, in onnxruntime: greedy, sampling or beams, as generation_config.json says.',
    )
    .argument('<dir>', 'folder that `silane convert` wrote')
    .option('--text <text>', 'the prompt, or what the encoder reads')
    .option('--ids <ids>', 'token ids in place of a text, such as 15496,995', tokenIds)
    .addOption(source())
    .option('--max-new-tokens <n>', 'stop after this many', whole)
    .option('--beams <n>', 'beam search', whole)
    .option('--sample', 'draw tokens instead of taking the most likely')
    .option('--temperature <t>', 'of sampling', decimal)
    .option('--top-k <n>', 'of sampling', whole)
    .option('--top-p <p>', 'of sampling', decimal)
    .option('--seed <n>', 'of sampling; default 0', countFrom0)
    .option('--set <key=value>', 'any setting by its name in generation_config.json, such as min_p=0.1; repeatable', setting)
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, flags) => {
      const { generateCommand } = await import('./generate-command.ts')
      exit(await generateCommand(folder, flags))
    })

  program
    .command('benchmark')
    .summary('time every function of a converted folder')
    .description("Times every function in onnxruntime on this machine's CPU and shows what the Neural Engine gets.")
    .argument('<dir>', 'folder that `silane convert` wrote')
    .option('--runs <n>', 'runs of each function, at least', whole)
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable', names)
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, flags) => {
      const { benchmarkCommand } = await import('./benchmark-command.ts')
      exit(await interruptible(signal => benchmarkCommand(folder, flags, signal)))
    })

  program
    .command('index')
    .summary('embed documents into a file that can be searched')
    .description(
      'Embeds documents with a converted encoder into one SQLite file. One that is there gains what it has not; a run that was ended goes on. Exit code 3 where lines were left out.',
    )
    .argument('<dir>', 'folder that `silane convert` wrote')
    .requiredOption('--documents <file>', 'JSONL: text, and if wanted id, title, source, meta')
    .requiredOption('--out <file>', 'the index')
    .option('--for <dir>', 'the folder that questions will be embedded with, where it is another one')
    .option('--chunk <n>', 'cut texts into pieces of so many tokens', whole)
    .option('--overlap <n>', 'tokens that neighbouring pieces share; default: an eighth', whole)
    .addOption(source())
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, flags) => {
      const { indexCommand } = await import('./index-command.ts')
      exit(await interruptible(signal => indexCommand(folder, flags, signal)))
    })

  program
    .command('search')
    .summary('passages of an index that are nearest to a question')
    .description('Embeds a question and shows the passages of an index that are nearest to it.')
    .argument('<dir>', 'folder that `silane convert` wrote')
    .requiredOption('--index <file>', 'what `silane index` wrote')
    .requiredOption('--query <text>', 'what to look for')
    .option('--count <n>', 'how many passages; default 5', whole)
    .option('--bits', 'look at a bit of each element first: faster on large indexes; says how much exact search would have found besides')
    .addOption(source())
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, flags) => {
      const { searchCommand } = await import('./search-command.ts')
      exit(await searchCommand(folder, flags))
    })

  program
    .command('ask')
    .summary('the answer to a question from documents, with its sources')
    .description(
      'Looks a question up in an index and answers it from what is found, in onnxruntime: greedy, or with beams, as the checkpoint says.',
    )
    .argument('<dir>', 'folder that `silane convert` wrote')
    .requiredOption('--index <file>', 'what `silane index` wrote')
    .requiredOption('--question <text>', 'what to ask')
    .option('--count <n>', "passages to answer from; default: the model's", whole)
    .option('--bits', 'look at a bit of each element first: faster on large indexes')
    .option('--max-new-tokens <n>', 'stop after this many', whole)
    .option('--beams <n>', 'beam search', whole)
    .addOption(source())
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable', names)
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, flags) => {
      const { askCommand } = await import('./ask-command.ts')
      exit(await askCommand(folder, flags))
    })

  program
    .command('segment')
    .summary('masks of what points and a box show in a picture')
    .description('Writes masks of a picture as PNG files, with their scores, and the picture with the best of them over it.')
    .argument('<dir>', 'folder that `silane convert` wrote')
    .argument('<image>', 'a PNG, JPEG, WebP or GIF file')
    .option('--points <points...>', 'x,y of a place that is meant, x,y,0 of one that is not', promptPoint)
    .option('--box <box>', 'x0,y0,x1,y1: a box around it', promptBox)
    .option('--all', 'write every mask, not only the one with the highest score')
    .option('--out <dir>', "folder for the files; default: the picture's name + .masks")
    .option('--force', 'replace such a folder')
    .addOption(source())
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable', names)
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, image, flags) => {
      const { segmentCommand } = await import('./segment-command.ts')
      exit(await segmentCommand(folder, image, flags))
    })

  program
    .command('caption')
    .summary('a text that describes a picture')
    .description('Describes a picture, in onnxruntime: greedy, or with beams, as generation_config.json says.')
    .argument('<dir>', 'folder that `silane convert` wrote')
    .argument('<image>', 'a PNG, JPEG, WebP or GIF file')
    .option('--text <text>', 'what the caption begins with')
    .option('--ids <ids>', 'token ids in place of a text, such as 15496,995', tokenIds)
    .option('--max-new-tokens <n>', 'stop after this many', whole)
    .option('--beams <n>', 'beam search', whole)
    .addOption(source())
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable', names)
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, image, flags) => {
      const { captionCommand } = await import('./caption-command.ts')
      exit(await captionCommand(folder, image, flags))
    })

  program
    .command('ask-image')
    .summary('the answer to a question about a picture')
    .description('Answers a question about a picture, in onnxruntime: greedy, or with beams, as generation_config.json says.')
    .argument('<dir>', 'folder that `silane convert` wrote')
    .argument('<image>', 'a PNG, JPEG, WebP or GIF file')
    .option('--question <text>', 'what to ask')
    .option('--ids <ids>', 'token ids in place of a question, such as 15496,995', tokenIds)
    .option('--max-new-tokens <n>', 'stop after this many', whole)
    .option('--beams <n>', 'beam search', whole)
    .addOption(source())
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable', names)
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, image, flags) => {
      const { askImageCommand } = await import('./caption-command.ts')
      exit(await askImageCommand(folder, image, flags))
    })

  program
    .command('classify')
    .summary('what a picture shows')
    .description('Gives the labels of a picture, the most likely first.')
    .argument('<dir>', 'folder that `silane convert` wrote')
    .argument('<image>', 'a PNG, JPEG, WebP or GIF file')
    .option('--count <n>', 'how many labels; default 5', whole)
    .addOption(source())
    .option('--plugin <name>', 'use this plugin: its id, its package or a folder; repeatable', names)
    .option('--json', 'print one JSON document on stdout')
    .action(async (folder, image, flags) => {
      const { classifyCommand } = await import('./classify-command.ts')
      exit(await classifyCommand(folder, image, flags))
    })
}

const names = (name: string, before: string[] = []): string[] => [...before, name]

const source = (): Option =>
  new Option('--from <programs>', 'what runs: the ONNX files, or the packages read back from disk').choices(['onnx', 'coreml'])
