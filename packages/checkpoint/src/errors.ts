import { defineErrors } from '@silane/core'

/** A size as a person says it. */
const bytes = (count: number): string => {
  if (count < 1e4) return `${count} bytes`
  const unit = count < 1e6 ? 'kB' : count < 1e9 ? 'MB' : 'GB'
  return `${(count / { kB: 1e3, MB: 1e6, GB: 1e9 }[unit]).toFixed(1)} ${unit}`
}

const RESAVE = 'Files of your own: save the state dict alone, with safetensors.torch.save_file(model.state_dict(), "model.safetensors").'

const AGAIN = 'Download the file again; if it stays the same, it was published broken.'

/** What is known of a tensor, or of a whole checkpoint, that is not read. */
interface DTypeFacts {
  readonly file?: string
  readonly tensor?: string
  readonly dtype?: string
  /** How it is quantised, as config.json says. */
  readonly method?: string | undefined
  /** The same, as its tensors say. */
  readonly packer?: string | undefined
  /** What is wrong with it beyond its type. */
  readonly detail?: string
  readonly where: string
}

/** Errors of reading checkpoints, by what was being read. */
export const errors = defineErrors({
  E_MODEL_FOLDER: (f: { model: string; where: string }) => ({
    what: `No folder "${f.model}".`,
    where: f.where,
    next: 'Give a folder that holds config.json and the weights, or an id on the hub such as org/name.',
  }),
  E_MODEL_NAME: (f: { model: string; problem: string }) => ({
    what: `"${f.model}" is neither a folder nor an id on the hub: ${f.problem}.`,
    next: "Give a folder, an id such as org/name or org/name@revision, hf://org/name@revision/folder, or the address of a model's page on the hub.",
  }),
  E_FOLDER_SIZE: (f: { limit: number; where: string }) => ({
    what: `The folder has more than ${f.limit} files, which no checkpoint has.`,
    where: f.where,
    next: 'Give the folder that holds config.json and the weights.',
  }),
  E_FILE_NAME: (f: { name: string; from: string; where: string }) => ({
    what: `${f.from} names the file "${f.name}", which does not stay inside the checkpoint's folder.`,
    where: f.where,
    next: 'Do not trust this checkpoint; names in it must be plain relative ones.',
  }),
  E_FILE_MISSING: (f: { file: string; where: string }) => ({
    what: `There is no file "${f.file}".`,
    where: f.where,
    next: 'Check that the download of the checkpoint is complete.',
  }),
  E_FILE_READ: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} cannot be read: ${f.problem}.`,
    where: f.where,
    next: 'Check the file and its permissions, and that nothing rewrites it meanwhile.',
  }),
  E_FILE_LINK: (f: { file: string; target: string; where: string }) => ({
    what: `${f.file} is a link out of the folder, to ${f.target}.`,
    where: f.where,
    next: 'Do not trust a folder that came so. In one of your own, put the file itself there.',
  }),
  E_FILE_CHANGED: (f: { file: string; where: string }) => ({
    what: `${f.file} was changed while it was read, so what came of it is neither the old one nor the new.`,
    where: f.where,
    next: 'Wait until nothing writes there any more, and run the command again.',
  }),
  E_FILE_SIZE: (f: { file: string; size: number; limit: number; where: string }) => ({
    what: `${f.file} is ${bytes(f.size)} long; at most ${bytes(f.limit)} are read of such a file.`,
    where: f.where,
    next: AGAIN,
  }),
  E_CHECKPOINT_CLOSED: (f: { file: string; where: string }) => ({
    what: `${f.file} was read after its checkpoint had been closed.`,
    where: f.where,
    next: 'Keep the checkpoint open until everything that holds its tensors has been written.',
    exitCode: 1,
  }),
  E_LFS_POINTER: (f: { file: string; where: string }) => ({
    what: `${f.file} is a Git LFS pointer, not the file itself.`,
    where: f.where,
    next: 'Run `git lfs pull` in that folder, or give the id on the hub and let silane download the file.',
  }),

  E_JSON_KIND: (f: { file: string; where: string }) => ({
    what: `${f.file} does not hold an object.`,
    where: f.where,
    next: AGAIN,
  }),

  E_SAFETENSORS_TRUNCATED: (f: { file: string; size: number; needed: number; part: string; where: string }) => ({
    what: `${f.file} ends too early: ${f.part} needs ${f.needed} bytes, the file has ${f.size}.`,
    where: f.where,
    next: 'The download was probably cut off; fetch the file again.',
  }),
  E_SAFETENSORS_HEADER: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} has no valid safetensors header: ${f.problem}.`,
    where: f.where,
    next: AGAIN,
  }),
  E_SAFETENSORS_LIMIT: (f: { file: string; what: string; actual: number; limit: number; where: string }) => ({
    what: `${f.file}: ${f.what} is ${f.actual}; the limit is ${f.limit}.`,
    where: f.where,
    next: AGAIN,
  }),
  E_SAFETENSORS_TENSOR: (f: { file: string; tensor: string; problem: string; where: string }) => ({
    what: `${f.file}: the entry of tensor "${f.tensor}" is broken: ${f.problem}.`,
    where: f.where,
    next: AGAIN,
  }),
  E_SAFETENSORS_OFFSETS: (f: { file: string; tensor: string; problem: string; where: string }) => ({
    what: `${f.file}: tensor "${f.tensor}" has a wrong place in the file: ${f.problem}.`,
    where: f.where,
    next: AGAIN,
  }),

  /** Of one tensor, or of weights that are quantised. */
  E_TENSOR_DTYPE: (f: DTypeFacts) => {
    const tensor = `ensor "${f.tensor}" in ${f.file} has the element type ${f.dtype}${f.detail === undefined ? '' : ` (${f.detail})`}`
    if (f.method === undefined && f.packer === undefined) {
      return {
        what: `T${tensor}, which silane does not read.`,
        where: f.where,
        next: 'Use a checkpoint in F32, F16 or BF16; quantised weights can be saved in one of these with transformers.',
      }
    }
    const by =
      f.method === undefined
        ? `${f.packer}, by its tensors; config.json has no quantization_config`
        : `quantization_config of config.json, quant_method "${f.method}"`
    const more = f.tensor === undefined ? f.detail : `t${tensor}`
    return {
      what: `The checkpoint is quantised (${by}), in a form that silane does not read${more === undefined ? '' : `: ${more}`}.`,
      where: f.where,
      next: 'Give the model that it was made from, or what transformers makes of it: model.dequantize(), then save_pretrained. Read are floats, int8 of bitsandbytes and fp8 with its scales.',
    }
  },
  E_ADAPTER: (f: { problem: string; where: string }) => ({
    what: `${f.problem}.`,
    where: f.where,
    next: 'Merge it where it was made, and give the result: model.merge_and_unload().save_pretrained("merged"). Or take its files away, for the base model alone.',
  }),

  E_SHARD_INDEX: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} is not an index of shards: ${f.problem}.`,
    where: f.where,
    next: AGAIN,
  }),
  E_SHARD_MISSING: (f: { file: string; shard: string; where: string }) => ({
    what: `${f.file} names the shard "${f.shard}", which is missing.`,
    where: f.where,
    next: 'Complete the download of the checkpoint.',
  }),
  E_SHARD_TENSOR: (f: { file: string; shard: string; tensor: string; where: string }) => ({
    what: `${f.file} says that "${f.tensor}" is in ${f.shard}, but it is not there.`,
    where: f.where,
    next: 'Index and shards come from different versions; download all of them again.',
  }),
  E_SHARD_COUNT: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} is a shard without an index, and ${f.problem}.`,
    where: f.where,
    next: 'Complete the download of the checkpoint. Without an index all shards are read, so none may be missing.',
  }),
  E_SHARD_TWICE: (f: { tensor: string; files: readonly string[]; where: string }) => ({
    what: `The tensor "${f.tensor}" stands in ${f.files.join(' and in ')}, and no index says which one counts.`,
    where: f.where,
    next: 'Add the index that was published with the shards, or keep the tensor in one of them.',
  }),
  E_WEIGHTS_MISSING: (f: { where: string }) => ({
    what: 'The checkpoint has no weights: neither model.safetensors nor pytorch_model.bin, nor an index of shards of one of them.',
    where: f.where,
    next: 'Give a folder or an id with PyTorch or safetensors weights.',
  }),
  E_WEIGHTS_ADAPTER: (f: { files: readonly string[]; base: string | undefined; where: string }) => ({
    what: `The checkpoint has an adapter (${f.files.join(', ')}), but not the weights of the model that it belongs to${f.base === undefined ? '' : `, "${f.base}"`}.`,
    where: f.where,
    next: `Put its files beside config.json and the weights of ${f.base === undefined ? 'that model' : `"${f.base}"`}, or merge the two and give the result: model.merge_and_unload().save_pretrained("merged").`,
  }),
  E_WEIGHTS_AMBIGUOUS: (f: { files: readonly string[]; where: string }) => ({
    what: `Any of these could be the weights: ${f.files.join(', ')}.`,
    where: f.where,
    next: 'Name the right one model.safetensors or pytorch_model.bin, or move the others away.',
  }),

  E_TORCH_FORMAT: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} is not a file of torch.save that silane reads: ${f.problem}.`,
    where: f.where,
    next: RESAVE,
  }),
  E_TORCH_ZIP: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} is not an archive as torch.save writes it: ${f.problem}.`,
    where: f.where,
    next: AGAIN,
  }),
  E_TORCH_STORAGE: (f: { file: string; storage: string; problem: string; where: string }) => ({
    what: `${f.file}: the storage "${f.storage}" is broken: ${f.problem}.`,
    where: f.where,
    next: AGAIN,
  }),
  E_TORCH_EMPTY: (f: { file: string; where: string }) => ({
    what: `${f.file} holds no state dict: there are no named tensors in it.`,
    where: f.where,
    next: RESAVE,
  }),
  E_PICKLE: (f: { file: string; problem: string; at: number; where: string }) => ({
    what: `The pickle in ${f.file} is broken at byte ${f.at}: ${f.problem}.`,
    where: f.where,
    next: AGAIN,
  }),
  E_PICKLE_GLOBAL: (f: { file: string; global: string; at: number; where: string }) => ({
    what: `The pickle in ${f.file} refers to ${f.global} at byte ${f.at}. Tensors do not need that, so it is refused; nothing has been executed.`,
    where: f.where,
    next: `If you do not know where the file is from, do not load it in Python either. ${RESAVE}`,
  }),
  E_PICKLE_OPCODE: (f: { file: string; opcode: string; at: number; where: string }) => ({
    what: `The pickle in ${f.file} has the instruction ${f.opcode} at byte ${f.at}. Tensors do not need that, so it is refused; nothing has been executed.`,
    where: f.where,
    next: `If you do not know where the file is from, do not load it in Python either. ${RESAVE}`,
  }),
  E_PICKLE_LIMIT: (f: { file: string; what: string; limit: number; at: number; where: string }) => ({
    what: `The pickle in ${f.file} has ${f.what} than ${f.limit} at byte ${f.at}; no state dict needs so much.`,
    where: f.where,
    next: 'Do not trust this file.',
  }),

  E_HUB_TOKEN: (_: object) => ({
    what: 'The token for the hub has characters that no token has, such as spaces or line breaks.',
    where: 'HF_TOKEN, HUGGING_FACE_HUB_TOKEN and the file that `hf auth login` writes',
    next: 'Copy it again from https://huggingface.co/settings/tokens; it begins with hf_.',
  }),
  E_HUB_NOT_FOUND: (f: { name: string; authorized: boolean; where: string }) => ({
    what: `The hub has no model "${f.name}"${f.authorized ? ' that this token may see' : ', or it is private'}.`,
    where: f.where,
    next: `Check the name. ${f.authorized ? 'For a private model, use a token of someone who may read it.' : 'For a private model, set HF_TOKEN to a token that may read it.'}`,
  }),
  E_HUB_REVISION: (f: { name: string; revision: string; where: string }) => ({
    what: `The model "${f.name}" has no branch, tag or commit "${f.revision}".`,
    where: f.where,
    next: 'Give an existing revision, or none for the main branch.',
  }),
  E_HUB_SUBFOLDER: (f: { name: string; revision: string; subfolder: string; where: string }) => ({
    what: `"${f.name}" has no folder "${f.subfolder}" at "${f.revision}".`,
    where: f.where,
    next: 'Look at its files on the hub, and give a folder that holds config.json and the weights.',
  }),
  E_HUB_ACCESS: (f: { name: string; authorized: boolean; page: string; where: string }) => ({
    what: `The hub does not give access to "${f.name}"${f.authorized ? ' with this token' : ' without a token'}: it is gated or private.`,
    where: f.where,
    next: `Accept the terms on ${f.page}, then give --token, or set HF_TOKEN, to a token of that account (from https://huggingface.co/settings/tokens).`,
  }),
  E_HUB_OFFLINE: (f: { name: string; revision: string; missing: readonly string[]; reason: string; where: string }) => ({
    what: `"${f.name}" at ${f.revision} is not complete in the cache, and ${f.reason}. Missing: ${f.missing.join(', ')}.`,
    where: f.where,
    next: 'Run once with access to the hub (without --offline and HF_HUB_OFFLINE), or give a folder that holds the model.',
  }),
  E_HUB_DOWNLOAD: (f: { file: string; problem: string; kept: boolean; where: string }) => ({
    what: `The download of ${f.file} failed: ${f.problem}.`,
    where: f.where,
    next: `Run the command again${f.kept ? '; what has arrived is kept and the download continues there' : ''}.`,
  }),
  E_HUB_FILE: (f: { file: string; problem: string; where: string }) => ({
    what: `${f.file} arrived damaged: ${f.problem}.`,
    where: f.where,
    next: 'The damaged file has been removed; run the command again.',
  }),
  E_HUB_RANGES: (f: { file: string; host: string; where: string }) => ({
    what: `${f.host} gives no parts of files, and ${f.file} is too large to be passed over for one.`,
    where: f.where,
    next: 'Give --download, which brings the weights into the cache.',
  }),
  E_WEIGHTS_REMOTE: (f: { file: string; bytes: number; where: string }) => ({
    what: `${f.bytes} bytes of ${f.file} are needed, of which only the header was fetched.`,
    where: f.where,
    next: 'Give --download, which brings the weights into the cache.',
  }),
  E_WEIGHTS_WHOLE: (f: { file: string; size: number; where: string }) => ({
    what: `The weights are ${f.file}, ${bytes(f.size)}: what a PyTorch file holds can be told only with all of it.`,
    where: f.where,
    next: 'Give --download, which brings it into the cache; a conversion needs it there anyway.',
  }),
  E_HUB_CACHE: (f: { folder: string; problem: string; next: string }) => ({
    what: `The cache of the hub, ${f.folder}, cannot be used: ${f.problem}.`,
    where: 'HF_HUB_CACHE, or hub in HF_HOME; default: ~/.cache/huggingface/hub',
    next: f.next,
  }),
  E_HUB_RESPONSE: (f: { problem: string; where: string }) => ({
    what: `The hub gave an answer that makes no sense: ${f.problem}.`,
    where: f.where,
    next: 'If HF_ENDPOINT is set, check that it names a hub.',
  }),
})
