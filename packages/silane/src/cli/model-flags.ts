import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ModelOptions } from '../convert/convert-options.ts'

/** What commander makes of the flags that say which model, as what, in which shape. */
export interface ModelFlags {
  readonly task?: string
  readonly target?: ModelOptions['targets']
  readonly plugin?: string[]
  readonly minOs?: ModelOptions['minimumOs']
  readonly precision?: ModelOptions['precision']
  readonly onnxPrecision?: ModelOptions['onnxPrecision']
  readonly batch?: number
  readonly seq?: number[]
  readonly context?: number
  readonly prefill?: number
  readonly kv?: ModelOptions['kv']
  readonly platform?: ModelOptions['platform']
  readonly maxPackageSize?: number
  readonly option?: Readonly<Record<string, string>>
  readonly revision?: string
  readonly offline?: boolean
}

/** Reads a positive whole number. */
export const whole = (text: string): number => {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('It is not a positive whole number.')
  return Number(text)
}

/** Token ids, separated by commas or spaces. */
export const tokenIds = (text: string): number[] => {
  const parts = text.split(/[\s,]+/).filter(Boolean)
  if (!parts.every(part => /^\d+$/.test(part))) throw new InvalidArgumentError('Write ids such as 15496,995.')
  return parts.map(Number)
}

const lengths = (text: string): number[] => text.split(',').map(part => whole(part.trim()))

const targets = (text: string): string[] => {
  const names = text.split(',').map(name => name.trim())
  if (!names.every(name => name === 'coreml' || name === 'onnx')) throw new InvalidArgumentError('The targets are coreml and onnx.')
  return names
}

const units: Readonly<Record<string, number>> = { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 }

const bytes = (text: string): number => {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$/.exec(text) ?? []
  const factor = units[unit.toUpperCase()]
  if (number === undefined || factor === undefined) throw new InvalidArgumentError('Write a size such as 800MB or 1.5GB.')
  return Math.floor(Number(number) * factor)
}

const collect = (text: string, previous: readonly string[] = []): string[] => [...previous, text]

const assignment = (text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Write name=value.')
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) }
}

/** The flags that name and shape a model, the same for every verb that loads one. */
export function addModelFlags(command: Command): Command {
  return command
    .option('--task <task>', "what the model is for; default: what config.json's architecture stands for")
    .option('--target <targets>', 'coreml,onnx (default) or one of them', targets)
    .option('--plugin <name>', 'use this plugin, a package or a folder; repeatable', collect)
    .addOption(new Option('--min-os <os>', 'oldest system to run on; default: ios18').choices(['ios16', 'ios17', 'ios18', 'ios26']))
    .addOption(new Option('--precision <precision>', 'Core ML: fp16 (default), or fp32 to compare').choices(['fp16', 'fp32']))
    .addOption(new Option('--onnx-precision <precision>', 'type of the ONNX weights; default: fp32').choices(['fp32', 'fp16']))
    .option('--batch <n>', 'rows per call; default: 1', whole)
    .option('--seq <lengths>', 'sequence lengths, such as 128 or 64,128,512', lengths)
    .option('--context <n>', 'cache slots of a decoder', whole)
    .option('--prefill <n>', 'tokens per prefill call', whole)
    .addOption(new Option('--kv <kind>', 'where a decoder keeps its cache; default: io').choices(['io', 'state']))
    .addOption(new Option('--platform <name>', 'decides the largest package; default: ios').choices(['ios', 'macos']))
    .option('--max-package-size <size>', 'cut a decoder into packages of at most this size', bytes)
    .option('--option <name=value>', "an option of the plugin's; repeatable, see `silane plugins`", assignment)
    .option('--revision <revision>', 'branch, tag or commit on the hub')
    .option('--offline', "use only what is in the hub's cache")
}

/** The flags as options of the functions. */
export const modelOptions = (model: string, flags: ModelFlags): ModelOptions => ({
  model,
  task: flags.task,
  targets: flags.target,
  plugins: flags.plugin,
  minimumOs: flags.minOs,
  precision: flags.precision,
  onnxPrecision: flags.onnxPrecision,
  batch: flags.batch,
  seq: flags.seq,
  context: flags.context,
  prefill: flags.prefill,
  kv: flags.kv,
  platform: flags.platform,
  maxPackageBytes: flags.maxPackageSize,
  options: flags.option,
  revision: flags.revision,
  offline: flags.offline,
})
