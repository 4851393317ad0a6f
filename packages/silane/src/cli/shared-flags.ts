import { type Command, Option } from 'commander'
import { names, tokenIds, whole } from './read-flags.ts'

/** Headings of the options in the help of a verb, in the order in which they stand there. */
export const groups = {
  model: 'What is converted:',
  write: 'How it is written:',
  shape: 'Shape:',
  hub: 'Hub:',
  choice: 'Choice of tokens:',
  output: 'Output:',
  run: 'What runs:',
} as const

/** Flags that mean the same in every verb that has them, written once. */
export const flags = {
  json: (command: Command) => command.addOption(grouped(groups.output, new Option('--json', 'print one JSON document on stdout'))),
  plugin: (command: Command) =>
    command.addOption(
      grouped(
        groups.run,
        new Option(
          '--plugin <name>',
          'use this plugin: its id, its package or a folder; repeatable; default: those that are found',
        ).argParser(names),
      ),
    ),
  source: (command: Command) =>
    command.addOption(
      grouped(
        groups.run,
        new Option('--from <onnx|coreml>', 'what runs: the ONNX files, or the packages read back from disk; default: onnx').choices([
          'onnx',
          'coreml',
        ]),
      ),
    ),
  /** With what the hub is asked. */
  hub: (command: Command) =>
    command
      .optionsGroup(groups.hub)
      .option('--offline', "use only what is in the hub's cache")
      .option('--token <token>', 'what the hub is asked with; default: HF_TOKEN, else what `hf auth login` has stored')
      .option('--cache-dir <dir>', 'where downloads are kept; default: HF_HUB_CACHE, else ~/.cache/huggingface/hub'),
  subfolder: (command: Command) =>
    command.addOption(
      grouped(groups.hub, new Option('--subfolder <path>', 'the checkpoint is this folder of the repository or folder; default: its top')),
    ),
  folder: (command: Command) => command.argument('<dir>', 'folder that `silane convert` wrote'),
  image: (command: Command) => command.argument('<image>', 'a PNG, JPEG, WebP or GIF file'),
  ids: (command: Command, place: string) =>
    command.addOption(
      grouped(groups.choice, new Option('--ids <ids>', `token ids in place of ${place}, such as 15496,995`).argParser(tokenIds)),
    ),
  /** Of what writes tokens. */
  decoding: (command: Command) =>
    command
      .optionsGroup(groups.choice)
      .option('--max-new-tokens <n>', 'stop after this many; default: as generation_config.json says', whole)
      .option('--beams <n>', 'beam search; default: as generation_config.json says, else 1', whole),
} as const

/** What commander makes of the flags that say how the hub is asked. */
export interface GivenHubFlags {
  readonly offline?: boolean
  readonly token?: string
  readonly cacheDir?: string
}

/** The same, as options of the functions that open a model. */
export const hubOptions = ({ offline, token, cacheDir }: GivenHubFlags) => ({ offline, token, cacheDir })

const grouped = (heading: string, option: Option): Option => option.helpGroup(heading)
