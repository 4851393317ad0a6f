import { crc32 } from 'node:zlib'
import type { Random } from '../random.ts'
import { mutateBytes } from './bytes.ts'
import { instructions, mutatePickle } from './pickle.ts'

interface Entry {
  readonly name: string
  readonly data: Buffer
}

const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50]

/** The entries of an archive, which stores them uncompressed. */
export function entriesOf(zip: Buffer): Entry[] {
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  const found: Entry[] = []
  let at = zip.readUInt32LE(end + 16)
  // Archives with a second, larger end record say there where their directory begins.
  if (at === 0xffffffff) at = Number(zip.readBigUInt64LE(zip.lastIndexOf('PK\x06\x06', undefined, 'latin1') + 48))
  while (zip.readUInt32LE(at) === CENTRAL) {
    const [size, name, extra, comment, local] = [
      zip.readUInt32LE(at + 24),
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
      zip.readUInt32LE(at + 42),
    ]
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    found.push({ name: zip.toString('utf8', at + 46, at + 46 + name), data: zip.subarray(start, start + size) })
    at += 46 + name + extra + comment
  }
  return found
}

/** An archive of these entries. */
export function zipOf(entries: readonly Entry[]): Buffer {
  const [files, directory]: [Buffer[], Buffer[]] = [[], []]
  let offset = 0
  for (const { name, data } of entries) {
    const path = Buffer.from(name)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(data.length, 14)
    common.writeUInt32LE(data.length, 18)
    common.writeUInt16LE(path.length, 22)
    const local = Buffer.alloc(4)
    local.writeUInt32LE(LOCAL)
    files.push(local, common, path, data)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(CENTRAL)
    central.writeUInt16LE(20, 4)
    common.copy(central, 6)
    central.writeUInt32LE(offset, 42)
    directory.push(central, path)
    offset += 30 + path.length + data.length
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END)
  end.writeUInt16LE(entries.length & 0xffff, 8)
  end.writeUInt16LE(entries.length & 0xffff, 10)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...files, listed, end])
}

function mutateZip(file: Buffer, random: Random): Buffer {
  const entries = entriesOf(file)
  const pickle = entries.findIndex(({ name }) => name.endsWith('/data.pkl'))
  const chosen = random.int(entries.length)
  const put = (at: number, change: (entry: Entry) => Partial<Entry>) =>
    zipOf(entries.map((entry, i) => (i === at ? { ...entry, ...change(entry) } : entry)))
  switch (random.int(14)) {
    case 0:
      return mutateBytes(file, random)
    case 1: {
      // The directory and the end of the archive.
      const tail = Math.min(file.length, 4096)
      return Buffer.concat([file.subarray(0, file.length - tail), mutateBytes(file.subarray(file.length - tail), random)])
    }
    case 2:
      return zipOf(entries.filter((_, i) => i !== chosen))
    case 3:
      return zipOf([...entries, entries[chosen] as Entry])
    case 4:
      return put(chosen, ({ name }) => ({
        name: random.pick([`../${name}`, '__proto__', `${name}/x`, 'x'.repeat(60_000), `other/${name}`, name.replace(/\d+$/, '7'), '']),
      }))
    case 5:
      return put(chosen, ({ data }) => ({
        data: random.pick([data.subarray(0, data.length >> 1), Buffer.concat([data, data]), Buffer.alloc(0), mutateBytes(data, random)]),
      }))
    case 6:
      return zipOf([...entries, ...Array.from({ length: 3000 }, (_, i) => ({ name: `pytorch_model/data/x${i}`, data: Buffer.alloc(0) }))])
    default:
      return put(pickle, ({ data }) => ({ data: mutatePickle(data, random) }))
  }
}

/** The format before 1.6: five pickles, then the storages. What of it are pickles ends at the fifth STOP. */
function mutateLegacy(file: Buffer, random: Random): Buffer {
  if (random.once(6)) return mutateBytes(file, random)
  let at = 0
  let stops = 0
  for (const op of instructions(file)) {
    at += op.length
    if (op.toString('latin1') === '.' && ++stops === 5) break
  }
  return Buffer.concat([mutatePickle(file.subarray(0, at), random), file.subarray(at)])
}

/** What torch.save wrote, after a change to the archive or to the pickles. */
export const mutateTorch = (file: Buffer, random: Random): Buffer =>
  (file.toString('latin1', 0, 2) === 'PK' ? mutateZip : mutateLegacy)(file, random)
