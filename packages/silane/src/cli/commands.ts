import type { Command } from 'commander'
import { interruptible } from './interruption.ts'
import { addModelFlags } from './model-flags.ts'

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
    .option('--json', 'print one JSON document on stdout')
    .action(async (model, flags) => {
      const { convertCommand } = await import('./convert-command.ts')
      exit(await interruptible(signal => convertCommand(model, flags, signal)))
    })
}
