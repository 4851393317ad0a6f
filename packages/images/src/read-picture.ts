import { readFile, stat } from 'node:fs/promises'
import sharp, { type FailOnOptions } from 'sharp'
import { errors } from './errors.ts'
import { endsEarly, type Header, readHeader } from './header.ts'
import { turns, upright } from './orientation.ts'
import { PIXEL_LIMIT, type Picture } from './picture.ts'

/**
 * Reads a PNG, JPEG, WebP or GIF file, or the bytes of one, as Pillow's `exif_transpose(Image.open(f)).convert("RGB")` does, byte for
 * byte: the first frame, upright by its EXIF orientation, without its alpha (which is dropped, not blended) and whatever its colour
 * profile says. `name` is what errors call bytes that came from no path.
 */
export async function readPicture(file: string | URL | Uint8Array, name = 'The picture'): Promise<Picture> {
  const where = file instanceof Uint8Array ? name : String(file)
  const bytes = file instanceof Uint8Array ? file : await readBytes(file)
  const header = readHeader(bytes)
  if (!header) throw errors.E_IMAGE_FORMAT({ file: where, problem: bytes.length ? `it begins with ${start(bytes)}` : 'it is empty' })
  if ('problem' in header) throw errors.E_IMAGE_FILE({ file: where, format: header.format, problem: header.problem })
  const { width, height, format } = header
  if (width * height > PIXEL_LIMIT) throw errors.E_IMAGE_SIZE({ what: where, width, height, limit: PIXEL_LIMIT })
  try {
    return await decode(bytes, header, where)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'E_IMAGE_SIZE') throw cause
    throw errors.E_IMAGE_FILE(
      { file: where, format, problem: endsEarly(bytes, format) ? `it is cut off (${reason(cause)})` : reason(cause) },
      { cause },
    )
  }
}

/** A picture of the most pixels without any compression takes about as much. */
const MOST_FILE = 3 * PIXEL_LIMIT

async function readBytes(file: string | URL): Promise<Uint8Array> {
  try {
    // What is no regular file might never end.
    const found = await stat(file)
    if (!found.isFile()) throw errors.E_IMAGE_PATH({ file: String(file), problem: 'it is a folder or a device, not a file' })
    if (found.size > MOST_FILE) throw errors.E_IMAGE_PATH({ file: String(file), problem: `it has more than ${MOST_FILE} bytes` })
    return await readFile(file)
  } catch (cause) {
    const known: Record<string, string> = {
      ENOENT: 'there is no such file',
      ENOTDIR: 'there is no such file',
      EACCES: 'reading is not allowed',
    }
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code.startsWith('E_IMAGE')) throw cause
    throw errors.E_IMAGE_PATH({ file: String(file), problem: known[code] ?? reason(cause) }, { cause })
  }
}

const start = (bytes: Uint8Array): string =>
  `the bytes ${Buffer.from(bytes.subarray(0, 8))
    .toString('hex')
    .replace(/..(?=.)/g, '$& ')}`

/** What the decoder says, without the names of its parts; it says much twice. */
const reason = (error: unknown): string =>
  [
    ...new Set(
      (error instanceof Error ? error.message : String(error)).split('\n').map(line =>
        line
          .trim()
          .replace(/^Input \w+ has corrupt header: /, '')
          .replace(/^(VipsJpeg|vipspng|webp2vips|gifload_buffer): /, '')
          .replace(/\.$/, ''),
      ),
    ),
  ]
    .filter(line => line && line !== 'Unknown error')
    .slice(0, 2)
    .join('; ') || 'its pixels cannot be decoded'

interface Samples {
  readonly data: Buffer
  readonly channels: number
}

/** Memory that a picture of the most pixels takes in the usual form, and some to spare: other forms get as many pixels as fit in it. */
const MOST_BYTES = 768e6

/**
 * Pixels of all scans of a JPEG together, each some ten nanoseconds of decoding. A progressive file has 10 to 12 scans in colour, 6 in
 * gray and 18 of four inks, which gives up to 1.02 · 10⁹ for as many pixels as it may have. A few bytes can ask for a thousand scans.
 */
const MOST_SCANNED = 2 ** 30

/** Pixels that a scan counts for at least, as it takes some time of its own. */
const SMALL = 2 ** 20

