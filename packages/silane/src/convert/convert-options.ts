import type { OptionValue } from '@silane/core'
import type { GivenSettings, GivenShape } from './settings.ts'

/** What is going on, for a progress line. */
export interface Progress {
  /** The step, such as `write model.mlpackage`. */
  readonly step: string
  /** From 0 to 1, where known. */
  readonly fraction?: number
  /** Of what is read or written in it, where known: how much is done, and of how much. */
  readonly bytes?: number
  readonly total?: number
  /** The step is done and took so long. */
  readonly seconds?: number
}

/** Which checkpoint, as which task, in which shape. Shared by convert and inspect. Beside these: the settings (`settings.ts`) and the shape. */
export interface ModelOptions extends GivenSettings, GivenShape {
  /** A folder, or a model on the hub: `org/name`, `org/name@revision`, `hf://org/name@revision/folder`, or the address of its page. */
  readonly model: string
  /** Default: what `architectures[0]` of config.json stands for. */
  readonly task?: string | undefined
  /** Names or paths of plugins to use instead of those that are found. */
  readonly plugins?: readonly string[] | undefined
  /** Options that the plugin declares. Texts, as they come from a command line, are converted. */
  readonly options?: Readonly<Record<string, OptionValue>> | undefined
  /** A branch, tag or commit on the hub. */
  readonly revision?: string | undefined
  /** The checkpoint is this folder of the repository, or of the folder. */
  readonly subfolder?: string | undefined
  /** Take only what is in the hub's cache. */
  readonly offline?: boolean | undefined
  /** What the hub is asked with. Default: HF_TOKEN, else what `hf auth login` has stored. */
  readonly token?: string | undefined
  /** Where downloads are kept. Default: HF_HUB_CACHE, else the cache of the Python library. */
  readonly cacheDir?: string | undefined
  /** Where plugins are looked for and relative paths begin. Default: the working directory. */
  readonly cwd?: string | undefined
  /** Stops the work and leaves nothing behind. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Remarks for the person who waits. */
  readonly onNote?: ((note: string) => void) | undefined
}

export interface ConvertOptions extends ModelOptions {
  /** Default: the model's base name + `.silane`. */
  readonly out?: string | undefined
  /**
   * Name of the packages and ONNX files: `NAME.mlpackage` for a model of one program, `NAME_encoder.mlpackage` and so on for one of several.
   * Default: the names of the programs.
   */
  readonly name?: string | undefined
  /** Replace an existing folder. */
  readonly force?: boolean | undefined
  /** Default: true. */
  readonly validate?: boolean | undefined
  /** A file of golden outputs for the program `model`, or a folder of `golden.<program>.safetensors`. Default: the checkpoint's own. */
  readonly golden?: string | undefined
  /** Write every function as text, after load and after every pass, into the folder `out` + `.trace`. */
  readonly trace?: boolean | undefined
}
