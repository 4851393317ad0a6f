import { defineErrors } from '@silane/core'

const list = (names: readonly string[], none = 'none') => names.join(', ') || none

/** What brings a plugin that claims a checkpoint. */
interface Claimants {
  readonly install: readonly string[]
  readonly unlisted: string | undefined
}

/** The command that brings the plugin for a checkpoint, before any other advice. */
const claimedBy = ({ install, unlisted }: Claimants, otherwise: string): string =>
  install.length > 0
    ? `Install the plugin for it: ${install.join(', or ')}`
    : unlisted
      ? `The plugin for it is installed, but no package.json that was looked at lists it: add --plugin ${unlisted}.`
      : otherwise

/** Errors of the orchestrator: plugins, options, the output folder, and files given to the verbs. */
export const errors = defineErrors({
  E_NO_CONFIG: (f: { where: string; weights: readonly string[]; plugins: readonly string[] } & Claimants) => ({
    what: `There is no config.json, and no plugin knows the checkpoint by its files and tensors (${list(f.weights, 'no tensors')}).`,
    where: `${f.where}; plugins seen: ${list(f.plugins)}`,
    next: claimedBy(f, 'Give the folder that holds config.json beside the weights, or choose a plugin with --plugin.'),
  }),
  E_NO_MODEL_TYPE: (
    f: { where: string; architectures: readonly string[]; weights: readonly string[]; plugins: readonly string[] } & Claimants,
  ) => ({
    what: `config.json names no model_type, and no plugin knows the checkpoint by its architectures (${list(f.architectures)}) or by its tensors and files (${list(f.weights, 'no tensors')}).`,
    where: `${f.where}; plugins seen: ${list(f.plugins)}`,
    next: claimedBy(f, 'Choose a plugin with --plugin, or write the "model_type" of the family into config.json.'),
  }),
  E_MODEL_TYPE: (f: { modelType: string; where: string; plugins: readonly string[] } & Claimants) => ({
    what: `No plugin claims the model type "${f.modelType}".`,
    where: `${f.where}; plugins seen: ${list(f.plugins)}`,
    next: claimedBy(
      f,
      'Look for a package with the keyword silane-plugin: npm search keywords:silane-plugin. Or write one: npm create silane-plugin my-model',
    ),
  }),
  E_ARCHITECTURE: (
    f: { modelType: string; architecture: string; plugin: string; claimed: readonly string[]; where: string } & Claimants,
  ) => ({
    what: `${f.plugin} reads "${f.modelType}" checkpoints, but not the architecture ${f.architecture}. It knows: ${list(f.claimed)}.`,
    where: f.where,
    next: claimedBy(f, `To take it as one of these all the same: --plugin ${f.plugin} --task ….`),
  }),
  E_CLAIM_UNMET: (f: { modelType: string; plugin: string; unmet: readonly string[]; where: string } & Claimants) => ({
    what: `${f.plugin} reads "${f.modelType}" checkpoints of another kind. Not met: ${list(f.unmet)}.`,
    where: f.where,
    next: claimedBy(f, `Install the plugin for this model, or take this one all the same: --plugin ${f.plugin}.`),
  }),
  E_PLUGIN_AMBIGUOUS: (f: { plugins: readonly string[]; because: readonly string[]; where: string }) => ({
    what: `These plugins claim the checkpoint with equal right: ${list(f.plugins)} (${list(f.because)}).`,
    where: f.where,
    next: `Choose one: --plugin ${f.plugins[0]?.replace(/(?<=.)@[^@]*$/, '')}`,
  }),
  E_PLUGIN_NOT_FOUND: (f: { name: string; tried: readonly string[]; near: readonly string[]; install: string | undefined }) => ({
    what: `There is no plugin "${f.name}".${f.near.length > 0 ? ` Closest names: ${list(f.near)}.` : ''}`,
    where: list(f.tried),
    next: f.install
      ? `Install it: ${f.install}`
      : 'Give the id or the package of a plugin that `silane plugins` lists, or the path of its folder, such as ./plugin.',
  }),
  E_PLUGIN_INVALID: (f: { plugin: string; problem: string; where: string; update?: string }) => ({
    what: `${f.plugin} is not a usable plugin: ${f.problem}.`,
    where: f.where,
    next: `${f.update ? `Update it: ${f.update}. If that does not help, this` : 'This'} is for the author of the plugin to mend; its package.json needs the keyword silane-plugin and a "silane" block.`,
  }),
  E_PLUGIN_API: (f: { plugin: string; wants: number; has: number; where: string; update: string }) => ({
    what: `${f.plugin} is newer than this silane: it is made for plugin API ${f.wants}, this silane has ${f.has}.`,
    where: f.where,
    next: `Update silane: ${f.update}`,
  }),
  E_PLUGIN_API_OLD: (f: { plugin: string; wants: number; has: number; where: string; update: string }) => ({
    what: `${f.plugin} is older than this silane: it is made for plugin API ${f.wants}, this silane has ${f.has}.`,
    where: f.where,
    next: `Update the plugin: ${f.update}`,
  }),
  E_PLUGIN_CORE: (f: { plugin: string; range: string; core: string; where: string; update: string }) => ({
    what: `${f.plugin} asks for @silane/core ${f.range}, and this silane has ${f.core}.`,
    where: f.where,
    next: `Update the one that is behind: ${f.update}`,
  }),
  E_PLUGIN_MISSING: (f: { plugin: string; where: string; mend: string }) => ({
    what: `${f.plugin} is listed and not installed.`,
    where: f.where,
    next: f.mend,
  }),
  E_PLUGIN_TWICE: (f: { id: string; plugins: readonly string[]; where: string; mend: string }) => ({
    what: `These plugins have the same id, "${f.id}": ${list(f.plugins)}.`,
    where: f.where,
    next: f.mend,
  }),
  E_PLUGIN_CLAIMS: (f: { plugins: readonly string[]; claim: string; where: string; remove: string }) => ({
    what: `These plugins claim the same checkpoints with equal right: ${list(f.plugins)} (${f.claim}).`,
    where: f.where,
    next: `Remove one: ${f.remove}. To keep both, choose one for each model with --plugin.`,
  }),
  E_CORE_TWICE: (f: { plugin: string; copies: readonly string[]; where: string; mend: string }) => ({
    what: `${f.plugin} has a copy of the core of its own: ${list(f.copies)}.`,
    where: f.where,
    next: `Have one for both: ${f.mend}`,
  }),
  E_PLUGIN_LOAD: (f: { plugin: string; problem: string; where: string }) => ({
    what: `${f.plugin} cannot be loaded: ${f.problem}.`,
    where: f.where,
    next: 'Check that its dependencies are installed; `silane plugins --check` says with which command.',
  }),
  E_PLUGIN_FAILED: (f: { plugin: string; doing: string; problem: string; where: string | undefined }) => ({
    what: `${f.plugin} failed in ${f.doing}: ${f.problem}.`,
    where: f.where,
    next: 'Report it to the author of the plugin, with the model and the command; --verbose shows where it was thrown.',
  }),
  E_OPTION_UNKNOWN: (f: { option: string; plugin: string; task: string; has: readonly string[] }) => ({
    what: `Plugin ${f.plugin} has no ${f.option} for the task ${f.task}. It has: ${list(f.has)}.`,
    next: '`silane plugins` lists the options of every plugin.',
  }),
  E_OUT_EXISTS: (f: { out: string }) => ({
    what: `${f.out} exists already.`,
    next: 'Choose another --out, or replace it with --force.',
  }),
  E_OUT_FOREIGN: (f: { out: string; reason: string }) => ({
    what: `${f.out} is not replaced: ${f.reason}.`,
    next: 'Choose another --out.',
  }),
  E_OUT_KEPT: (f: { out: string; kept: string }) => ({
    what: `${f.out} is not there: the process that replaced it was ended between two steps. The old folder is whole, as ${f.kept}.`,
    next: `Put it back (mv ${f.kept} ${f.out}), or convert again with the same --out, which puts it back first.`,
  }),
  E_OUT_WRITE: (f: { out: string; problem: string; next: string }) => ({
    what: `Cannot write to ${f.out}: ${f.problem}.`,
    next: f.next,
  }),
  E_GOLDEN: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file}: ${f.problem}.`,
    where: f.where,
    next: 'Golden files hold tensors "<sample>.in.<name>" and "<sample>.out.<name>" of one program.',
  }),
  E_MANIFEST: (f: { problem: string; where: string }) => ({
    what: `silane.json is not a manifest that this silane reads: ${f.problem}.`,
    where: f.where,
    next: 'Give a folder that `silane convert` wrote, or convert the model again.',
  }),
  E_NOT_CONVERTED: (f: { where: string }) => ({
    what: 'There is no silane.json.',
    where: f.where,
    next: 'Give a folder that `silane convert` wrote.',
  }),
  E_FOLDER_FILE: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} of the converted folder cannot be used: ${f.problem}.`,
    where: f.where,
    next: 'Put the file of the model there, or convert the model again.',
  }),
  E_TOKENIZER_LIMIT: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} of the converted folder is stopped: ${f.problem}.`,
    where: f.where,
    next: 'Give a shorter text, or token ids with --ids; do not trust a tokenizer.json that is stopped on a short text.',
  }),
  E_PROGRAM_FILE: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} ${f.problem}.`,
    where: f.where,
    next: 'The folder has changed since it was written: copy it again as a whole, or convert the model again.',
  }),
  E_NOT_WRITTEN: (f: { target: string; where: string }) => ({
    what: `The conversion holds no ${f.target} programs.`,
    where: f.where,
    next: `Convert with --target ${f.target}, or choose the other with --from.`,
  }),
  E_PIPELINE: (f: { problem: string }) => ({
    what: `The steps of this conversion cannot be run: ${f.problem}.`,
    next: 'Convert again with this version of silane.',
  }),
  E_PACKAGE_MISSING: (f: { package: string; what: string; install: string }) => ({
    what: `${f.what} needs the package ${f.package}, which is not installed.`,
    next: f.install,
  }),
  E_NO_PICTURES: (f: { verb: string; problem: string; where: string }) => ({
    what: `\`silane ${f.verb}\` cannot use this folder: ${f.problem}.`,
    where: f.where,
    next: 'Look at its programs with `silane inspect`, and choose a folder whose task is another, or another verb.',
  }),
  E_NOT_FINITE: (f: { what: string; where: string }) => ({
    what: `The program gives ${f.what} that are not finite.`,
    where: f.where,
    next: 'Compare it with its model, `silane validate`, and convert again where a gate is missed. A folder of someone else may have been changed.',
  }),
  E_COPIES: (f: { bytes: string; limit: string; largest: string; where: string }) => ({
    what: `The files that go along with the model take ${f.bytes} together, ${f.largest} the most; up to ${f.limit} are copied.`,
    where: f.where,
    next: 'Remove from the checkpoint what belongs to no tokenizer, processor or license.',
  }),
  E_NO_EMBEDDINGS: (f: { where: string }) => ({
    what: 'No program of this folder gives a vector for a whole text.',
    where: f.where,
    next: 'Convert a sentence-transformers model or another encoder of passages, task feature-extraction.',
  }),
  E_NO_ANSWERS: (f: { where: string }) => ({
    what: 'This folder does not answer questions from documents.',
    where: f.where,
    next: 'Convert a model that retrieves and answers; `silane search` shows the passages alone.',
  }),
  E_PLUGIN_NEEDED: (f: { plugin: string; what: string; problem: string; install: string }) => ({
    what: `${f.what} needs the plugin ${f.plugin}, which ${f.problem}.`,
    next: `${f.install}, or name it with --plugin.`,
  }),
  E_CI_FILE_MISSING: (f: { file: string; where: string }) => ({
    what: `There is no ${f.file}.`,
    where: f.where,
    next: `Write what is to be converted into it, such as { "models": [{ "model": "org/name", "options": [{ "seq": 128 }] }] }, or name another file with --config. All it may hold: https://github.com/silane/silane/blob/main/docs/guides/ci.md`,
  }),
  E_CI_FILE: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} does not say what to convert: ${f.problem}.`,
    where: f.where,
    next: 'Write { "models": [{ "model": "org/name", "tasks": […], "targets": […], "options": [{ "seq": 128 }] }] }; all but the model may be left out.',
  }),
  E_CI_SIZE: (f: { count: number; limit: number; shards: number }) => ({
    what: `The matrix has ${f.count} entries; GitHub Actions takes at most ${f.limit} in one.`,
    next: `Print a part of it, \`silane matrix --shard 1/${f.shards}\`, or have each machine run a part, \`silane ci --shard 1/${f.shards}\`.`,
  }),
  E_CI_ENTRY: (f: { name: string; names: readonly string[] }) => ({
    what: `There is no entry "${f.name}". There are: ${list(f.names)}.`,
    next: '`silane matrix` prints them all.',
  }),
  E_CI_REPORT: (f: { problem: string; where: string }) => ({
    what: `The reports cannot be joined: ${f.problem}.`,
    where: f.where,
    next: 'Give the folder with the reports of one run of every shard, and nothing of earlier runs.',
  }),
  E_CI_MISSING: (f: { missing: readonly string[]; where: string }) => ({
    what: `Reports are missing: ${list(f.missing)}.`,
    where: f.where,
    next: 'Look at the machines that should have written them, and run those again.',
  }),
  E_PROMPT: (f: { problem: string; next: string }) => ({ what: `${f.problem}.`, next: f.next }),
  E_TEMPORARY: (f: { folder: string; problem: string }) => ({
    what: `Cannot write to the folder for temporary files, ${f.folder}: ${f.problem}.`,
    next: 'Free some space there, or name another folder with TMPDIR.',
  }),
  E_SYSTEM: (f: { what: string; problem: string; next: string }) => ({ what: `${f.what}: ${f.problem}.`, next: f.next }),
  E_USAGE: (f: { problem: string; next?: string | undefined }) => ({ what: f.problem, next: f.next ?? 'See `silane --help`.' }),
})