async function decode(bytes: Uint8Array, header: Header, where: string): Promise<Picture> {
  const { width, height, scans = 1 } = header
  const { depth, space, channels, isProgressive, pages = 1, orientation = 0, xmp } = await open(bytes, 'none').metadata()
  const deep = depth === 'ushort'
  const samplesTake = channels * (deep ? 2 : 1)
  // A progressive file is held whole before there is a pixel of it, JPEG as coefficients of 16 bits. A few bytes can ask for all of it.
  const turn = orientation || orientationOf(xmp)
  const taken = samplesTake + (isProgressive ? 2 * channels : 0) + (samplesTake === 3 ? 0 : 3) + (turns(turn) ? 3 : 0)
  const limit = Math.floor(MOST_BYTES / taken)
  if (width * height > limit) throw errors.E_IMAGE_SIZE({ what: where, width, height, limit })
  if (scans * Math.max(width * height, SMALL) > MOST_SCANNED)
    throw new Error(`it goes over its ${width} × ${height} pixels ${scans} times, more often than any photograph of that size`)
  const notes: string[] = []
  const samples = async (failOn: FailOnOptions): Promise<Samples> => {
    const image = open(bytes, failOn)
    // Inks and deep samples are asked for as they stand: what becomes of them is Pillow's, below.
    if (deep || space === 'cmyk') image.pipelineColourspace(space).toColourspace(space)
    const { data, info } = await image.raw({ depth: deep ? 'ushort' : 'uchar' }).toBuffer({ resolveWithObject: true })
    if (info.width !== width || info.height !== height)
      throw new Error(`its header tells ${width} × ${height} pixels and there are ${info.width} × ${info.height}`)
    return { data, channels: info.channels }
  }
  // Pillow reads on where libjpeg only warns. Such pixels are as good as they get, and whoever uses them should know.
  const read = await samples('warning').catch(async (cause: unknown) => {
    const rest = await samples('error')
    notes.push(`The file is damaged and was read as far as it goes: ${reason(cause)}.`)
    return rest
  })
  // Three channels of bytes are it already.
  const done = !deep && read.channels === 3
  const data = done ? new Uint8Array(read.data.buffer, read.data.byteOffset, read.data.length) : new Uint8Array(width * height * 3)
  if (deep) fromDeep(read, header, data, notes)
  else if (space === 'cmyk') fromInks(read, data)
  else if (!done) fromBytes(read, header, data, notes)
  if (pages > 1) notes.push(`The first of ${pages} frames was read.`)
  return upright({ width, height, data, notes }, turn)
}

const open = (bytes: Uint8Array, failOn: FailOnOptions) => sharp(bytes, { ignoreIcc: true, limitInputPixels: false, failOn })

/** Pillow looks into XMP where EXIF tells no orientation. */
const orientationOf = (xmp: Buffer | undefined): number =>
  Number(/tiff:Orientation(?:="|>)([0-9])/.exec(xmp?.toString('latin1') ?? '')?.[1] ?? 0)

const note16 = 'Gray of 16 bits was cut off at 255, as Pillow does: scale it to 8 bits first if it holds more.'
const noteAlpha = 'The alpha channel was dropped: colours are those under the transparent parts.'

function fromBytes({ data, channels }: Samples, { bare }: Header, out: Uint8Array, notes: string[]): void {
  const colors = channels >= 3
  const alpha = channels === 4 || channels === 2
  let clear = false
  for (let from = 0, to = 0; to < out.length; from += channels, to += 3) {
    const transparent = alpha && data[from + channels - 1] !== 255
    clear ||= transparent
    // The decoder leaves no colour where a GIF is transparent; Pillow keeps that of the palette.
    if (transparent && bare) out.set(bare, to)
    else {
      out[to] = data[from] as number
      out[to + 1] = data[colors ? from + 1 : from] as number
      out[to + 2] = data[colors ? from + 2 : from] as number
    }
  }
  if (clear) notes.push(noteAlpha)
}

/** Of samples with 16 bits Pillow keeps the high byte, but for gray without alpha, which it cuts off. */
function fromDeep({ data, channels }: Samples, { deepGray = false }: Header, out: Uint8Array, notes: string[]): void {
  const deep = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
  const colors = channels >= 3
  const alpha = channels === 4 || channels === 2
  let [cut, clear] = [false, false]
  for (let from = 0, to = 0; to < out.length; from += channels, to += 3) {
    for (let i = 0; i < 3; i++) {
      const value = deep[colors ? from + i : from] as number
      out[to + i] = deepGray ? Math.min(value, 255) : value >> 8
      cut ||= deepGray && value > 255
    }
    clear ||= alpha && deep[from + channels - 1] !== 65535
  }
  if (cut) notes.push(note16)
  if (clear) notes.push(noteAlpha)
}

/** Decoder and Pillow agree that files hold 255 less the ink. Colour = (255 − K)·(255 − ink)/255, rounded as Pillow rounds. */
function fromInks({ data }: Samples, out: Uint8Array): void {
  for (let from = 0, to = 0; to < out.length; from += 4, to += 3) {
    const light = 255 - (data[from + 3] as number)
    for (let i = 0; i < 3; i++) {
      const product = (data[from + i] as number) * light + 128
      out[to + i] = light - (((product >> 8) + product) >> 8)
    }
  }
}
